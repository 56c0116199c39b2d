//! Positions in files, and errors that name them and show the line.

use std::fmt;

pub use airlift_oci::position::Position;
use airlift_oci::position::excerpt;

/// How many errors are collected; a file in which every line is wrong is of another kind.
pub(crate) const MOST_ERRORS: usize = 100;

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

impl ListError {
    /// The line and its column, for a message.
    pub fn excerpt(&self) -> String {
        excerpt(&self.line_text, self.position)
    }
}

/// All that is wrong with a list or a lock: at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListErrors {
    errors: Vec<ListError>,
}

impl ListErrors {
    /// The errors, in the order of the file; `None` where there is none.
    pub fn of(mut errors: Vec<ListError>) -> Option<Self> {
        errors.sort_by_key(|error| error.position);
        errors.dedup();
        errors.truncate(MOST_ERRORS);
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
            errors => {
                let (file, count) = (errors.first().map_or("", |error| error.file.as_str()), errors.len());
                let or_more = if count == MOST_ERRORS { " or more" } else { "" };
                write!(f, "{file} has {count}{or_more} errors")
            }
        }
    }
}

impl std::error::Error for ListErrors {}

/// The text of a list or a lock, with its file's name, in which errors find their lines.
#[derive(Clone, Debug)]
pub struct ListText<'a> {
    file: &'a str,
    text: &'a str,
    /// Where each line starts, in bytes.
    starts: Vec<usize>,
}

impl<'a> ListText<'a> {
    /// The content of `file`. A byte-order mark at its start is left out.
    ///
    /// # Errors
    /// If it is not UTF-8; the position is that of the first byte that isn't.
    pub fn new(file: &'a str, bytes: &'a [u8]) -> Result<Self, ListError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                let starts =
                    std::iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect();
                Ok(ListText { file, text, starts })
            }
            Err(error) => {
                let valid = bytes.split_at(error.valid_up_to()).0;
                let valid = std::str::from_utf8(valid).unwrap_or_default();
                let line = valid.rsplit('\n').next().unwrap_or_default();
                let message = match bytes {
                    [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16 text: save it as UTF-8",
                    _ => "it is not UTF-8 text",
                };
                Err(ListError {
                    file: file.into(),
                    position: Position {
                        line: valid.matches('\n').count() + 1,
                        column: line.chars().count() + 1,
                    },
                    message: message.to_owned(),
                    line_text: line.to_owned(),
                })
            }
        }
    }

    /// The file's name.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// The whole text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The lines with their numbers, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Where the byte at `offset` is.
    pub fn position_at(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        Position { line, column: before.chars().count() + 1 }
    }

    /// An error at `position`, with its line.
    pub fn error(&self, position: Position, message: impl Into<String>) -> ListError {
        let start = self.starts.get(position.line.saturating_sub(1)).copied();
        let line = start.and_then(|start| self.text.get(start..)?.lines().next()).unwrap_or_default();
        ListError {
            file: self.file.to_owned(),
            position,
            message: message.into(),
            line_text: line.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of a line an excerpt shows.
    const WIDEST: usize = 100;

    fn error(line: &str, column: usize) -> ListError {
        let text = format!("first\n{line}\r\nlast");
        let text = ListText::new("images.txt", text.as_bytes()).unwrap();
        text.error(Position { line: 2, column }, "it is wrong")
    }

    #[test]
    fn an_error_names_its_place_and_shows_its_line() {
        let error = error("  - ngnix::1", 11);
        assert_eq!(error.to_string(), "images.txt:2:11: it is wrong");
        assert_eq!(error.excerpt(), "2 |   - ngnix::1\n  |           ^");
    }

    #[test]
    fn an_excerpt_has_no_password() {
        assert_eq!(error("ann:hunter2@h/x", 1).excerpt(), "2 | ***********@h/x\n  | ^");
    }

    #[test]
    fn an_excerpt_is_short_and_harmless() {
        assert_eq!(error("\tä\u{1b}[2J x", 8).excerpt(), "2 |  ä\\u{1b}[2J x\n  |             ^");
        let long = "x".repeat(5000);
        for column in [1, 50, 2500, 5000, 5001, 9000] {
            let excerpt = error(&long, column).excerpt();
            let mut lines = excerpt.lines();
            let (line, caret) = (lines.next().unwrap(), lines.next().unwrap());
            assert!(line.chars().count() <= WIDEST + 6, "{column}: {line}");
            assert!(line.contains('…') && caret.ends_with('^'), "{column}: {excerpt}");
            assert!(caret.chars().count() <= line.chars().count() + 1, "{column}: {excerpt}");
        }
    }

    #[test]
    fn offsets_become_lines_and_columns() {
        let text = ListText::new("f", "\u{feff}ä b\nc".as_bytes()).unwrap();
        let at = |offset| text.position_at(offset).to_string();
        assert_eq!(
            (at(0), at(3), at(4), at(5), at(99)),
            ("1:1".into(), "1:3".into(), "1:4".into(), "2:1".into(), "2:1".into())
        );
        assert_eq!(text.lines().collect::<Vec<_>>(), [(1, "ä b"), (2, "c")]);
    }

    #[test]
    fn other_encodings_are_named() {
        let error = ListText::new("f", b"nginx\n\xc3\xa4\xff").unwrap_err();
        assert_eq!(error.to_string(), "f:2:2: it is not UTF-8 text");
        let error = ListText::new("f", b"\xff\xfen\0").unwrap_err();
        assert_eq!(error.to_string(), "f:1:1: it is UTF-16 text: save it as UTF-8");
    }

    #[test]
    fn errors_are_sorted_and_bounded() {
        let text = "x\n".repeat(500);
        let text = ListText::new("f", text.as_bytes()).unwrap();
        let all = (1..=500).rev().map(|line| text.error(Position { line, column: 1 }, "no")).collect();
        let errors = ListErrors::of(all).unwrap();
        assert_eq!(errors.to_string(), "f has 100 or more errors");
        assert_eq!(errors.iter().next().unwrap().position.line, 1);
        assert!(ListErrors::of(vec![]).is_none());
    }
}
