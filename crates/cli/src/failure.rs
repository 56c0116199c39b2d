//! Everything that can go wrong in a run. The exit code of each is in `exit`, the advice in `hint`.

use std::io;
use std::path::PathBuf;

use airlift_bundle::WriteError;
use airlift_lists::ListError;
use airlift_oci::text::with_causes;
use airlift_packager::{
    AttachedError, BuildError, FetchError, PackError, Plural, ResolveError, ReuseError, Several,
};
use airlift_pusher::{PlanError, PushError};
use airlift_registry::{Error as RegistryError, LoginStoreError, SetupError};
use airlift_server::{SeedError, StartError};
use airlift_verifier::{AdmitError, ExamineError};

use crate::asked::select_error::SelectError;
use crate::ui::size;
use crate::ui::term::harmless;
use crate::usage_error::UsageError;

/// One error of several.
#[derive(Debug)]
pub(crate) struct Part {
    /// What happened, with the causes.
    pub(crate) text: String,
    /// The lines of the file that show where.
    pub(crate) excerpt: Option<String>,
}

/// Why one image, or the images of one selector, can't be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageFailure {
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A fault of this program, but a lock must not lack an image that was asked for.
    #[error("no answer came for {0}, although nothing failed")]
    Unanswered(String),
}

impl Plural for ImageFailure {
    fn of(count: usize) -> String {
        format!("{count} images can't be had")
    }
}

/// Why a command failed.
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
    /// Images that fail for several reasons.
    #[error(transparent)]
    Images(Several<ImageFailure>),
    #[error(transparent)]
    Reuse(#[from] ReuseError),
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The same of an archive on standard output, of which nothing is kept.
    #[error(transparent)]
    Stream(BuildError),
    #[error(transparent)]
    Examine(#[from] ExamineError),
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// A bundle or layout that can't be compared with anything.
    #[error(transparent)]
    NotComparable(AdmitError),
    #[error(transparent)]
    PushPlan(#[from] PlanError),
    #[error(transparent)]
    Push(#[from] PushError),
    /// A login that a registry doesn't accept.
    #[error("can't log in at {host}, and nothing was stored")]
    Login {
        host: airlift_oci::Host,
        #[source]
        source: RegistryError,
    },
    /// A login that can't be stored or erased.
    #[error(transparent)]
    LoginStore(#[from] LoginStoreError),
    /// The bundle would be larger than allowed.
    #[error("the bundle would have {}, more than the {} that --max-size allows; nothing was fetched", size::exact(*.size), size::human(*.limit))]
    TooLarge { size: u64, limit: u64 },
    /// An archive that would have more zstd frames than readers take.
    #[error("{} can't be compressed: an archive of {} would have more frames than readers take; nothing was fetched", harmless(&.output.to_string_lossy()), size::human(*.size))]
    TooManyFrames { output: PathBuf, size: u64 },
    /// Content that doesn't match its digest.
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
    /// Standard output can't be written to.
    #[error("can't write to standard output")]
    Stdout(#[source] io::Error),
    /// A document that can't be made into JSON.
    #[error("can't write the JSON document")]
    Json(#[source] serde_json::Error),
    /// The runtime could not be set up.
    #[error("can't start the threads that are needed")]
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
    /// Nothing, unless images failed.
    pub(crate) fn of_images(failed: Vec<ImageFailure>) -> Result<(), Self> {
        let (mut unresolved, mut others) = (Vec::new(), Vec::new());
        for failure in failed {
            match failure {
                ImageFailure::Resolve(error) => unresolved.push(error),
                other => others.push(other),
            }
        }
        if others.is_empty() {
            return Ok(Several::check(unresolved)?);
        }
        others.splice(0..0, unresolved.into_iter().map(ImageFailure::Resolve));
        match (others.pop(), others.is_empty()) {
            (Some(ImageFailure::Pack(error)), true) => Err(error.into()),
            (last, _) => {
                others.extend(last);
                Several::check(others).map_err(Failure::Images)
            }
        }
    }

    /// The place in a list that the failure is about, where it is a single one.
    pub(crate) fn place(&self) -> Option<&ListError> {
        match self {
            Failure::Usage(UsageError::References(errors)) if errors.iter().count() == 1 => {
                errors.first().place()
            }
            Failure::Usage(UsageError::Lists(errors)) if errors.iter().count() == 1 => errors.iter().next(),
            _ => None,
        }
    }

    /// The single errors of a list, each with its causes.
    pub(crate) fn parts(&self) -> Vec<Part> {
        match self {
            Failure::Usage(UsageError::References(errors)) => {
                let mut parts = parts_of(errors);
                for (part, error) in parts.iter_mut().zip(errors.iter()) {
                    part.excerpt = error.place().map(ListError::excerpt);
                }
                parts
            }
            Failure::Usage(UsageError::Lists(errors)) if errors.iter().count() > 1 => {
                let part =
                    |error: &ListError| Part { text: error.to_string(), excerpt: Some(error.excerpt()) };
                errors.iter().map(part).collect()
            }
            Failure::Usage(UsageError::EmptySets(errors)) => parts_of(errors),
            Failure::Resolve(errors) => parts_of(errors),
            Failure::Images(errors) => parts_of(errors),
            Failure::Pack(PackError::Several(errors)) => parts_of(errors),
            Failure::Pack(PackError::NotAsLocked(errors)) => parts_of(errors),
            Failure::Pack(PackError::Layout(errors))
            | Failure::Build(BuildError::Fetch(FetchError::Layout(errors))) => parts_of(errors),
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

    /// Whether the reader of standard output went away. That is no error to report.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        match self {
            Failure::Stdout(error)
            | Failure::Stream(
                BuildError::Write(WriteError::Stream(error))
                | BuildError::Fetch(FetchError::Write { source: WriteError::Stream(error), .. }),
            ) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// The note on a reader of standard output that went away; empty where nothing is lost.
    pub(crate) fn of_broken_pipe(&self) -> &'static str {
        match self {
            Failure::Stream(_) => {
                "airlift: the program that reads standard output ended before the archive did; it got a part of it, which is no bundle\n"
            }
            _ => "",
        }
    }
}

/// The errors of a list, each with its causes. Nothing for a single error, which speaks for itself.
fn parts_of<E: std::error::Error>(errors: &Several<E>) -> Vec<Part> {
    let part = |error: &E| Part { text: with_causes(error), excerpt: None };
    let parts: Vec<Part> = errors.iter().map(part).collect();
    if parts.len() > 1 { parts } else { Vec::new() }
}
