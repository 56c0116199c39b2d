//! TOML files: read whole, and errors with their place.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use airlift_lists::{ListErrors, ListText};
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::ui::term::shown;
use crate::usage_error::UsageError;

/// The largest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// The text of a TOML file.
pub(super) struct TomlText {
    file: PathBuf,
    text: String,
}

impl TomlText {
    /// Reads a file; `None` if there is none. `open` opens it.
    pub(super) fn open(
        file: &Path,
        open: impl FnOnce(&Path) -> io::Result<File>,
    ) -> Result<Option<Self>, Failure> {
        let mut bytes = Vec::new();
        let read = open(file).and_then(|opened| opened.take(MAX_FILE + 1).read_to_end(&mut bytes));
        let cant = |source| Failure::File { doing: "read", path: file.to_owned(), source };
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cant(error)),
            Ok(size) if size as u64 > MAX_FILE => {
                let (file, text) = (file.to_owned(), String::new());
                return Err(TomlText { file, text }.error(0, "the file is larger than 1 MiB").into());
            }
            Ok(_) => {}
        }
        let text = ListText::new(&shown(file), &bytes).map(|text| text.text().to_owned());
        let text = text.map_err(|error| UsageError::Lists(error.into()))?;
        Ok(Some(TomlText { file: file.to_owned(), text }))
    }

    /// The values in it.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, UsageError> {
        toml::from_str(&self.text).map_err(|error| {
            let message = error.message();
            // Names of registries have slashes and colons.
            let advice = if message.starts_with("invalid unquoted key") { ": put it in quotes" } else { "" };
            self.error(error.span().map_or(0, |span| span.start), format!("{message}{advice}"))
        })
    }

    /// An error at a byte of the file.
    pub(super) fn error(&self, start: usize, message: impl Display) -> UsageError {
        let name = shown(&self.file);
        let errors = match ListText::new(&name, self.text.as_bytes()) {
            Ok(text) => ListErrors::from(text.error(text.position_at(start), message.to_string())),
            Err(error) => error.into(),
        };
        UsageError::Lists(errors)
    }
}
