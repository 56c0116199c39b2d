//! TOML files: read whole, and errors with their place.

use std::fmt::Display;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::config::error::ConfigError;
use crate::failure::{Failure, UsageError};

/// The largest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// The text of a TOML file.
pub(super) struct TomlText {
    file: PathBuf,
    text: String,
}

impl TomlText {
    /// Reads a file; `None` if there is none.
    pub(super) fn open(file: &Path) -> Result<Option<Self>, Failure> {
        let mut bytes = Vec::new();
        let read = std::fs::File::open(file)
            .and_then(|opened| opened.take(MAX_FILE + 1).read_to_end(&mut bytes).map(drop));
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Failure::File { doing: "read", path: file.to_owned(), source }),
            Ok(()) => {}
        }
        let (text, fault) = match String::from_utf8(bytes) {
            Ok(text) if text.len() as u64 > MAX_FILE => (String::new(), Some("is larger than 1 MiB")),
            Ok(text) => (text, None),
            Err(_) => (String::new(), Some("is not UTF-8")),
        };
        let text = TomlText { file: file.to_owned(), text };
        fault.map_or(Ok(Some(text)), |fault| Err(text_error(file, fault)))
    }

    /// The values in it.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, UsageError> {
        toml::from_str(self.text.strip_prefix('\u{feff}').unwrap_or(&self.text))
            .map_err(|error| self.error(error.span().map_or(0, |span| span.start), error.message()))
    }

    /// An error at a byte of the file.
    pub(super) fn error(&self, start: usize, message: impl Display) -> UsageError {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let before = text.get(..start).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let (file, line) = (self.file.clone(), before.matches('\n').count() + 1);
        ConfigError { file, line, column, message: message.to_string() }.into()
    }
}

fn text_error(file: &Path, fault: &str) -> Failure {
    let message = format!("the file {fault}");
    UsageError::from(ConfigError { file: file.to_owned(), line: 1, column: 1, message }).into()
}
