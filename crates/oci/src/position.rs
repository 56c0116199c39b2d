//! Places in texts that people write, and the lines that messages show of them.

use std::fmt;

use crate::text::{harmless, with_stars};

/// How much of a line an excerpt shows, in characters.
const WIDEST: usize = 100;

/// How many characters before the position are shown of a line that is cut.
const BEFORE: usize = 40;

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

/// The line with its number, and below it a caret at the column. Characters that have an effect on a terminal
/// are escaped, and passwords hidden; of a long line, only the part around the column is shown.
pub fn excerpt(line: &str, position: Position) -> String {
    let column = position.column.saturating_sub(1);
    let line = with_stars(line);
    let length = line.chars().count();
    let first = if length > WIDEST { column.saturating_sub(BEFORE).min(length) } else { 0 };
    let before: String = line.chars().take(column).skip(first).collect();
    let behind: String =
        line.chars().skip(column.max(first)).take(WIDEST.saturating_sub(column - first)).collect();
    // A tab would be as wide as the terminal likes.
    let (before, behind) = (before.replace('\t', " "), behind.replace('\t', " "));
    let cut = if first > 0 { "…" } else { "" };
    let shown = format!("{cut}{}", harmless(&before));
    let end = if first + WIDEST < length { "…" } else { "" };
    let number = position.line.to_string();
    let (margin, indent) = (" ".repeat(number.len()), " ".repeat(shown.chars().count()));
    format!("{number} | {shown}{}{end}\n{margin} | {indent}^", harmless(&behind))
}
