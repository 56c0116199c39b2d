//! Tag selectors: which tags of a repository are wanted.

use std::fmt;

/// Which tags of a repository are wanted: by version, by pattern, or by both, which must then both match.
#[derive(Clone, Debug)]
pub struct TagSelector {
    canonical: String,
}

impl TagSelector {
    /// The canonical text in one line, such as `semver >=3.8 <4, newest 2`. Two selectors with the same text
    /// select the same tags.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl fmt::Display for TagSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical)
    }
}
