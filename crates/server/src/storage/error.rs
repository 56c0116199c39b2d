//! Why the storage failed.

use std::path::PathBuf;

use airlift_oci::Digest;

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
