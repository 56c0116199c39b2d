//! All that is replaced in one file.

use super::change::Change;
use super::error::EditError;
use super::piece::Piece;
use super::{in_parts, whole};
use crate::place::{Place, Written};
use crate::yaml::{Expected, is_as_expected};

/// All that is replaced in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileEdits {
    /// In the order of the file.
    pieces: Vec<Piece>,
}

impl FileEdits {
    /// Adds the change of a reference, which was found in this file. Says what the reference becomes.
    ///
    /// # Errors
    /// If it can't be replaced where it stands.
    pub fn add(&mut self, file: &str, place: &Place, change: &Change) -> Result<String, EditError> {
        let pieces = match &place.written {
            Written::Whole(value) => whole::pieces(file, &place.reference, value, change)?,
            Written::InParts(parts) => in_parts::pieces(file, parts, change)?,
            Written::Within => return Err(EditError::Within),
        };
        for piece in pieces {
            self.add_piece(piece)?;
        }
        Ok(change.applied(&place.reference))
    }

    fn add_piece(&mut self, piece: Piece) -> Result<(), EditError> {
        let at = self.pieces.partition_point(|other| other.order() < piece.order());
        let (before, behind) = self.pieces.split_at(at);
        match behind.first() {
            // A value that an alias stands for is a part of several references.
            Some(other) if *other == piece => return Ok(()),
            Some(other) if piece.overlaps(other) => return Err(EditError::Shared),
            _ if before.last().is_some_and(|other| other.overlaps(&piece)) => return Err(EditError::Shared),
            _ => self.pieces.insert(at, piece),
        }
        Ok(())
    }

    /// Whether nothing is replaced.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The new text. It was parsed again: it says the same but for what was meant to differ.
    ///
    /// # Errors
    /// If it would say something else.
    pub fn apply(&self, file: &str) -> Result<String, EditError> {
        let (mut text, mut done, mut expected) = (String::with_capacity(file.len()), 0, Vec::new());
        for piece in &self.pieces {
            text.push_str(file.get(done..piece.range.start).ok_or(EditError::Unproven)?);
            let start = text.len();
            text.push_str(&piece.text);
            done = piece.range.end;
            let new = start..text.len();
            expected.push(Expected { old: piece.range.clone(), new, effect: piece.effect.clone() });
        }
        text.push_str(file.get(done..).ok_or(EditError::Unproven)?);
        if is_as_expected(file, &text, &expected) { Ok(text) } else { Err(EditError::Unproven) }
    }
}
