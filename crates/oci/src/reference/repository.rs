//! Repositories: a registry's host and a path there.

use std::fmt;

use super::error::{ReferenceError, malformed};
use super::host::Host;

/// The longest repository path that registries accept.
const MAX_PATH: usize = 255;

/// A repository: a registry's host and a path there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: Host,
    path: String,
}

impl Repository {
    /// The repository `path` at `host`, taken as they are: nothing is put before the path, not even
    /// `library/`.
    ///
    /// # Errors
    /// If the path is not one that registries accept: lower-case components, separated by `/`, 255 bytes at
    /// most.
    pub fn new(host: Host, path: &str) -> Result<Self, ReferenceError> {
        if path.len() > MAX_PATH {
            return Err(malformed(path, "a repository's path has at most 255 characters"));
        }
        if !is_repository_path(path) {
            let reason =
                "a repository's path is lower-case letters and digits, joined by '.', '_', '__', '-' or '/'";
            return Err(malformed(path, reason));
        }
        Ok(Repository { host, path: path.to_owned() })
    }

    /// The registry's host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The path, without the host: `library/nginx`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

/// Whether a text is a repository's path as registries accept it: components separated by `/`, 255 bytes at
/// most.
pub fn is_repository_path(text: &str) -> bool {
    text.len() <= MAX_PATH && text.split('/').all(is_component)
}

/// One component of a path: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_well = |byte: Option<u8>| byte.is_some_and(is_alphanumeric);
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends_well(text.bytes().next())
        && ends_well(text.bytes().last())
        && separators
            .filter(|separator| !separator.is_empty())
            .all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|byte| byte == b'-'))
}
