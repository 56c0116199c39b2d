//! What to do next: the one place where facts become advice.
//!
//! Libraries report what happened, as errors, findings and events. Their callers need not be this command, so
//! they name none of its options; here each fact gets the option that helps.

mod bundle;
mod check;
mod disk;
mod event;
mod finding;
mod images;
mod layout;
mod open_files;
mod plan;
mod push;
mod registry;
mod write_access;

use airlift_bundle::Detail;
use airlift_oci::{ReferenceError, SourceReferenceError};
use airlift_packager::{BuildError, FetchError, PackError};
use airlift_pusher::{DestinationError, PushError};
use airlift_verifier::{AdmitError, ExamineError};

pub(crate) use bundle::{of_report, of_state};
pub(crate) use check::{CheckedAt, of_checked};
pub(crate) use event::of_remedy;
pub(crate) use finding::add_to_findings;
pub(crate) use images::{of_fault, of_note, of_pins};
pub(crate) use push::with_advice;
pub(crate) use write_access::commands as write_commands;

use crate::failure::{Failure, ImageFailure};
use crate::files::keep_apart::{Input, Overwrites};
use crate::usage_error::{BadReference, UsageError};

/// The obvious next step after a failure, where there is one.
pub(crate) fn of_failure(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Start(_) => Some(
            "this user, or this container, may have no more threads: end other programs, or allow more (ulimit -u)"
                .to_owned(),
        ),
        _ if open_files::ran_out(failure) => Some(open_files::WAY_OUT.to_owned()),
        Failure::Usage(error) => of_usage(error).map(str::to_owned),
        Failure::Setup(error) => registry::of_setup(error).map(str::to_owned),
        Failure::Resolve(errors) => errors.iter().find_map(plan::of_resolve),
        Failure::Images(errors) => errors.iter().find_map(of_image),
        Failure::Pack(error) => of_pack(error),
        Failure::Build(error) => of_build(error),
        Failure::TooManyFrames { .. } => Some(
            "leave .zst out of the name; if no image is that large, its registry claims wrong sizes"
                .to_owned(),
        ),
        Failure::Login { source: airlift_registry::Error::Unauthorised(_), .. } => Some(
            "check the user and the password; some registries want a token in the place of the password"
                .to_owned(),
        ),
        Failure::Login { source, .. } => registry::of_error(source),
        Failure::LoginStore(error) => Some(registry::of_login_store(error).to_owned()),
        Failure::PushPlan(error) => push::of_plan(error).map(str::to_owned),
        Failure::Push(error) => of_push(error),
        Failure::Stream(BuildError::Fetch(FetchError::Registry { source, .. }))
        | Failure::ReadBack { source, .. } => registry::of_error(source),
        Failure::Admit(AdmitError::Refused { path, report })
        | Failure::NotComparable(AdmitError::Refused { path, report }) => Some(of_state(report, path)),
        Failure::Examine(ExamineError::Open(error))
        | Failure::Admit(AdmitError::Examine(ExamineError::Open(error)))
        | Failure::NotComparable(AdmitError::Examine(ExamineError::Open(error))) => bundle::of_open(error),
        _ => None,
    }
}

fn of_usage(error: &UsageError) -> Option<&'static str> {
    match error {
        UsageError::Overwrites(Overwrites { input: Input::Reused(_), .. }) => Some(
            "leave --reuse out: what is at the output, or unfinished beside it, is reused without being named",
        ),
        UsageError::NoDigests(_) => Some("`airlift lock -f LIST -o images.lock` writes them down"),
        UsageError::NoTerminal => Some("give it on standard input, with --username and --password-stdin"),
        UsageError::Overwrites(_) => Some("choose another name for what is written"),
        _ if names_http(error) => Some("--plain-http HOST is the way to a registry without TLS"),
        _ => None,
    }
}

/// Whether the address of an unencrypted page was given for a name.
fn names_http(error: &UsageError) -> bool {
    let is_http = |text: &str| text.trim_start().starts_with("http://");
    match error {
        UsageError::References(errors) => errors.iter().any(|error| match error {
            BadReference::Argument(SourceReferenceError::Registry(ReferenceError::Malformed {
                text,
                ..
            })) => is_http(text),
            BadReference::List(error) => error.message.starts_with("'http://"),
            _ => false,
        }),
        UsageError::Destination(DestinationError::Malformed { text, .. }) => is_http(text),
        _ => false,
    }
}

fn of_image(error: &ImageFailure) -> Option<String> {
    match error {
        ImageFailure::Select(error) => plan::of_select(error),
        ImageFailure::Resolve(error) => plan::of_resolve(error),
        ImageFailure::Pack(error) => of_pack(error),
        ImageFailure::Unanswered(_) => None,
    }
}

fn of_pack(error: &PackError) -> Option<String> {
    match error {
        PackError::Missing(missing) => plan::of_missing(missing),
        PackError::NoSuchPlatform(_) => Some(
            "choose among the platforms that there are; --allow-missing-platform takes what each image has"
                .to_owned(),
        ),
        PackError::Registry { mirror, source, .. } => {
            plan::with_fallback(registry::of_error(source), mirror.is_some())
        }
        PackError::Manifest { mirror, .. } => plan::with_fallback(None, mirror.is_some()),
        PackError::TimeUp { .. } => Some(plan::TIME_UP.to_owned()),
        PackError::Graph(error) => error.limit().map(|limit| finding::of_detail(Detail::Limit(limit))),
        PackError::Attached(error) => Some(plan::of_attached(error)),
        PackError::Layout(damage) => Some(layout::of_damage(damage)),
        _ => None,
    }
}

fn of_build(error: &BuildError) -> Option<String> {
    match error {
        BuildError::Exists { .. } => Some("--force replaces it".to_owned()),
        BuildError::Output { path, .. } => disk::of_output(path).map(str::to_owned),
        BuildError::Write(error) | BuildError::Fetch(FetchError::Write { source: error, .. }) => {
            disk::of_write(error)
        }
        BuildError::Fetch(FetchError::Layout(damage)) => Some(layout::of_damage(damage)),
        BuildError::Fetch(FetchError::Registry { mirror, source, .. }) => {
            let kept = "what arrived is kept; the same command goes on from there";
            let hint = plan::with_fallback(registry::of_error(source), mirror.is_some());
            Some(hint.map_or(kept.to_owned(), |hint| format!("{hint}; {kept}")))
        }
        _ => None,
    }
}

fn of_push(error: &PushError) -> Option<String> {
    match error {
        PushError::TagsTaken(_) => Some(push::MOVES_TAGS.to_owned()),
        PushError::TagsShared(_) => Some(push::KEEPS_APART.to_owned()),
        PushError::Registry { source, .. } => registry::of_error(source),
        PushError::NoRegistry { source, .. } => Some(registry::of_error(source).unwrap_or(
            "check host and port; a registry answers at /v2/ of its host, not below PREFIX".to_owned(),
        )),
        PushError::Sparse(refusal) => Some(push::of_sparse(refusal.certainty)),
        PushError::TagHidden { source, .. } => Some(push::of_hidden_tag(source.likely_cause())),
        PushError::NotWritable(refusal) => Some(write_access::of_refusal(refusal)),
        PushError::NotCreated { refusal, project, source, .. } => {
            Some(write_access::of_creation(refusal, project, source))
        }
        PushError::StillMissing { refusal, projects } => {
            Some(write_access::of_missing_still(refusal, projects))
        }
        PushError::Task(_) => None,
    }
}
