//! References in several values of a mapping: entries of Kustomizations, and Helm values.

use super::change::{Change, DigestChange};
use super::error::EditError;
use super::piece::{Piece, replaced};
use crate::place::{Entry, EntryForm, ReferenceParts};
use crate::yaml::{Effect, Value};

/// A member of a mapping.
type Member = (&'static str, String);

/// What is replaced, added and removed of a reference in parts.
pub(super) fn pieces(file: &str, parts: &ReferenceParts, change: &Change) -> Result<Vec<Piece>, EditError> {
    let mut pieces = Vec::new();
    let mut members: Vec<Member> = Vec::new();
    if let Some(repository) = &change.repository {
        match (&parts.registry, parts.entry.form) {
            (Some(registry), _) => {
                let (host, path) = repository.split_once('/').ok_or(EditError::Spelling)?;
                pieces.extend(value(file, registry, host)?);
                pieces.extend(value(file, &parts.name, path)?);
            }
            (None, EntryForm::SameName) if parts.name.text != *repository => {
                members.push(("newName", repository.clone()));
            }
            (None, _) => pieces.extend(value(file, &parts.name, repository)?),
        }
    }
    match change.digest {
        DigestChange::Keep => {}
        DigestChange::Set(digest) => {
            let digest = digest.to_string();
            match (&parts.digest, parts.entry.form, &parts.tag) {
                (Some(old), ..) => pieces.extend(value(file, old, &digest)?),
                (None, EntryForm::Values, Some(tag)) => {
                    pieces.extend(value(file, tag, &with_digest(tag, &digest))?)
                }
                (None, EntryForm::Values, None) => return Err(EditError::NoRoom),
                (None, ..) => members.push(("digest", digest)),
            }
        }
        DigestChange::Remove => pieces.extend(without_digest(file, parts)?),
    }
    if !members.is_empty() {
        pieces.push(added(&parts.entry, members)?);
    }
    Ok(pieces)
}

fn value(file: &str, old: &Value, new: &str) -> Result<Option<Piece>, EditError> {
    if old.text == new { Ok(None) } else { replaced(file, old, &old.text, new).map(Some) }
}

fn with_digest(tag: &Value, digest: &str) -> String {
    let tag = tag.text.split('@').next().unwrap_or_default();
    format!("{tag}@{digest}")
}

fn without_digest(file: &str, parts: &ReferenceParts) -> Result<Option<Piece>, EditError> {
    match (&parts.digest, parts.entry.form, &parts.tag) {
        // In quotes, there can be nothing. Charts know the empty text.
        (Some(digest), EntryForm::Values, _) if !digest.text.is_empty() => {
            let is_quoted = file.get(digest.range.end..).is_some_and(|rest| rest.starts_with(['"', '\'']));
            if is_quoted { value(file, digest, "") } else { removed(&parts.entry).map(Some) }
        }
        (_, EntryForm::Values, Some(tag)) => value(file, tag, tag.text.split('@').next().unwrap_or_default()),
        (Some(_), EntryForm::SameName | EntryForm::NewName, _) => removed(&parts.entry).map(Some),
        _ => Ok(None),
    }
}

fn removed(entry: &Entry) -> Result<Piece, EditError> {
    let range = entry.digest_line.clone().ok_or(EditError::DigestInLine)?;
    Ok(Piece { range, text: String::new(), effect: Effect::Removed })
}

fn added(entry: &Entry, members: Vec<Member>) -> Result<Piece, EditError> {
    let insertion = entry.insertion.as_ref().ok_or(EditError::NoRoom)?;
    let (lead, quote) = (&insertion.lead, insertion.quote);
    let text = |(key, value): &Member| format!("{lead}{quote}{key}{quote}: {quote}{value}{quote}");
    Ok(Piece {
        range: insertion.offset..insertion.offset,
        text: members.iter().map(text).collect(),
        effect: Effect::Added { entry: entry.start, members },
    })
}
