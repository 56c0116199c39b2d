//! Why what is attached to images could not be gathered.

use airlift_oci::{Digest, ManifestError, Repository};
use airlift_registry::Error;

use crate::layouts::LayoutError;
use crate::location::Location;
use crate::mirrored::from_mirror;

/// Why what is attached to an image could not be gathered.
#[derive(Debug, thiserror::Error)]
pub enum AttachedError {
    /// The registry could not be asked, so what is attached is unknown.
    #[error("can't find out what is attached to {subject} in {repository}{}", from_mirror(.mirror.as_deref()))]
    Registry {
        /// Where it was asked for.
        repository: Repository,
        /// The mirror that was asked, if it was one.
        mirror: Option<Box<Repository>>,
        /// What it would be attached to.
        subject: Digest,
        /// What happened.
        #[source]
        source: Error,
    },
    /// The manifest can't be carried.
    #[error("what is attached to {subject} in {repository}{} can't be used", from_mirror(.mirror.as_deref()))]
    Manifest {
        /// Where it came from.
        repository: Repository,
        /// The mirror that was asked, if it was one.
        mirror: Option<Box<Repository>>,
        /// What it is attached to.
        subject: Digest,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// A manifest that is listed for one subject and speaks of another.
    #[error("{digest} is listed as attached to {subject} in {repository}, but says that it is attached to {}", .says.map_or("nothing".to_owned(), |says| says.to_string()))]
    OtherSubject {
        /// Where it was asked for.
        repository: Repository,
        /// For what it is listed.
        subject: Digest,
        /// The manifest.
        digest: Digest,
        /// What it says itself.
        says: Option<Digest>,
    },
    /// It is damaged in a layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// There is no end to it.
    #[error("more than {limit} {what} in {location}")]
    Limit {
        /// Where.
        location: Location,
        /// The limit.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
}
