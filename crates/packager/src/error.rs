//! What can go wrong between references and a bundle: one enum for each step.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use airlift_bundle::plan::PlanError;
use airlift_bundle::{OpenError, WriteError};
use airlift_oci::{Digest, GraphError, ManifestError, Repository};
use airlift_registry::Error;

use crate::attached::error::AttachedError;
use crate::error_list::{Plural, Several};
use crate::layouts::LayoutDamage;
use crate::location::Location;
use crate::mirrored::from_mirror;
use crate::scope::is_of_one_image;

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A manifest or config could not be fetched.
    #[error("can't fetch {}{}", .path.join(" → "), from_mirror(.mirror.as_ref()))]
    Registry {
        /// Where it stands.
        path: Vec<String>,
        /// The mirror that was asked, if it was one.
        mirror: Option<Repository>,
        /// What happened.
        #[source]
        source: Error,
    },
    /// The time of the image was up before a manifest came.
    #[error("{} did not come{} within {} s, which is the limit for the manifests of an image", .path.join(" → "), from_mirror(.mirror.as_ref()), .limit.as_secs())]
    TimeUp {
        /// Where it stands.
        path: Vec<String>,
        /// The mirror that was asked, if it was one.
        mirror: Option<Repository>,
        /// The limit.
        limit: Duration,
    },
    /// Manifests of wanted platforms are missing, although indexes name them.
    #[error(transparent)]
    Missing(#[from] Several<MissingManifest>),
    /// The answer is no manifest that can be carried.
    #[error("can't use {}{}", .path.join(" → "), from_mirror(.mirror.as_ref()))]
    Manifest {
        /// Where it stands.
        path: Vec<String>,
        /// The mirror that was asked, if it was one.
        mirror: Option<Repository>,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// Platforms that images don't have.
    #[error(transparent)]
    NoSuchPlatform(#[from] Several<LackingPlatforms>),
    /// What is attached to an image could not be gathered.
    #[error(transparent)]
    Attached(#[from] AttachedError),
    /// Images are not what a lock says.
    #[error(transparent)]
    NotAsLocked(#[from] Several<NotAsLocked>),
    /// Several errors, each about an image.
    #[error(transparent)]
    Several(Several<PackError>),
    /// None of the images has any of the platforms.
    #[error("none of the images has any of the platforms that were asked for")]
    NothingLeft,
    /// Layouts lack blobs.
    #[error(transparent)]
    Layout(#[from] Several<LayoutDamage>),
    /// The graph is too large, or contradicts itself.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The archive can't be laid out.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl PackError {
    /// The errors that it is made of, each about one image; else the error itself.
    pub fn into_each(self) -> Vec<Self> {
        match self {
            PackError::Missing(errors) => errors.into_each(),
            PackError::NoSuchPlatform(errors) => errors.into_each(),
            PackError::NotAsLocked(errors) => errors.into_each(),
            other => vec![other],
        }
    }
}

impl Plural for PackError {
    fn of(count: usize) -> String {
        format!("{count} parts of images can't be had")
    }
}

impl PackError {
    /// Nothing, unless there are errors.
    pub(crate) fn check(mut errors: Vec<PackError>) -> Result<(), PackError> {
        match errors.len() {
            0 => Ok(()),
            1 => errors.pop().map_or(Ok(()), Err),
            _ => Several::check(errors).map_err(PackError::Several),
        }
    }

    /// Whether another image may well be had all the same.
    pub(crate) fn is_of_one_image(&self) -> bool {
        match self {
            PackError::Registry { source, .. }
            | PackError::Attached(AttachedError::Registry { source, .. }) => is_of_one_image(source),
            _ => true,
        }
    }
}

/// What a lock says of an image, and the source says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{image} is not as it was locked{}: its {what} is {found}, and the lock says {locked}", .place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default())]
pub struct NotAsLocked {
    /// The image.
    pub image: String,
    /// The place in the lock.
    pub place: Option<String>,
    /// What differs: "media type", "size".
    pub what: &'static str,
    /// What the source has.
    pub found: String,
    /// What the lock has.
    pub locked: String,
}

impl Plural for NotAsLocked {
    fn of(count: usize) -> String {
        format!("{count} images are not as they were locked")
    }
}

/// A manifest that an index names and that is not at the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is missing at the {}: {location} has no manifest {digest}, although its index names it{}", .path.join(" → "), if *.is_at_mirror { "mirror" } else { "source" }, only(.there))]
pub struct MissingManifest {
    /// Where it stands.
    pub path: Vec<String>,
    /// Where it was asked for last.
    pub location: Location,
    /// Whether that is a mirror.
    pub is_at_mirror: bool,
    /// The manifest.
    pub digest: Digest,
    /// The platforms of the image that are there.
    pub there: Vec<String>,
    /// Whether it is below something that is attached to an image.
    pub is_attached: bool,
}

impl Plural for MissingManifest {
    fn of(count: usize) -> String {
        format!("{count} manifests that indexes name are missing at the source")
    }
}

fn only(there: &[String]) -> String {
    if there.is_empty() { String::new() } else { format!("; what is there is {}", there.join(", ")) }
}

/// Platforms that were asked for and that an image doesn't have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{image} has no {}; it has {}", .lacking.join(", "), if .there.is_empty() { "none at the source".to_owned() } else { .there.join(", ") })]
pub struct LackingPlatforms {
    /// The image.
    pub image: String,
    /// The wanted platforms that it lacks.
    pub lacking: Vec<String>,
    /// What there is.
    pub there: Vec<String>,
}

impl Plural for LackingPlatforms {
    fn of(count: usize) -> String {
        format!("{count} images lack platforms that were asked for")
    }
}

/// Why content can't be reused.
#[derive(Debug, thiserror::Error)]
pub enum ReuseError {
    /// The path can't be opened, or is no layout.
    #[error("can't reuse anything from {}", .path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: OpenError,
    },
    /// The path has no content, or none that can be found.
    #[error("can't reuse anything from {}: {why}", .path.display())]
    Nothing {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Why a blob is not in the archive.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It could not be fetched.
    #[error("can't fetch {}{}", .path.join(" → "), from_mirror(.mirror.as_ref()))]
    Registry {
        /// Where it stands.
        path: Vec<String>,
        /// The mirror that was asked, if it was one.
        mirror: Option<Repository>,
        /// What happened.
        #[source]
        source: Error,
    },
    /// It could not be written.
    #[error("can't store {}", .path.join(" → "))]
    Write {
        /// Where it stands.
        path: Vec<String>,
        /// What happened.
        #[source]
        source: WriteError,
    },
    /// Local content changed after it was proven, while it was copied to where nothing can be taken back.
    #[error("can't copy {}: the file that has it changed, or can't be read any more", .path.join(" → "))]
    Changed {
        /// Where the blob stands.
        path: Vec<String>,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Layouts don't have it as its digest says.
    #[error(transparent)]
    Layout(#[from] Several<LayoutDamage>),
    /// The task that fetched it died.
    #[error("a transfer ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something else has the output's name.
    #[error("{} is there already and is another bundle or file; nothing was changed", .path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// The output can't be a file.
    #[error("{} can't be the output: {why}", .path.display())]
    Output {
        /// The output.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// What has the output's name can't be read.
    #[error("can't read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A blob could not be fetched or stored.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The archive could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A task died.
    #[error("a task ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}
