//! How a run ends: everything that can go wrong, and in one place the exit code and the hint for each.

mod disk;
mod planning;

use std::io;
use std::path::PathBuf;

use airlift_bundle::OpenError;
use airlift_bundle::plan::PlanError as LayoutError;
use airlift_packager::{
    AttachedError, BuildError, FetchError, PackError, ResolveError, ReuseError, Several, StreamError,
};
use airlift_pusher::{Destination, PlanError, PushError};
use airlift_registry::{Error as RegistryError, SetupError};
use airlift_server::{SeedError, StartError};
use airlift_verifier::{AdmitError, ExamineError, State};

pub(crate) use planning::BadReference;
use planning::{hint_of_attached, hint_of_missing, hint_of_registry, hint_of_resolve, parts_of};

use crate::files::Input;
use crate::ui::size;
use crate::ui::term::harmless;

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
    /// Local files. A file that is no bundle at all counts here, too: we could not look, so there is no
    /// answer.
    Local = 4,
    /// Refused by a rule.
    Refused = 5,
}

/// What was typed makes no sense, in a way that the parser of arguments can't know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    /// Malformed references on the command line or in lists.
    #[error(transparent)]
    References(#[from] Several<BadReference>),
    /// More volumes than a set can have.
    #[error(transparent)]
    Volumes(airlift_bundle::volumes::SplitError),
    /// A file of another kind than lists of references.
    #[error(
        "{} is a .{extension} file, which can't be read as a list of images: -f takes text files with one reference a line ('#' starts a comment)", .file.display()
    )]
    ListKind { file: PathBuf, extension: String },
    /// A list that can't be text.
    #[error("{} is no list of images: {why}", .file.display())]
    List { file: PathBuf, why: &'static str },
    /// Lists and arguments without any reference.
    #[error("no image was asked for: name references, or a file of them with -f")]
    NoReferences,
    /// An output would take the place of what is read.
    #[error("{} would be written over, and it is {input}", .output.display())]
    Overwrites { output: PathBuf, input: Input },
    /// Two things that exclude each other.
    #[error("{0}")]
    Combination(&'static str),
    /// What was expected is no bundle id.
    #[error("'{}' is no bundle id: that is sha256: and 64 hex digits, as build prints it", .0.escape_debug())]
    ExpectedId(String),
    /// What was expected is neither a bundle id nor a file.
    #[error("there is no file {}, and it is no bundle id either (sha256: and 64 hex digits)", harmless(&.0.to_string_lossy()))]
    NoExpectedFile(PathBuf),
    /// The file that should hold the expected bundle id holds none.
    #[error("{} holds no bundle id: none of its lines starts with sha256:… or id sha256:…", harmless(&.0.to_string_lossy()))]
    NoIdInFile(PathBuf),
    /// A destination that is none.
    #[error(transparent)]
    Destination(airlift_pusher::DestinationError),
    /// Nothing in the bundle has that name.
    #[error("nothing in {} matches {unmatched}", .bundle.display())]
    NotInBundle { bundle: PathBuf, unmatched: airlift_pusher::Unmatched },
    /// A pattern that several images match, where one is wanted.
    #[error("--raw writes one manifest or blob, and {} match: {}", .0.len(), .0.join(", "))]
    SeveralImages(Vec<String>),
    /// The bundle and the destination in the wrong order.
    #[error("there is no bundle {}, but {destination} is a file: BUNDLE comes first, then DEST", harmless(&.bundle.to_string_lossy()))]
    Swapped { bundle: PathBuf, destination: Destination },
    /// A digest's start that several digests have.
    #[error("'{}' is the start of several digests: {}", .0.escape_debug(), .1.join(", "))]
    Ambiguous(String, Vec<String>),
}

impl UsageError {
    /// A single malformed reference.
    pub(crate) fn reference(source: airlift_oci::ReferenceError) -> Self {
        UsageError::References(BadReference::Argument(source).into())
    }

    /// Whether the address of an unencrypted page was given for a name.
    fn asks_for_http(&self) -> bool {
        let is_http = |text: &str| text.trim_start().starts_with("http://");
        match self {
            UsageError::References(errors) => errors.iter().any(|error| {
                let (BadReference::Argument(source) | BadReference::Line { source, .. }) = error;
                matches!(source, airlift_oci::ReferenceError::Malformed { text, .. } if is_http(text))
            }),
            UsageError::Destination(airlift_pusher::DestinationError::Malformed { text, .. }) => {
                is_http(text)
            }
            _ => false,
        }
    }
}

/// Why a command couldn't do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Resolve(#[from] Several<ResolveError>),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Reuse(#[from] ReuseError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Examine(#[from] ExamineError),
    #[error(transparent)]
    Admit(#[from] AdmitError),
    #[error(transparent)]
    PushPlan(#[from] PlanError),
    #[error(transparent)]
    Push(#[from] PushError),
    /// The bundle would be larger than allowed.
    #[error("the bundle would have {}, more than the {} that --max-size allows; nothing was fetched", size::exact(*.size), size::human(*.limit))]
    TooLarge { size: u64, limit: u64 },
    /// An archive that readers would refuse in frames.
    #[error("{} can't be compressed: an archive of {} would have more frames than readers take; nothing was fetched", harmless(&.output.to_string_lossy()), size::human(*.size))]
    TooManyFrames { output: PathBuf, size: u64 },
    /// Content that is not what its digest says.
    #[error("{what} is damaged: {why}")]
    Damaged { what: String, why: String },
    /// A file that can't be read or written.
    #[error("can't {doing} {}", .path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The result has nowhere to go.
    #[error("can't write to standard output")]
    Stdout(#[source] io::Error),
    /// A document that can't be written down.
    #[error("can't write the JSON document")]
    Json(#[source] serde_json::Error),
    /// The runtime or the signal handling could not be set up.
    #[error("can't start")]
    Start(#[source] io::Error),
    /// An embedded registry could not be started.
    #[error("can't start an embedded registry")]
    Server(#[from] StartError),
    /// An embedded registry could not be filled.
    #[error("can't fill the embedded registry")]
    Seed(#[from] SeedError),
    /// A registry's answer in the demo.
    #[error("can't read back {what}")]
    ReadBack {
        what: String,
        #[source]
        source: RegistryError,
    },
}

impl Failure {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Setup(error) => of_setup(error),
            Failure::Resolve(errors) => of_resolve(errors.first()),
            Failure::Pack(error) => of_pack(error),
            Failure::Build(error) => of_build(error),
            Failure::Stream(StreamError::Fetch { source, .. } | StreamError::Altered { source, .. }) => {
                of_registry(source)
            }
            Failure::Stream(StreamError::Write(_) | StreamError::Changed { .. }) | Failure::Reuse(_) => {
                Exit::Local
            }
            Failure::Examine(_) | Failure::Admit(AdmitError::Examine(_)) => Exit::Local,
            Failure::Admit(AdmitError::Refused { report, .. }) => of_state(report.state),
            Failure::Damaged { .. } => Exit::No,
            Failure::PushPlan(error) => of_push_plan(error),
            Failure::Push(PushError::TagsTaken(_) | PushError::TagsShared(_))
            | Failure::TooLarge { .. }
            | Failure::TooManyFrames { .. } => Exit::Refused,
            Failure::Push(PushError::Registry { source, .. } | PushError::TagHidden { source, .. })
            | Failure::ReadBack { source, .. } => of_registry(source),
            Failure::Push(PushError::Sparse(_) | PushError::NoRegistry { .. }) => Exit::Registry,
            Failure::Push(PushError::Task(_)) => Exit::Local,
            Failure::File { .. } | Failure::Stdout(_) | Failure::Json(_) | Failure::Start(_) => Exit::Local,
            Failure::Server(_) | Failure::Seed(_) => Exit::Local,
        }
    }

    /// What the error counts, where it is several of a kind: each with its causes.
    pub(crate) fn parts(&self) -> Vec<String> {
        match self {
            Failure::Usage(UsageError::References(errors)) => parts_of(errors),
            Failure::Resolve(errors) => parts_of(errors),
            Failure::Pack(PackError::Missing(errors)) => parts_of(errors),
            Failure::Pack(PackError::NoSuchPlatform(errors)) => parts_of(errors),
            _ => Vec::new(),
        }
    }

    /// Whether a registry's limit of requests ended a plan.
    pub(crate) fn is_limited(&self) -> bool {
        let source = match self {
            Failure::Resolve(errors) => {
                return errors.iter().any(|error| {
                    matches!(error, ResolveError::Registry { source: RegistryError::RateLimited(_), .. })
                });
            }
            Failure::Pack(PackError::Registry { source, .. }) => source,
            Failure::Pack(PackError::Attached(AttachedError::Registry { source, .. })) => source,
            _ => return false,
        };
        matches!(source, RegistryError::RateLimited(_))
    }

    /// Whether the reader of standard output went away, which is nothing to complain about.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        match self {
            Failure::Stdout(error) | Failure::Stream(StreamError::Write(error)) => {
                error.kind() == io::ErrorKind::BrokenPipe
            }
            _ => false,
        }
    }

    /// What there is to say of a reader that went away, to those who want to know.
    pub(crate) fn of_broken_pipe(&self) -> &'static str {
        match self {
            Failure::Stream(_) => {
                "airlift: the program that reads standard output ended before the archive did; it got a part of it, which is no bundle\n"
            }
            _ => "",
        }
    }

    /// The obvious next step, where there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Failure::Usage(error) if error.asks_for_http() => {
                Some("--plain-http HOST is the way to a registry without TLS".to_owned())
            }
            Failure::Build(BuildError::Write(error) | BuildError::Fetch(FetchError::Write { source: error, .. })) => {
                disk::hint(error)
            }
            Failure::Usage(UsageError::Overwrites { input: Input::Reused(_), .. }) => Some(
                "leave --reuse out: what is at the output, or unfinished beside it, is reused without being named"
                    .to_owned(),
            ),
            Failure::TooManyFrames { .. } => {
                Some("leave .zst out of the name; if no image is that large, its registry claims wrong sizes".to_owned())
            }
            Failure::Usage(UsageError::Overwrites { .. }) => Some("choose another name with -o".to_owned()),
            Failure::Resolve(errors) => errors.iter().find_map(hint_of_resolve),
            Failure::Pack(PackError::Missing(missing)) => Some(hint_of_missing(missing).to_owned()),
            Failure::Pack(PackError::NoSuchPlatform(_)) => Some(
                "choose among the platforms that there are; --allow-missing-platform takes what each image has"
                    .to_owned(),
            ),
            Failure::Push(PushError::Registry { source, .. } | PushError::TagHidden { source, .. })
            | Failure::Pack(PackError::Registry { source, .. })
            | Failure::Stream(StreamError::Fetch { source, .. }) => hint_of_registry(source),
            Failure::Pack(PackError::Attached(error)) => Some(hint_of_attached(error)),
            Failure::Build(BuildError::Fetch(FetchError::Registry { source, .. })) => {
                let kept = "what arrived is kept; the same command goes on from there".to_owned();
                Some(hint_of_registry(source).map_or(kept.clone(), |hint| format!("{hint}; {kept}")))
            }
            Failure::Push(PushError::Sparse(refusal)) => Some(refusal.ways_out()),
            Failure::Push(PushError::NoRegistry { source, .. }) => Some(hint_of_registry(source).unwrap_or(
                "check host and port; a registry answers at /v2/ of its host, whatever PREFIX is".to_owned(),
            )),
            Failure::Admit(AdmitError::Refused { report, .. }) => Some(hint_of_state(report.state).to_owned()),
            Failure::Examine(ExamineError::Open(error))
            | Failure::Admit(AdmitError::Examine(ExamineError::Open(error))) => hint_of_open(error),
            _ => None,
        }
    }
}

fn hint_of_open(error: &OpenError) -> Option<String> {
    match error {
        OpenError::NotALayout { .. } => Some("`airlift build REF… -o BUNDLE` makes bundles".to_owned()),
        OpenError::Unfinished { .. } => Some(hint_of_state(State::Unfinished).to_owned()),
        _ => None,
    }
}

fn of_registry(error: &RegistryError) -> Exit {
    if error.is_local() { Exit::Local } else { Exit::Registry }
}

/// How a command ends that needs a whole bundle and found one in this state.
pub(crate) fn of_state(state: State) -> Exit {
    match state {
        State::Whole | State::Partial => Exit::Done,
        State::OverLimit => Exit::Refused,
        State::OtherBundle | State::NoLayout | State::PackedAgain | State::Unfinished | State::Damaged => {
            Exit::No
        }
    }
}

/// What to do about a bundle in this state.
pub(crate) fn hint_of_state(state: State) -> &'static str {
    match state {
        State::OverLimit => {
            "if you trust whoever made the bundle, raise that limit with the option that is named"
        }
        State::Unfinished => {
            "the same `airlift build` goes on from there, and gives the bundle its name when it is complete"
        }
        State::PackedAgain => {
            "take the original file; or unpack this one and name the folder, as another tool's layout; or make the original anew out of it: airlift build REF… --reuse BUNDLE -o NEW"
        }
        _ => "`airlift verify BUNDLE` lists everything that is wrong; nothing was done",
    }
}

fn of_setup(error: &SetupError) -> Exit {
    match error {
        SetupError::CaFile { .. } | SetupError::AuthFile { .. } => Exit::Local,
        _ => Exit::Usage,
    }
}

fn of_resolve(error: &ResolveError) -> Exit {
    match error {
        ResolveError::NotFound(_) | ResolveError::Manifest { .. } | ResolveError::NoRegistry { .. } => {
            Exit::Registry
        }
        ResolveError::Registry { source, .. } => of_registry(source),
        ResolveError::Conflict { .. } | ResolveError::Nothing => Exit::Usage,
    }
}

fn of_pack(error: &PackError) -> Exit {
    match error {
        PackError::Registry { source, .. } => of_registry(source),
        PackError::Missing(_) | PackError::Manifest { .. } => Exit::Registry,
        PackError::Graph(error) if error.is_limit() => Exit::Refused,
        PackError::Attached(AttachedError::Limit { .. }) => Exit::Refused,
        PackError::Attached(_) | PackError::Graph(_) => Exit::Registry,
        // Sizes that a registry claims, and no archive can have.
        PackError::Plan(LayoutError::TooLarge { .. }) => Exit::Registry,
        PackError::Plan(LayoutError::IndexTooLarge(_)) => Exit::Refused,
        PackError::NoSuchPlatform(_) | PackError::NothingLeft | PackError::Plan(_) => Exit::Usage,
    }
}

fn of_build(error: &BuildError) -> Exit {
    match error {
        BuildError::Exists { .. } => Exit::Refused,
        BuildError::Fetch(FetchError::Registry { source, .. }) => of_registry(source),
        BuildError::Fetch(FetchError::Write { .. } | FetchError::Task(_)) => Exit::Local,
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
