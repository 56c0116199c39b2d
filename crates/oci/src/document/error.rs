//! Why JSON is refused.

/// JSON may nest this deep; no real manifest passes ten.
pub(super) const MAX_DEPTH: usize = 100;

/// Why JSON was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It starts with a byte order mark.
    #[error("the JSON starts with a byte order mark")]
    ByteOrderMark,
    /// It isn't UTF-8.
    #[error("the JSON is not UTF-8 (byte {0})")]
    Utf8(usize),
    /// It nests deeper than any manifest does.
    #[error("the JSON nests deeper than {MAX_DEPTH} levels")]
    Depth,
    /// It is malformed, ambiguous or lacks what must be there; the text says where.
    #[error("{0}")]
    Json(String),
}
