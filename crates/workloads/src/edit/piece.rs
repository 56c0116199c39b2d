//! Bytes that are replaced.

use std::ops::Range;

use super::error::EditError;
use crate::yaml::{Effect, Value};

/// Bytes that are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    pub(super) text: String,
    pub(super) effect: Effect,
}

impl Piece {
    /// Its place among others. A member is added behind the value that ends there.
    pub(super) fn order(&self) -> (usize, usize, bool) {
        (self.range.start, self.range.end, matches!(self.effect, Effect::Added { .. }))
    }

    /// Whether it and one that comes behind it can't both be replaced.
    pub(super) fn overlaps(&self, behind: &Piece) -> bool {
        behind.range.start < self.range.end || behind.order() == self.order()
    }
}

/// Replaces the end of a value from where its old and new text differ. What is before it may be spelt in any
/// way; what goes must stand there as it is.
pub(super) fn replaced(file: &str, value: &Value, from: &str, to: &str) -> Result<Piece, EditError> {
    let same = from.bytes().zip(to.bytes()).take_while(|(one, other)| one == other).count();
    let (Some(old), Some(new)) = (from.get(same..), to.get(same..)) else { return Err(EditError::Spelling) };
    let source = file.get(value.range.clone()).ok_or(EditError::Spelling)?;
    if !source.ends_with(old) || !value.text.ends_with(from) {
        return Err(EditError::Spelling);
    }
    Ok(Piece {
        range: value.range.end - old.len()..value.range.end,
        text: new.to_owned(),
        effect: Effect::Text { from: from.to_owned(), to: to.to_owned() },
    })
}
