//! Why a repository can't be pruned.

use airlift_oci::{Digest, ManifestError, Repository, Tag};
use airlift_registry::{Error, Refusal};

/// Why nothing of a repository is deleted.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// Its tags can't be listed, so other tags may name the same content.
    #[error("the tags of {repository} can't be listed, so no one can say what they name")]
    Tags {
        /// The repository.
        repository: Repository,
        /// Why not.
        #[source]
        source: Error,
    },
    /// Its list of tags lacks one that is there, so it may lack others.
    #[error("the list of tags of {repository} lacks {tag}, which is there, so it may lack others, too")]
    Unlisted {
        /// The repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
    },
    /// A tag is there, and can't be looked at.
    #[error("{repository}:{tag} can't be looked at")]
    Tag {
        /// The repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
        /// Why not.
        #[source]
        source: Error,
    },
    /// The registry refuses to say what a tag stands for.
    #[error("the registry doesn't say what {repository}:{tag} stands for: {refusal}")]
    Hidden {
        /// The repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
        /// Its answer.
        refusal: Box<Refusal>,
    },
    /// A manifest can't be fetched.
    #[error("{repository}@{digest} can't be looked at")]
    Manifest {
        /// The repository.
        repository: Repository,
        /// The manifest.
        digest: Digest,
        /// Why not.
        #[source]
        source: Error,
    },
    /// A tag stands for a manifest that is not there by its digest.
    #[error(
        "{repository}:{tag} stands for {digest}, which is not there by its digest, so no one can say what it names"
    )]
    Lost {
        /// The repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
        /// The manifest.
        digest: Digest,
    },
    /// An index can't be read.
    #[error("{repository}@{digest} can't be read, so no one can say what it names")]
    Unreadable {
        /// The repository.
        repository: Repository,
        /// The index.
        digest: Digest,
        /// Why not.
        #[source]
        source: ManifestError,
    },
    /// More manifests than are followed.
    #[error("{repository} has more than {limit} manifests to look at")]
    Limit {
        /// The repository.
        repository: Repository,
        /// The limit.
        limit: usize,
    },
}

impl PruneError {
    /// What the registry said, or why it couldn't be asked.
    pub fn registry(&self) -> Option<&Error> {
        match self {
            PruneError::Tags { source, .. }
            | PruneError::Tag { source, .. }
            | PruneError::Manifest { source, .. } => Some(source),
            PruneError::Unlisted { .. }
            | PruneError::Lost { .. }
            | PruneError::Hidden { .. }
            | PruneError::Unreadable { .. }
            | PruneError::Limit { .. } => None,
        }
    }
}
