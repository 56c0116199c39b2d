//! Why a reference can't be replaced where it stands.

/// Why a reference can't be replaced where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Its bytes are not its text.
    #[error("the image is written with escapes or in several lines: write it in one piece")]
    Spelling,
    /// It is part of a text that is about more.
    #[error("the image stands within a longer text")]
    Within,
    /// Members can't be added where it stands.
    #[error("this entry can't take another line: an empty member stands in it, or a block at its end")]
    NoRoom,
    /// The digest is not on a line of its own.
    #[error("the digest is not on a line of its own")]
    DigestInLine,
    /// One value is a part of several references, and would have to become two.
    #[error("this value is a part of several images, and each needs another one")]
    Shared,
    /// The new text says something else than was meant.
    #[error("internal: the new text would say something else than was meant")]
    Unproven,
}
