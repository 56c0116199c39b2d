//! The parts of a document.

use std::borrow::Cow;

use super::value::Style;

/// The number of a part in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A text, number or nothing.
#[derive(Debug)]
pub(crate) struct Scalar<'t> {
    /// The text, escapes resolved.
    pub(crate) text: Cow<'t, str>,
    pub(crate) style: Style,
    /// Whether a tag such as `!!str` says what it is.
    pub(crate) has_tag: bool,
}

impl Scalar<'_> {
    /// Whether it is nothing: `~`, `null`, or no text at all.
    pub(crate) fn is_null(&self) -> bool {
        self.is_resolved() && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    /// Whether YAML takes it for a number, true or false.
    pub(crate) fn is_number_or_boolean(&self) -> bool {
        self.is_resolved() && (is_boolean(&self.text) || is_number(&self.text))
    }

    /// Whether its text says what it is.
    fn is_resolved(&self) -> bool {
        self.style == Style::Plain && !self.has_tag
    }
}

fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let has_digits = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    match unsigned.get(..2) {
        Some("0x") => return has_digits(&unsigned[2..], 16),
        Some("0o") => return has_digits(&unsigned[2..], 8),
        _ => {}
    }
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    starts && (unsigned.parse::<f64>().is_ok() || matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan"))
}

/// What a part is.
#[derive(Debug)]
pub(crate) enum Content<'t> {
    Scalar(Scalar<'t>),
    Sequence,
    Mapping,
    /// Stands for another part.
    Alias(NodeId),
}

/// A part of a document. The parts below it follow it directly, in the order of the file.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) content: Content<'t>,
    /// The first part that isn't below it.
    pub(super) next: NodeId,
    /// Its first byte.
    pub(super) start: u32,
    /// The first byte behind it.
    pub(super) end: u32,
    /// The line of its first byte, from 1.
    pub(super) line: u32,
    /// The column of its first byte, in characters from 1.
    pub(super) column: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_by_their_text() {
        for text in ["1", "1.27", "-3", "+1e3", "0x1F", "0o17", ".5", "1.", "-.inf", "0"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["nginx", "1.27.3", "0x", "infinity", "nan", "1a", "", ".", "-", "v1", "1_000", "e3"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
