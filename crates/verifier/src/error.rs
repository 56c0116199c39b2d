//! Why a bundle could not be examined. What is wrong with it is a finding, not an error.

use std::io;
use std::path::PathBuf;

use airlift_bundle::OpenError;

/// Why a bundle could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// It can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It can't be read any more.
    #[error("can't read {}", .path.display())]
    Read {
        /// The bundle.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
