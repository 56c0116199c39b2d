//! What the registry hands out, and where it comes from.
//!
//! [`Content`] is the seam: everything that a GET or HEAD needs. A registry over a scratch folder implements
//! it with [`Folder`], which can be written to as well; a read-only registry over something else implements
//! it alone. All of it is synchronous; the handlers call it off the async threads.

mod catalogue;
mod folder;
mod session;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use airlift_oci::Digest;
use bytes::Bytes;

pub(crate) use folder::{Folder, ManifestRefused, NewManifest, SharedSession};
pub(crate) use session::{Finish, Session};

use crate::names::{Reference, Repository, Tag};

/// The storage did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A file or folder could not be worked with.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What lies on disk is not what was taken.
    #[error("{0} was altered on disk")]
    Altered(Digest),
    /// The upload has ended already.
    #[error("the upload has ended already")]
    Ended,
    /// The task that did the work is gone: it panicked, or the runtime is shutting down.
    #[error("the storage's worker ended early")]
    Worker(#[source] tokio::task::JoinError),
}

/// A manifest or index as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// Where a blob's bytes are: part of an open file, so that a removed or replaced path changes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) file: Arc<File>,
    /// Where the blob begins in the file.
    pub(crate) offset: u64,
    /// Its length in bytes.
    pub(crate) size: u64,
}

/// One page of a repository's tags, in lexical order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TagPage {
    pub(crate) tags: Vec<Tag>,
    pub(crate) more: More,
}

/// Whether a page is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    Follows,
    Ends,
}

/// What the referrers API says of one manifest that has a subject.
#[derive(Clone, Debug)]
pub(crate) struct Referrer {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) size: u64,
    pub(crate) artifact_type: Option<String>,
    /// The manifest's own annotations, as a JSON object.
    pub(crate) annotations: Option<serde_json::Value>,
}

/// What a registry can be read from.
pub(crate) trait Content: Send + Sync + 'static {
    /// The manifest that `reference` names in `repository`, with its exact bytes.
    fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<Manifest>, StorageError>;

    /// The blob of that digest, if `repository` has it.
    fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<Blob>, StorageError>;

    /// Up to `limit` tags after `last`; `None` if there is no such repository.
    fn tags(&self, repository: &Repository, last: Option<&str>, limit: usize) -> Option<TagPage>;

    /// All manifests of `repository` whose subject is `subject`, ordered by digest.
    fn referrers(&self, repository: &Repository, subject: &Digest) -> Vec<Referrer>;
}
