//! A JSON text with its file's name, to read parts of it and to say where one of them is wrong.

use std::error::Error;
use std::str::FromStr;

use airlift_oci::text::{bounded, harmless};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::causes::with_causes;
use crate::position::{ListError, ListText, Position};

/// A short text has at most so many bytes.
const MAX_SHORT: usize = 1024;

/// A JSON text, of which parts are read one by one. So an error has the position of its part, and does not
/// end the reading of the others.
pub(super) struct JsonSource<'a> {
    file: ListText<'a>,
}

impl<'a> JsonSource<'a> {
    /// A file's content.
    pub(super) fn new(file: &'a str, bytes: &'a [u8]) -> Result<Self, ListError> {
        Ok(JsonSource { file: ListText::new(file, bytes)? })
    }

    pub(super) fn text(&self) -> &'a str {
        self.file.text()
    }

    /// An error at a byte of the text.
    pub(super) fn error_at(&self, offset: usize, message: impl Into<String>) -> ListError {
        self.file.error(self.file.position_at(offset), message)
    }

    /// An error at the start of a part.
    pub(super) fn error_in(&self, part: &RawValue, message: impl Into<String>) -> ListError {
        self.error_at(self.offset(part.get()), message)
    }

    /// Where a part starts.
    pub(super) fn position(&self, part: &RawValue) -> Position {
        self.file.position_at(self.offset(part.get()))
    }

    /// Reads all of the text.
    pub(super) fn read_all<T: Deserialize<'a>>(&self) -> Result<T, ListError> {
        self.read_text(self.text())
    }

    /// Reads a part of the text.
    pub(super) fn read<T: Deserialize<'a>>(&self, part: &'a RawValue) -> Result<T, ListError> {
        self.read_text(part.get())
    }

    /// Reads a part that is a text with a form of its own.
    pub(super) fn parse<T>(&self, part: &'a RawValue) -> Result<T, ListError>
    where
        T: FromStr<Err: Error>,
    {
        let text: String = self.read(part)?;
        text.parse().map_err(|error: T::Err| self.error_in(part, with_causes(&error)))
    }

    /// Reads a part that is a count of bytes.
    pub(super) fn size(&self, part: &'a RawValue) -> Result<u64, ListError> {
        let is_count = |_: &serde_json::Error| {
            let found = harmless(&bounded(part.get())).into_owned();
            self.error_in(part, format!("a size is a whole number of bytes below 2^64, and this is {found}"))
        };
        serde_json::from_str(part.get()).map_err(|error| is_count(&error))
    }

    /// Reads a part that is a text of any form.
    pub(super) fn any_text(&self, part: &RawValue) -> Result<String, ListError> {
        serde_json::from_str(part.get()).map_err(|_| self.error_in(part, "a text in quotes has to be here"))
    }

    /// Reads a text that is short, not empty, and fit to be shown.
    pub(super) fn short_text(&self, part: &RawValue) -> Result<String, ListError> {
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
                return self.error_at(at + part.trim_end().len(), "the lock ends here: the rest was cut off");
            }
            let message = message_of(&error);
            // serde_json finds out at an object's end what the object lacks.
            let inside = if message.starts_with("missing field") { 0 } else { start_of_token(part, &error) };
            self.error_at(at + inside, in_words(&message))
        })
    }

    /// Where a part of the text starts in it. A text that is none of its parts counts as its start.
    fn offset(&self, part: &str) -> usize {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text().as_ptr() as usize);
        if offset <= self.text().len() { offset } else { 0 }
    }
}

/// serde_json's sentence without the place at its end, and harmless on terminals.
fn message_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    harmless(&bounded(text.strip_suffix(&place).unwrap_or(&text))).into_owned()
}

/// serde's words for fields are those of programs.
fn in_words(message: &str) -> String {
    match message.split_once('`').and_then(|(what, rest)| Some((what, rest.split_once('`')?.0))) {
        Some(("missing field ", name)) => format!("the member '{name}' is missing"),
        Some(("duplicate field ", name)) => format!("the member '{name}' is there twice"),
        Some(("unknown field ", name)) => {
            let known = message.split_once("expected ").map_or("", |(_, known)| known);
            format!("a lock has no member '{name}' here; it may have {}", known.replace("one of ", ""))
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
