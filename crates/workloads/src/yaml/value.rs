//! A scalar's text, and its bytes in the file.

use std::ops::Range;

use airlift_oci::Position;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    SingleQuoted,
    /// In double quotes, as in JSON.
    DoubleQuoted,
    /// As a block behind `|` or `>`.
    Block,
}

/// A scalar's text without the white space around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The text. It may stand in the file with escapes, or in several lines.
    pub text: String,
    /// Where the first of its bytes is.
    pub position: Position,
    /// Its bytes in the file: without quotes, anchors and comments.
    pub range: Range<usize>,
    /// How it is written.
    pub style: Style,
}
