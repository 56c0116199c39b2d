//! Tags.

use std::fmt;
use std::str::FromStr;

use super::error::{ReferenceError, malformed};

/// A tag: up to 128 ASCII letters, digits, `_`, `.` and `-`, not starting with `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub(super) String);

impl Tag {
    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let first = text.bytes().next().is_some_and(is_word);
        if first && text.len() <= 128 && text.bytes().all(|byte| is_word(byte) || b".-".contains(&byte)) {
            return Ok(Tag(text.to_owned()));
        }
        let reason =
            "a tag is 1 to 128 letters, digits, '_', '.' and '-', and starts with neither '.' nor '-'";
        Err(malformed(text, reason))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
