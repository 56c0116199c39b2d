//! References in one value.

use super::change::Change;
use super::error::EditError;
use super::piece::{Piece, replaced};
use crate::yaml::Value;

/// What is replaced of a reference in one value.
pub(super) fn pieces(
    file: &str,
    reference: &str,
    value: &Value,
    change: &Change,
) -> Result<Vec<Piece>, EditError> {
    let changed = change.applied(reference);
    if changed == reference {
        return Ok(Vec::new());
    }
    Ok(vec![replaced(file, value, reference, &changed)?])
}
