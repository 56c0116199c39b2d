//! Plain lists.

use std::collections::BTreeMap;

use super::marker::{FoundImage, MarkedLine, Refreshed, Remaining};
use crate::choice::Choice;
use crate::entry::Entry;
use crate::plain::parse_plain;
use crate::position::{ListErrors, ListText};

/// A new plain list of what was found.
pub fn fresh_plain(found: &[FoundImage]) -> Refreshed {
    let remaining = Remaining::new(found);
    let lines: Vec<String> = remaining.unlisted().map(|image| image.line("", "\n")).collect();
    remaining.refreshed(&lines)
}

/// A plain list in which the marked lines are those of what was found.
///
/// # Errors
/// If the old list can't be read.
pub fn refresh_plain(file: &str, old: &[u8], found: &[FoundImage]) -> Result<Refreshed, ListErrors> {
    let entries = parse_plain(file, old, &Choice::default())?;
    let entries: BTreeMap<usize, &Entry> = entries.iter().map(|entry| (entry.position.line, entry)).collect();
    let text = ListText::new(file, old)?;
    let mut remaining = Remaining::new(found);
    let (mut lines, mut behind_marked) = (Vec::new(), None);
    for (number, line) in text.text().split_inclusive('\n').enumerate() {
        let Some(entry) = entries.get(&(number + 1)) else {
            lines.push(line.to_owned());
            continue;
        };
        let marked = MarkedLine::of(line, 0);
        lines.extend(remaining.keep(entry, line, marked.as_ref()));
        if marked.is_some() {
            behind_marked = Some(lines.len());
        }
    }
    let at = behind_marked.unwrap_or(lines.len());
    let end = end_of_lines(text.text());
    if let Some(last) =
        at.checked_sub(1).and_then(|last| lines.get_mut(last)).filter(|last| !last.ends_with('\n'))
    {
        last.push_str(end);
    }
    let new: Vec<String> = remaining.unlisted().map(|image| image.line("", end)).collect();
    lines.splice(at..at, new);
    if old.starts_with("\u{feff}".as_bytes()) {
        lines.insert(0, "\u{feff}".to_owned());
    }
    Ok(remaining.refreshed(&lines))
}

/// The end of a text's first line.
pub(super) fn end_of_lines(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}
