//! A JSON text with its file's name, to read parts of it and to say where one of them is wrong.

use std::error::Error;
use std::str::FromStr;

use airlift_oci::text::{bounded, harmless, with_causes};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::position::{ListError, ListErrors, ListText, MOST_ERRORS, Position};

/// A short text has at most so many bytes.
const MAX_SHORT: usize = 1024;

/// A JSON text, of which parts are read one by one. So an error has the position of its part, and does not
/// end the reading of the others.
pub(crate) struct JsonSource<'a> {
    file: ListText<'a>,
    kind: &'static DocumentKind,
}

/// A kind of document that is read strictly.
pub(crate) struct DocumentKind {
    /// What people call it: `lock`.
    pub(crate) noun: &'static str,
    /// What it calls itself, without its version: `airlift.lock/v`.
    pub(crate) schema: &'static str,
}

/// The version of the kinds of documents that are read.
const VERSION: u64 = 1;

/// What a document says of its own kind. Other members are passed over.
#[derive(Deserialize)]
struct WrittenSchema {
    schema: Option<serde_json::Value>,
}

impl<'a> JsonSource<'a> {
    /// A file's content, if it looks like a document of this kind.
    pub(crate) fn new(
        file: &'a str,
        bytes: &'a [u8],
        kind: &'static DocumentKind,
    ) -> Result<Self, ListError> {
        let source = JsonSource { file: ListText::new(file, bytes)?, kind };
        source.check_kind()?;
        Ok(source)
    }

    /// What can be said of a file before it is read as JSON.
    fn check_kind(&self) -> Result<(), ListError> {
        let noun = self.kind.noun;
        if self.text().trim().is_empty() {
            return Err(self.error_at(0, format!("the {noun} is empty")));
        }
        let mut at = 0;
        for line in self.text().split_inclusive('\n') {
            if is_conflict_marker(line.trim_end()) {
                let message = "this is a mark of a merge that left a conflict: keep one of the two sides";
                return Err(self.error_at(at, message));
            }
            at += line.len();
        }
        if !self.text().trim_start().starts_with('{') {
            let at = self.text().len() - self.text().trim_start().len();
            return Err(self.error_at(at, format!("a {noun} is a JSON document that starts with '{{'")));
        }
        // A newer version may differ in everything but this member.
        match self.read_all::<WrittenSchema>() {
            Ok(WrittenSchema { schema: Some(schema) }) => {
                let at = self.text().find("\"schema\"").unwrap_or_default();
                match schema.as_str() {
                    Some(schema) if self.kind.is(schema) => Ok(()),
                    Some(schema) => Err(self.error_at(at, self.kind.refuse(schema))),
                    None => {
                        let member = self.text().get(at..).unwrap_or_default();
                        let value = member.find(':').map_or(0, |colon| {
                            let behind = member.get(colon + 1..).unwrap_or_default();
                            member.len() - behind.trim_start().len()
                        });
                        let message = "a text in quotes has to be here: 'schema' says what the document is";
                        Err(self.error_at(at + value, message))
                    }
                }
            }
            _ => Ok(()),
        }
    }

    /// Checks the member by which the document says what it is.
    pub(crate) fn check_schema(&self, part: &RawValue) -> Result<(), ListError> {
        let schema = self.any_text(part)?;
        if self.kind.is(&schema) { Ok(()) } else { Err(self.error_in(part, self.kind.refuse(&schema))) }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.file.text()
    }

    /// An error at a byte of the text.
    pub(crate) fn error_at(&self, offset: usize, message: impl Into<String>) -> ListError {
        self.file.error(self.file.position_at(offset), message)
    }

    /// An error at the start of a part.
    pub(crate) fn error_in(&self, part: &RawValue, message: impl Into<String>) -> ListError {
        self.error_at(self.offset(part.get()), message)
    }

    /// Where a part starts.
    pub(crate) fn position(&self, part: &RawValue) -> Position {
        self.file.position_at(self.offset(part.get()))
    }

    /// Reads all of the text.
    pub(crate) fn read_all<T: Deserialize<'a>>(&self) -> Result<T, ListError> {
        self.read_text(self.text())
    }

    /// Reads a part of the text.
    pub(crate) fn read<T: Deserialize<'a>>(&self, part: &'a RawValue) -> Result<T, ListError> {
        self.read_text(part.get())
    }

    /// Reads all parts of a list, and reports all that can't be read, up to a limit.
    pub(crate) fn read_each<T>(
        &self,
        parts: impl IntoIterator<Item = &'a RawValue>,
        mut read: impl FnMut(&'a RawValue) -> Result<T, ListError>,
    ) -> Result<Vec<T>, ListErrors> {
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        for part in parts {
            match read(part) {
                Ok(one) => all.push(one),
                Err(error) => errors.push(error),
            }
            if errors.len() == MOST_ERRORS {
                break;
            }
        }
        ListErrors::of(errors).map_or(Ok(all), Err)
    }

    /// Reads a part that is a text with a form of its own.
    pub(crate) fn parse<T>(&self, part: &'a RawValue) -> Result<T, ListError>
    where
        T: FromStr<Err: Error>,
    {
        let text: String = self.read(part)?;
        text.parse().map_err(|error: T::Err| self.error_in(part, with_causes(&error)))
    }

    /// Reads a part that is a count of bytes.
    pub(crate) fn size(&self, part: &'a RawValue) -> Result<u64, ListError> {
        let is_count = |_: &serde_json::Error| {
            let found = harmless(&bounded(part.get())).into_owned();
            self.error_in(part, format!("a size is a whole number of bytes below 2^64, and this is {found}"))
        };
        serde_json::from_str(part.get()).map_err(|error| is_count(&error))
    }

    /// Reads a part that is a text of any form.
    pub(crate) fn any_text(&self, part: &RawValue) -> Result<String, ListError> {
        serde_json::from_str(part.get()).map_err(|_| self.error_in(part, "a text in quotes has to be here"))
    }

    /// Reads a text that is short, not empty, and fit to be shown.
    pub(crate) fn short_text(&self, part: &RawValue) -> Result<String, ListError> {
        let text = self.any_text(part)?;
        if text.is_empty() || text.len() > MAX_SHORT || text.chars().any(char::is_control) {
            let message = format!("this is empty, longer than {MAX_SHORT} bytes, or has control characters");
            return Err(self.error_in(part, message));
        }
        Ok(text)
    }

    fn read_text<T: Deserialize<'a>>(&self, part: &'a str) -> Result<T, ListError> {
        serde_json::from_str(part).map_err(|error| {
            let at = self.offset(part);
            if error.is_eof() {
                return self.error_at(
                    at + part.trim_end().len(),
                    format!("the {} ends here: the rest was cut off", self.kind.noun),
                );
            }
            let message = message_of(&error);
            // serde_json finds out at an object's end what the object lacks.
            let inside = if message.starts_with("missing field") { 0 } else { start_of_token(part, &error) };
            self.error_at(at + inside, in_words(&message, self.kind.noun))
        })
    }

    /// Where a part of the text starts in it. A text that is none of its parts counts as its start.
    fn offset(&self, part: &str) -> usize {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text().as_ptr() as usize);
        if offset <= self.text().len() { offset } else { 0 }
    }
}

impl DocumentKind {
    /// Whether a document that calls itself so is one of this kind, and of the version that is read.
    fn is(&self, schema: &str) -> bool {
        schema.strip_prefix(self.schema) == Some(&VERSION.to_string())
    }

    /// Why a document that calls itself so is not read.
    fn refuse(&self, schema: &str) -> String {
        let DocumentKind { noun, schema: own } = self;
        let version = schema.strip_prefix(own).and_then(|version| version.parse::<u64>().ok());
        match version {
            Some(version) if version > VERSION => {
                format!(
                    "this {noun} is of version {version}, and this Airlift reads version {VERSION}: use a newer one"
                )
            }
            _ => {
                let shown = bounded(schema).escape_debug().to_string();
                format!("this document calls itself '{shown}'; a {noun} is '{own}{VERSION}'")
            }
        }
    }
}

/// The lines that version control puts around the two sides of a conflict.
fn is_conflict_marker(line: &str) -> bool {
    line == "======="
        || ["<<<<<<<", ">>>>>>>", "|||||||"]
            .iter()
            .any(|mark| line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
}

/// serde_json's sentence without the place at its end, and harmless on terminals.
fn message_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    harmless(&bounded(text.strip_suffix(&place).unwrap_or(&text))).into_owned()
}

/// serde's words for fields are those of programs.
fn in_words(message: &str, noun: &str) -> String {
    match message.split_once('`').and_then(|(what, rest)| Some((what, rest.split_once('`')?.0))) {
        Some(("missing field ", name)) => format!("the member '{name}' is missing"),
        Some(("duplicate field ", name)) => format!("the member '{name}' is there twice"),
        Some(("unknown field ", name)) => {
            let known = message.split_once("expected ").map_or("", |(_, known)| known);
            format!("a {noun} has no member '{name}' here; it may have {}", known.replace("one of ", ""))
        }
        _ => message.to_owned(),
    }
}

/// Where the string or number starts behind which serde_json stopped.
fn start_of_token(part: &str, error: &serde_json::Error) -> usize {
    let start_of_line = match error.line().saturating_sub(1) {
        0 => 0,
        line => part.match_indices('\n').nth(line - 1).map_or(0, |(end, _)| end + 1),
    };
    let mut stop = (start_of_line + error.column().saturating_sub(1)).min(part.len());
    while !part.is_char_boundary(stop) {
        stop -= 1;
    }
    let bytes = part.as_bytes();
    let is_quote = |at: usize| {
        let slashes = bytes.iter().take(at).rev().take_while(|byte| **byte == b'\\').count();
        bytes.get(at) == Some(&b'"') && slashes % 2 == 0
    };
    if is_quote(stop) {
        return (start_of_line..stop).rev().find(|at| is_quote(*at)).unwrap_or(stop);
    }
    let is_of_number = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    stop - bytes.iter().take(stop).rev().take_while(is_of_number).count()
}
