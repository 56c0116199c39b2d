//! What was found in files, and what is wrong with them.

use std::sync::Arc;

use airlift_oci::Position;

use crate::place::Place;
use crate::problem::{Fault, LONGEST_LINE, Note, NoteKind, Problem};
use crate::yaml::{NodeId, Tree, YamlError, YamlFault};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The references, in the order of the file.
    pub places: Vec<Place>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// What is to be known.
    pub notes: Vec<Note>,
}

/// Braces of templates; those of Argo's parameters stand in quotes.
const BRACES: [&str; 3] = ["{{-", ": {{", "- {{"];

/// What was found in one file.
pub(super) struct FileReport<'r> {
    /// The file's name, which all places share.
    pub(super) file: Arc<str>,
    pub(super) text: &'r str,
    /// Whether the text is a template, once this was asked.
    is_template: Option<bool>,
    pub(super) found: &'r mut Found,
}

impl<'r> FileReport<'r> {
    pub(super) fn new(file: &'r str, text: &'r str, found: &'r mut Found) -> Self {
        FileReport { file: file.into(), text, is_template: None, found }
    }

    pub(super) fn problem_at(&mut self, position: Position, offset: usize, fault: Fault) {
        let (file, line_text) = (self.file.to_string(), line_at(self.text, offset).to_owned());
        self.found.problems.push(Problem { file, position, fault, line_text });
    }

    /// A problem with a part of a document.
    pub(super) fn problem(&mut self, tree: &Tree<'_>, part: NodeId, fault: Fault) {
        // What is wrong with a text stands where the text does.
        let of_value = tree.value(part).map(|value| (value.position, value.range.start));
        let (position, offset) = of_value.unwrap_or_else(|| (tree.position(part), tree.offset(part)));
        self.problem_at(position, offset, fault);
    }

    /// A problem with a whole document. Says whether it makes no sense to read the next one: what a template
    /// leaves is no YAML, and has no documents.
    pub(super) fn broken(&mut self, error: YamlError) -> bool {
        let is_template = matches!(error.fault, YamlFault::Syntax(_)) && self.is_template();
        let fault = if is_template { Fault::Template } else { Fault::Yaml(error.fault) };
        self.problem_at(error.position, error.offset, fault);
        is_template
    }

    /// Whether the text has the braces of a template in the place of YAML.
    fn is_template(&mut self) -> bool {
        let has_braces = |line: &str| {
            line.trim_start().starts_with("{{") || BRACES.iter().any(|braces| line.contains(braces))
        };
        *self.is_template.get_or_insert_with(|| self.text.lines().any(has_braces))
    }

    pub(super) fn note(&mut self, position: Position, kind: NoteKind) {
        self.found.notes.push(Note { file: self.file.to_string(), position, kind });
    }
}

/// The line of a byte; nothing if it is very long.
fn line_at(text: &str, offset: usize) -> &str {
    let bytes = text.as_bytes();
    let is_end = |byte: &u8| *byte == b'\n';
    let offset = offset.min(bytes.len());
    let first = offset.saturating_sub(LONGEST_LINE);
    let start = bytes[first..offset].iter().rposition(is_end).map(|at| first + at + 1);
    let Some(start) = start.or((first == 0).then_some(0)) else { return "" };
    let last = (start + LONGEST_LINE).min(bytes.len());
    let end = bytes[start..last].iter().position(is_end).map(|length| start + length);
    let end = end.or((last == bytes.len()).then_some(last));
    end.and_then(|end| text.get(start..end)).unwrap_or("").trim_end_matches('\r')
}
