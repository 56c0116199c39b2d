//! Why a text is not a reference.

use std::borrow::Cow;

use super::host::HostError;
use crate::DigestError;
use crate::text::without_password;

/// The longest text looked at: a host, a path, a tag and a SHA-512 digest fit well.
pub(super) const MAX_TEXT: usize = 1024;

/// Why a text is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// Longer than any reference can be.
    #[error("a reference of {0} bytes is too long (at most {MAX_TEXT})")]
    TooLong(usize),
    /// Not in the grammar.
    #[error("'{}' is not an image reference ([HOST[:PORT]/]NAME[:TAG][@DIGEST]): {reason}", .text.escape_debug())]
    Malformed {
        /// The text.
        text: String,
        /// What is wrong with it, and the reference that was most likely meant.
        reason: Cow<'static, str>,
    },
    /// The host is none.
    #[error("the host of '{}' is no good", .text.escape_debug())]
    Host {
        /// The text.
        text: String,
        /// What is wrong with it.
        source: HostError,
    },
    /// The digest is none.
    #[error("the digest of '{}' is no good", .text.escape_debug())]
    Digest {
        /// The text.
        text: String,
        /// What is wrong with it.
        source: DigestError,
    },
}

pub(super) fn malformed(text: &str, reason: impl Into<Cow<'static, str>>) -> ReferenceError {
    ReferenceError::Malformed { text: without_password(text), reason: reason.into() }
}

/// A part's error, with the whole text in place of the part.
pub(super) fn of_whole(error: ReferenceError, text: &str) -> ReferenceError {
    match error {
        ReferenceError::Malformed { reason, .. } => malformed(text, reason),
        other => other,
    }
}
