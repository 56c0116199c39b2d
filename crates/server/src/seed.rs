//! Filling the storage without HTTP.

use std::sync::Arc;

use airlift_oci::Tag;

use crate::blocking::blocking;
use crate::manifest::{ManifestError, View};
use crate::names::Repository;
use crate::options::Indexes;
use crate::samples::{Content, Sample};
use crate::storage::{Folder, ManifestRefused, NewManifest, StorageError};

/// Why a sample could not be put into a registry.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Its repository or tag is not one.
    #[error("'{}:{}' is not a repository and a tag", repository.escape_debug(), tag.escape_debug())]
    Name {
        /// The sample's repository.
        repository: String,
        /// The sample's tag.
        tag: String,
    },
    /// One of its manifests is not one.
    #[error("manifest {digest} would be refused: {reason}")]
    Manifest {
        /// The manifest.
        digest: airlift_oci::Digest,
        /// What a PUT would have answered.
        reason: String,
    },
    /// The storage failed.
    #[error("cannot store the sample")]
    Storage(#[from] StorageError),
}

pub(crate) async fn seed(
    folder: &Arc<Folder>,
    indexes: Indexes,
    samples: &[Sample],
) -> Result<(), SeedError> {
    for sample in samples {
        let (folder, sample) = (Arc::clone(folder), sample.clone());
        blocking(move || one(&folder, indexes, &sample)).await??;
    }
    Ok(())
}

fn one(folder: &Folder, indexes: Indexes, sample: &Sample) -> Result<(), SeedError> {
    let name = || SeedError::Name { repository: sample.repository.clone(), tag: sample.tag.clone() };
    let repository = Repository::parse(&sample.repository).ok_or_else(name)?;
    let tag = sample.tag.parse::<Tag>().map_err(|_| name())?;
    for blob in &sample.blobs {
        folder.write_blob(&repository, blob.digest, &blob.bytes)?;
    }
    for manifest in &sample.manifests {
        let tag = (manifest.digest == sample.root.digest).then(|| tag.clone());
        keep(folder, &repository, manifest, (tag, indexes))?;
    }
    Ok(())
}

fn keep(
    folder: &Folder,
    repository: &Repository,
    manifest: &Content,
    (tag, indexes): (Option<Tag>, Indexes),
) -> Result<(), SeedError> {
    let digest = manifest.digest;
    let refused = |reason: String| SeedError::Manifest { digest, reason };
    let parsed = View::parse(&manifest.bytes, Some(&manifest.media_type));
    let view = parsed.map_err(|error: ManifestError| refused(error.to_string()))?;
    let new = NewManifest { digest, bytes: &manifest.bytes, view, tag };
    folder.keep_manifest(repository, new, indexes).map_err(|error| match error {
        ManifestRefused::Storage(error) => SeedError::Storage(error),
        ManifestRefused::Missing(digests) => {
            let digests: Vec<String> = digests.iter().map(ToString::to_string).collect();
            refused(format!("it names what the sample does not hold: {}", digests.join(", ")))
        }
    })
}
