//! Why a login can't be stored or erased.

use std::path::PathBuf;

/// Why a login can't be stored or erased.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginStoreError {
    /// The environment names no folder for a credential file.
    #[error("there is no place for a credential file: HOME is not set")]
    NoPlace,
    /// The file can't be read or written.
    #[error("can't {doing} the credential file {}", .path.display())]
    File {
        /// What was tried: "read", "write".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file has another content than credential files have. It is left as it is.
    #[error("{} is no credential file, so nothing was changed: {why}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The helper that the file names can't do it.
    #[error("docker-credential-{} (named in {}) {problem}", .helper.escape_debug(), .path.display())]
    Helper {
        /// The helper's name.
        helper: String,
        /// The file that names it.
        path: PathBuf,
        /// What happened.
        problem: String,
    },
}
