//! How a run ends: the exit code of each failure.

use airlift_bundle::Detail;
use airlift_bundle::plan::PlanError as ArchiveError;
use airlift_oci::reference::MirrorError;
use airlift_packager::{AttachedError, BuildError, FetchError, LayoutError, PackError, ResolveError};
use airlift_pusher::{PlanError, PushError};
use airlift_registry::{Error as RegistryError, SetupError};
use airlift_verifier::{AdmitError, State};

use crate::asked::select_error::SelectError;
use crate::failure::{Failure, ImageFailure};

/// The exit codes; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The answer is no: findings, missing, different.
    No = 1,
    /// Wrong usage.
    Usage = 2,
    /// A registry or the network.
    Registry = 3,
    /// Local files. This includes a file that is no bundle at all: it could not be examined, so there is no
    /// answer.
    Local = 4,
    /// Refused by a rule.
    Refused = 5,
}

impl Failure {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Setup(error) => of_setup(error),
            Failure::Resolve(errors) => of_resolve(errors.first()),
            Failure::Images(errors) => of_all(errors.iter().map(of_image)),
            Failure::Pack(error) => of_pack(error),
            Failure::Build(error) | Failure::Stream(error) => of_build(error),
            Failure::Reuse(_) => Exit::Local,
            Failure::Examine(_) | Failure::Admit(AdmitError::Examine(_)) => Exit::Local,
            Failure::Admit(AdmitError::Refused { report, .. }) => of_state(report.state),
            // The exit code 1 would say that the two differ.
            Failure::NotComparable(AdmitError::Refused { report, .. })
                if report.state == State::OverLimit =>
            {
                Exit::Refused
            }
            Failure::NotComparable(_) => Exit::Local,
            Failure::Damaged { .. } => Exit::No,
            Failure::PushPlan(error) => of_push_plan(error),
            Failure::Push(PushError::TagsTaken(_) | PushError::TagsShared(_))
            | Failure::TooLarge { .. }
            | Failure::TooManyFrames { .. } => Exit::Refused,
            Failure::Push(
                PushError::Registry { source, .. }
                | PushError::TagHidden { source, .. }
                | PushError::NotCreated { source, .. },
            )
            | Failure::Login { source, .. }
            | Failure::ReadBack { source, .. } => of_registry(source),
            Failure::LoginStore(_) => Exit::Local,
            Failure::Push(
                PushError::Sparse(_)
                | PushError::NoRegistry { .. }
                | PushError::NotWritable(_)
                | PushError::StillMissing { .. },
            ) => Exit::Registry,
            Failure::Push(PushError::Task(_)) => Exit::Local,
            Failure::File { .. } | Failure::Stdout(_) | Failure::Json(_) | Failure::Start(_) => Exit::Local,
            Failure::Server(_) | Failure::Seed(_) => Exit::Local,
        }
    }
}

fn of_registry(error: &RegistryError) -> Exit {
    match error {
        RegistryError::Mirror(MirrorError::Blocked { .. }) => Exit::Refused,
        RegistryError::Mirror(_) => Exit::Usage,
        error if error.is_local() => Exit::Local,
        _ => Exit::Registry,
    }
}

/// The exit code of a command that needs a whole bundle and found one in this state.
pub(crate) fn of_state(state: State) -> Exit {
    match state {
        State::Whole | State::Partial => Exit::Done,
        State::OverLimit => Exit::Refused,
        State::OtherBundle
        | State::NotAsLocked
        | State::NoLayout
        | State::PackedAgain
        | State::Unfinished
        | State::Damaged => Exit::No,
    }
}

fn of_setup(error: &SetupError) -> Exit {
    match error {
        SetupError::CaFile { .. } | SetupError::AuthFile { .. } => Exit::Local,
        _ => Exit::Usage,
    }
}

/// The code of several failures: of the first that is more than a wrong wish, such as a platform that an
/// image doesn't have.
fn of_all(mut codes: impl Iterator<Item = Exit>) -> Exit {
    codes.find(|code| *code != Exit::Usage).unwrap_or(Exit::Usage)
}

fn of_image(error: &ImageFailure) -> Exit {
    match error {
        ImageFailure::Select(SelectError::Tags { source, .. }) => of_registry(source),
        ImageFailure::Select(SelectError::Selection { .. }) => Exit::Registry,
        ImageFailure::Resolve(error) => of_resolve(error),
        ImageFailure::Pack(error) => of_pack(error),
        ImageFailure::Unanswered(_) => Exit::Registry,
    }
}

fn of_resolve(error: &ResolveError) -> Exit {
    match error {
        ResolveError::NotFound(_)
        | ResolveError::NotAtMirror { .. }
        | ResolveError::LockedIsGone { .. }
        | ResolveError::TimeUp { .. }
        | ResolveError::Manifest { .. }
        | ResolveError::NoRegistry { .. } => Exit::Registry,
        ResolveError::Registry { source, .. } => of_registry(source),
        ResolveError::Layout(failure) => of_layout(&failure.error),
        ResolveError::Conflict { .. } | ResolveError::Nothing => Exit::Usage,
    }
}

/// What can't be resolved ends like at a registry, and what is damaged like a damaged bundle.
fn of_layout(error: &LayoutError) -> Exit {
    match error {
        LayoutError::Unreadable { finding, .. } if matches!(finding.detail, Some(Detail::Limit(_))) => {
            Exit::Refused
        }
        LayoutError::Open { .. } | LayoutError::Unreadable { .. } => Exit::Local,
        LayoutError::Empty { .. } | LayoutError::NoMatch { .. } | LayoutError::NotAsLocked { .. } => {
            Exit::Registry
        }
        LayoutError::OtherForm { .. }
        | LayoutError::Ambiguous { .. }
        | LayoutError::OneName { .. }
        | LayoutError::NamedTwice { .. }
        | LayoutError::Name { .. } => Exit::Usage,
        LayoutError::Damaged { .. } => Exit::No,
    }
}

fn of_pack(error: &PackError) -> Exit {
    match error {
        PackError::Registry { source, .. } | PackError::Attached(AttachedError::Registry { source, .. }) => {
            of_registry(source)
        }
        PackError::Missing(_)
        | PackError::Manifest { .. }
        | PackError::NotAsLocked(_)
        | PackError::TimeUp { .. } => Exit::Registry,
        PackError::Several(errors) => of_all(errors.iter().map(of_pack)),
        PackError::Graph(error) if error.limit().is_some() => Exit::Refused,
        PackError::Attached(AttachedError::Limit { .. }) => Exit::Refused,
        PackError::Attached(AttachedError::Layout(error)) => of_layout(error),
        PackError::Layout(_) => Exit::No,
        PackError::Attached(_) | PackError::Graph(_) => Exit::Registry,
        // Sizes that a registry claims, and no archive can have.
        PackError::Plan(ArchiveError::TooLarge { .. }) => Exit::Registry,
        PackError::Plan(ArchiveError::IndexTooLarge(_)) => Exit::Refused,
        PackError::NoSuchPlatform(_) | PackError::NothingLeft | PackError::Plan(_) => Exit::Usage,
    }
}

fn of_build(error: &BuildError) -> Exit {
    match error {
        BuildError::Exists { .. } => Exit::Refused,
        BuildError::Fetch(FetchError::Registry { source, .. }) => of_registry(source),
        BuildError::Fetch(FetchError::Layout(_)) => Exit::No,
        BuildError::Fetch(FetchError::Write { .. } | FetchError::Changed { .. } | FetchError::Task(_)) => {
            Exit::Local
        }
        BuildError::Output { .. } | BuildError::Read { .. } | BuildError::Write(_) | BuildError::Task(_) => {
            Exit::Local
        }
    }
}

fn of_push_plan(error: &PlanError) -> Exit {
    match error {
        PlanError::Empty => Exit::No,
        PlanError::Conflict { .. } => Exit::Refused,
        PlanError::NoMatch(_)
        | PlanError::UnusedRule { .. }
        | PlanError::Unnamed { .. }
        | PlanError::Name { .. } => Exit::Usage,
    }
}
