//! What a registry is read from.
//!
//! [`ContentStore`] is the seam: everything that a GET or HEAD needs. [`super::Folder`] implements it over a
//! scratch folder, and can be written to as well; a read-only registry over something else implements it
//! alone. All of it is synchronous; the handlers call it off the async threads.

use std::sync::Arc;

use airlift_disk::ReadAt;
use airlift_oci::{Digest, Tag};
use bytes::Bytes;

use super::error::StorageError;
use crate::names::{Reference, Repository};

/// A manifest or index as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// Where a blob's bytes are: a part of anything that is read at offsets. For a file that is an open one, so
/// that a removed or replaced path changes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) source: Arc<dyn ReadAt>,
    /// Where the blob begins in the source.
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
pub(crate) trait ContentStore: Send + Sync + 'static {
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
