//! Where a member can be added to a mapping, and where one stands that can go.

use std::ops::Range;

use crate::place::Insertion;
use crate::yaml::{NodeId, Style, Tree};

/// How members are added behind the last one of a mapping. `None` where its end is not known to the byte.
pub(super) fn insertion(tree: &Tree<'_>, mapping: NodeId) -> Option<Insertion> {
    let text = tree.file_text();
    let (first, _) = tree.own_pairs(mapping).next()?;
    let (key, value) = tree.own_pairs(mapping).last()?;
    if tree.scalar(value).is_some_and(|scalar| scalar.style == Style::Block) {
        return None;
    }
    let end_of = |part| tree.offset(part) + tree.source(part).len();
    let end = end_of(key).max(if tree.source(value).is_empty() { 0 } else { end_of(value) });
    if tree.source(mapping).starts_with('{') {
        let quote = if tree.source(first).starts_with('"') { "\"" } else { "" };
        return Some(Insertion { offset: end, lead: ", ".to_owned(), quote });
    }
    let rest = text.get(end..)?;
    let offset = end + rest.find('\n').map_or(rest.len(), |at| rest[..at].trim_end_matches('\r').len());
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let indent = " ".repeat(tree.position(first).column - 1);
    Some(Insertion { offset, lead: format!("{line_end}{indent}"), quote: "" })
}

/// The whole line of a mapping's digest, if nothing else stands on it.
pub(super) fn digest_line(tree: &Tree<'_>, mapping: NodeId) -> Option<Range<usize>> {
    let text = tree.file_text();
    let (key, value) = tree.own_pair(mapping, "digest")?;
    let start = tree.offset(key);
    let end = tree.offset(value) + tree.source(value).len();
    let line_start = text.get(..start)?.rfind('\n')? + 1;
    let (before, rest) = (text.get(line_start..start)?, text.get(end..)?);
    let behind = rest.find('\n').map_or(rest, |at| &rest[..=at]);
    if !before.trim_matches(' ').is_empty() || !behind.trim().is_empty() {
        return None;
    }
    match behind.ends_with('\n') {
        true => Some(line_start..end + behind.len()),
        // The last line of a file without an end: that of the line before goes.
        false => Some(text.get(..line_start)?.trim_end_matches(['\n', '\r']).len()..end + behind.len()),
    }
}
