//! Why a configuration file can't be used.

use std::path::PathBuf;

use crate::ui::term::harmless;

/// A place in a configuration file, and what is wrong there.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", harmless(&.file.to_string_lossy()))]
pub(crate) struct ConfigError {
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    pub(crate) message: String,
}
