//! Paths inside an archive or layout folder: checked once, so that none can lead out.

use std::fmt;

use airlift_oci::{Algorithm, Digest};

/// The longest path that is accepted, in bytes. `blobs/sha512/<hex>` has 141.
const MAX_LENGTH: usize = 4_096;

/// Why a path was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No name at all.
    #[error("an empty name")]
    Empty,
    /// It starts at the root of a file system.
    #[error("an absolute name")]
    Absolute,
    /// It has `..`, `.` or an empty component inside.
    #[error("a name with '..', '.' or '//' in it")]
    Component,
    /// It has a NUL, a control character or a backslash, or isn't UTF-8.
    #[error("a name with control characters, backslashes or bytes that are not UTF-8")]
    Characters,
    /// It is longer than any layout needs.
    #[error("a name of more than {MAX_LENGTH} bytes")]
    Length,
}

/// A relative path with plain components only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(String);

impl EntryPath {
    /// Checks a name as an archive has it. Some writers put `./` in front or `/` behind: one of each is
    /// dropped. The archive's own root is `None`.
    ///
    /// # Errors
    /// If the name could lead out of the archive, or two readers could read it differently.
    pub fn parse(name: &[u8]) -> Result<Option<Self>, PathError> {
        let text = std::str::from_utf8(name).map_err(|_| PathError::Characters)?;
        if text.len() > MAX_LENGTH {
            return Err(PathError::Length);
        }
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(PathError::Characters);
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        let text = text.strip_prefix("./").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() || text == "." {
            return Ok(None);
        }
        if text.split('/').any(|component| matches!(component, "" | "." | "..")) {
            return Err(PathError::Component);
        }
        Ok(Some(EntryPath(text.to_owned())))
    }

    /// The path of a file at the layout's top.
    pub(crate) fn top(name: &'static str) -> Self {
        EntryPath(name.to_owned())
    }

    /// The path of the blob with that digest.
    pub fn of_blob(digest: &Digest) -> Self {
        EntryPath(format!("blobs/{}/{}", digest.algorithm(), digest.hex()))
    }

    /// The digest in the path of a blob; `None` for other paths.
    pub fn digest(&self) -> Option<Digest> {
        let (algorithm, hex) = self.0.strip_prefix("blobs/")?.split_once('/')?;
        Algorithm::from_name(algorithm)?;
        format!("{algorithm}:{hex}").parse().ok()
    }

    /// The path for people: control characters are escaped.
    pub fn shown(&self) -> impl fmt::Display + '_ {
        self.0.escape_debug()
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_plain_paths_and_refuses_escapes() {
        let parsed = |name: &str| EntryPath::parse(name.as_bytes());
        for name in ["oci-layout", "blobs/sha256/00", "a/b.c/d-e"] {
            assert_eq!(parsed(name).unwrap().unwrap().as_str(), name);
        }
        assert_eq!(parsed("./index.json").unwrap().unwrap().as_str(), "index.json");
        assert_eq!(parsed("blobs/").unwrap().unwrap().as_str(), "blobs");
        assert_eq!(parsed("./").unwrap(), None);
        assert_eq!(parsed(".").unwrap(), None);
        for (name, error) in [
            ("", PathError::Empty),
            ("/etc/passwd", PathError::Absolute),
            ("..", PathError::Component),
            ("../x", PathError::Component),
            ("a/../b", PathError::Component),
            ("././x", PathError::Component),
            ("a//b", PathError::Component),
            ("a/./b", PathError::Component),
            ("a\0b", PathError::Characters),
            ("a\u{1b}[2J", PathError::Characters),
            ("a\\b", PathError::Characters),
        ] {
            assert_eq!(parsed(name), Err(error), "{name:?}");
        }
        assert_eq!(EntryPath::parse(b"a\xff"), Err(PathError::Characters));
    }

    #[test]
    fn blob_paths_and_digests_are_inverse() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"x");
            assert_eq!(EntryPath::of_blob(&digest).digest(), Some(digest));
        }
        assert_eq!(EntryPath::top("index.json").digest(), None);
    }
}
