//! The comment that marks an entry as found, and what becomes of marked entries.

use std::collections::{BTreeMap, BTreeSet};

use airlift_oci::text::{bounded, harmless};
use airlift_oci::{Reference, SourceReference};

use crate::entry::{Entry, Wanted};

/// How the comment behind an entry begins.
const MARKER: &str = "# found in ";

/// An image that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundImage {
    /// The reference, as written where it was found.
    pub written: String,
    /// What it stands for.
    pub reference: Reference,
    /// The files, sorted.
    pub files: BTreeSet<String>,
}

/// A list with what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// The text.
    pub text: String,
    /// How many entries are new.
    pub added: usize,
    /// How many entries went, since nothing has them any more.
    pub removed: usize,
}

impl FoundImage {
    /// The reference as a list takes it. Without its host, an image may have the name of a layout's form, or
    /// of nothing.
    fn in_list(&self) -> String {
        let is_itself = matches!(self.written.parse(), Ok(SourceReference::Registry(_)));
        if is_itself && self.written != "null" { self.written.clone() } else { self.reference.to_string() }
    }

    fn comment(&self) -> String {
        let name = |file: &String| harmless(&bounded(file)).into_owned();
        match (self.files.first(), self.files.len()) {
            (Some(file), 1) => format!("{MARKER}{}", name(file)),
            (Some(file), count) => format!("{MARKER}{} and {} more", name(file), count - 1),
            (None, _) => MARKER.trim_end().to_owned(),
        }
    }

    /// The line of a new entry.
    pub(super) fn line(&self, before: &str, end: &str) -> String {
        format!("{before}{}  {}{end}", self.in_list(), self.comment())
    }
}

/// A line of a list that was found.
pub(super) struct MarkedLine<'l> {
    /// What stands before the reference.
    pub(super) before: &'l str,
    reference: &'l str,
    /// The white space before the comment.
    space: &'l str,
    /// The line's end.
    pub(super) end: &'l str,
}

impl<'l> MarkedLine<'l> {
    /// Takes a line apart that has a single reference behind `before`, and the comment.
    pub(super) fn of(line: &'l str, before: usize) -> Option<Self> {
        let content = line.trim_end_matches(['\n', '\r']);
        let end = line.get(content.len()..)?;
        let (before, rest) = content.split_at_checked(before)?;
        let (reference, rest) = rest.split_at(rest.find(char::is_whitespace)?);
        let comment = rest.trim_start();
        let space = rest.get(..rest.len() - comment.len())?;
        comment.starts_with(MARKER).then_some(MarkedLine { before, reference, space, end })
    }

    /// The same line with a comment of today.
    fn refreshed(&self, image: &FoundImage) -> String {
        format!("{}{}{}{}{}", self.before, self.reference, self.space, image.comment(), self.end)
    }
}

/// The images that were found, and those that a list has.
pub(super) struct Remaining<'f> {
    found: BTreeMap<String, &'f FoundImage>,
    listed: BTreeSet<String>,
    removed: usize,
}

impl<'f> Remaining<'f> {
    pub(super) fn new(found: &'f [FoundImage]) -> Self {
        let found = found.iter().map(|image| (image.reference.to_string(), image)).collect();
        Remaining { found, listed: BTreeSet::new(), removed: 0 }
    }

    /// Notes an entry. Gives the line that stands for it from now on; `None`: it goes.
    pub(super) fn keep(
        &mut self,
        entry: &Entry,
        line: &str,
        marked: Option<&MarkedLine<'_>>,
    ) -> Option<String> {
        let Wanted::Image(SourceReference::Registry(reference)) = &entry.wanted else {
            return Some(line.to_owned());
        };
        let reference = reference.to_string();
        let kept = match (marked, self.found.get(&reference)) {
            (None, _) => Some(line.to_owned()),
            (Some(marked), Some(image)) => Some(marked.refreshed(image)),
            (Some(_), None) => None,
        };
        if kept.is_some() {
            self.listed.insert(reference);
        } else {
            self.removed += 1;
        }
        kept
    }

    /// The images that no entry has.
    pub(super) fn unlisted(&self) -> impl Iterator<Item = &'f FoundImage> {
        self.found.iter().filter(|(name, _)| !self.listed.contains(*name)).map(|(_, image)| *image)
    }

    pub(super) fn refreshed(&self, lines: &[String]) -> Refreshed {
        Refreshed { text: lines.concat(), added: self.unlisted().count(), removed: self.removed }
    }
}
