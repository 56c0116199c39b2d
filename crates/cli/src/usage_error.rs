//! Arguments, lists and documents that make no sense.

use std::path::PathBuf;

use airlift_lists::ListError;
use airlift_oci::SourceReferenceError;
use airlift_packager::{Plural, Several};
use airlift_pusher::Destination;

use crate::asked::empty_set::EmptySet;
use crate::files::keep_apart::Overwrites;
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

impl BadReference {
    /// Its place in a file.
    pub(crate) fn place(&self) -> Option<&ListError> {
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
