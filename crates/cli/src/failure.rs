//! Everything that can go wrong in a run. The exit code of each is in `exit`, the advice in `hint`.

use std::io;
use std::path::PathBuf;

use airlift_bundle::WriteError;
use airlift_lists::ListError;
use airlift_oci::SourceReferenceError;
use airlift_oci::text::with_causes;
use airlift_packager::{
    AttachedError, BuildError, FetchError, PackError, Plural, ResolveError, ReuseError, Several,
};
use airlift_pusher::{Destination, PlanError, PushError};
use airlift_registry::{Error as RegistryError, LoginStoreError, SetupError};
use airlift_server::{SeedError, StartError};
use airlift_verifier::{AdmitError, ExamineError};

use crate::asked::empty_set::EmptySet;
use crate::asked::select_error::SelectError;
use crate::files::keep_apart::Overwrites;
use crate::ui::size;
use crate::ui::term::harmless;

/// A malformed reference.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadReference {
    /// On the command line.
    #[error(transparent)]
    Argument(SourceReferenceError),
    /// In a file.
    #[error(transparent)]
    List(ListError),
    /// With two digests.
    #[error("{reference} is asked for with two digests, {} and {}: choose one", .digests[0], .digests[1])]
    Twice { reference: String, digests: [String; 2] },
    /// From two places, where a lock is to name one.
    #[error(
        "{reference} is asked for from {} and from {}, and a lock names one source for each image: leave one of them out, or build a bundle of both first and lock that bundle", harmless(&.sources[0]), harmless(&.sources[1])
    )]
    TwoSources { reference: String, sources: [String; 2] },
}

/// One error of several.
#[derive(Debug)]
pub(crate) struct Part {
    /// What happened, with the causes.
    pub(crate) text: String,
    /// The lines of the file that show where.
    pub(crate) excerpt: Option<String>,
}

impl BadReference {
    /// Its place in a file.
    fn place(&self) -> Option<&ListError> {
        match self {
            BadReference::List(error) => Some(error),
            BadReference::Argument(_) | BadReference::Twice { .. } | BadReference::TwoSources { .. } => None,
        }
    }
}

impl Plural for BadReference {
    fn of(count: usize) -> String {
        format!("what was asked for has {count} errors")
    }
}

/// Arguments that make no sense, in a way that clap can't detect.
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
        "{} is a .{extension} file, which can't be read as a list of images: -f takes images files (.yaml), and text files with one reference a line", .file.display()
    )]
    ListKind { file: PathBuf, extension: String },
    /// Groups that no images file has.
    #[error(transparent)]
    Groups(airlift_lists::UnknownGroups),
    /// A rule of where images stand that is none.
    #[error(transparent)]
    Rule(airlift_workloads::RuleError),
    /// The same in a file of rules.
    #[error("{}:{line}: no rule stands here", harmless(&.file.to_string_lossy()))]
    RuleInFile {
        file: PathBuf,
        line: usize,
        #[source]
        source: airlift_workloads::RuleError,
    },
    /// Rules that can't be used.
    #[error("the rules can't be used")]
    Rules(#[source] airlift_workloads::rules::PathError),
    /// Names that can't be used in manifests.
    #[error(transparent)]
    Naming(#[from] crate::editing::error::NamingError),
    /// A list that can't be text.
    #[error("{} is no list of images: {why}", .file.display())]
    List { file: PathBuf, why: &'static str },
    /// An argument that looks like a file, and there is none.
    #[error("there is no file {}", harmless(&.0.to_string_lossy()))]
    NoFile(PathBuf),
    /// A reference to a layout, where files are named.
    #[error("{} is a place in a layout: name the file or folder itself", harmless(.0))]
    LayoutReference(String),
    /// An image that no registry is known to have.
    #[error("{} has no name at a registry: it came from a file; --at DEST says where it should be", harmless(.0))]
    NoRegistry(String),
    /// A list, a lock or a configuration file that can't be read.
    #[error(transparent)]
    Lists(airlift_lists::ListErrors),
    /// A receipt of another target than the one that is pruned.
    #[error("{receipt} has images at {repository}, and not all at {destination}")]
    OtherTarget { receipt: String, repository: String, destination: String },
    /// A receipt of which some images have no name at the target.
    #[error(
        "the receipt {receipt} has {}, and doesn't say what these are called at the target: keep what was to be \
         copied by its lock (--keep LOCK)",
        match failed { 1 => "1 image that failed".to_owned(), more => format!("{more} images that failed") }
    )]
    UnnamedFailures { receipt: String, failed: usize },
    /// A list where digests are needed.
    #[error("{} is a list of images, which doesn't say what their digests are", harmless(&.0.to_string_lossy()))]
    NoDigests(PathBuf),
    /// Something else where a lock or a receipt is needed.
    #[error("{} is neither a lock nor a receipt", harmless(&.0.to_string_lossy()))]
    NoDocument(PathBuf),
    /// A bundle in which one name stands for two images.
    #[error("{} can't be locked", .bundle.display())]
    BundleNotLocked {
        bundle: PathBuf,
        #[source]
        source: airlift_lists::lock::UpdateError,
    },
    /// A bundle whose images can't be named by their place in it.
    #[error("{image} has no full name, and a lock can't name {} as its place: that path has a colon or a control character", harmless(&.bundle.to_string_lossy()))]
    NoPlace { bundle: PathBuf, image: String },
    /// The time that the environment fixes is none.
    #[error("SOURCE_DATE_EPOCH is '{}', which is no count of seconds since 1970", .0.escape_debug())]
    SourceDate(String),
    /// A pattern for an update that fits nothing.
    #[error("there is nothing to update: no image in the lists is called '{}'", airlift_oci::text::without_password(.0).escape_debug())]
    NothingToUpdate(String),
    /// A lock that would have one reference with two digests, or lack an image.
    #[error(transparent)]
    NotLocked(airlift_lists::lock::UpdateError),
    /// Lists and arguments without any reference.
    #[error("no image was asked for: name references, or a file of them with -f")]
    NoReferences,
    /// Files without any image.
    #[error(transparent)]
    EmptySets(Several<EmptySet>),
    /// An output is also an input.
    #[error(transparent)]
    Overwrites(#[from] Overwrites),
    /// A rule for mirrors that has no place beside the others.
    #[error("the mirrors can't be used")]
    Mirrors(#[source] airlift_oci::reference::MirrorError),
    /// What should be a registry is none.
    #[error(transparent)]
    Host(airlift_oci::HostError),
    /// A user or a password that can't be stored.
    #[error(transparent)]
    Login(airlift_registry::UserLoginError),
    /// A password is asked for, and there is nowhere to ask.
    #[error("there is no terminal to ask for the password")]
    NoTerminal,
    /// Two things that exclude each other.
    #[error("{0}")]
    Combination(&'static str),
    /// The expected bundle id is none.
    #[error("'{}' is no bundle id: that is sha256: and 64 hex digits, as build prints it", .0.escape_debug())]
    ExpectedId(String),
    /// The value of `--expect` is neither a bundle id nor a file.
    #[error("there is no file {}, and it is no bundle id either (sha256: and 64 hex digits)", harmless(&.0.to_string_lossy()))]
    NoExpectedFile(PathBuf),
    /// The file that should hold the expected bundle id holds none.
    #[error("{} holds no bundle id: none of its lines starts with sha256:… or id sha256:…", harmless(&.0.to_string_lossy()))]
    NoIdInFile(PathBuf),
    /// A destination that can't be read.
    #[error(transparent)]
    Destination(airlift_pusher::DestinationError),
    /// Nothing in the bundle has that name.
    #[error("nothing in {} matches {unmatched}", .bundle.display())]
    NotInBundle { bundle: PathBuf, unmatched: airlift_oci::Unmatched },
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
        UsageError::References(BadReference::Argument(source.into()).into())
    }
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
