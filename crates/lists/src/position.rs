//! Positions in files, and errors that name them.

use std::fmt;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What is wrong with a list or a lock, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{position}: {message}")]
pub struct ListError {
    /// The file's name.
    pub file: String,
    /// The place.
    pub position: Position,
    /// What is wrong.
    pub message: String,
    /// The line, as it stands in the file.
    pub line_text: String,
}

/// All that is wrong with a list or a lock: at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListErrors {
    errors: Vec<ListError>,
}

impl ListError {
    /// An error at `position` of `text`, the content of `file`.
    pub fn new(file: &str, text: &str, position: Position, message: impl Into<String>) -> Self {
        let line = text.lines().nth(position.line.saturating_sub(1)).unwrap_or_default();
        ListError { file: file.to_owned(), position, message: message.into(), line_text: line.to_owned() }
    }
}

impl ListErrors {
    /// The errors; `None` where there is none.
    pub fn of(errors: Vec<ListError>) -> Option<Self> {
        if errors.is_empty() { None } else { Some(ListErrors { errors }) }
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &ListError> {
        self.errors.iter()
    }
}

impl From<ListError> for ListErrors {
    fn from(error: ListError) -> Self {
        ListErrors { errors: vec![error] }
    }
}

/// One error speaks for itself, several are counted.
impl fmt::Display for ListErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.errors[..] {
            [error] => error.fmt(f),
            errors => write!(f, "{} entries can't be read", errors.len()),
        }
    }
}

impl std::error::Error for ListErrors {}
