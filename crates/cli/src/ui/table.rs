//! Tables that align: columns as wide as they must be, and on a terminal never wider than it is.

use crate::ui::term::{Paint, Stream, Tone, columns};

/// Spaces between two columns.
const GAP: usize = 2;
/// Spaces before all lines of a text but the first.
const MARGIN: usize = 2;
/// A column that gives way keeps this much.
const NARROWEST: usize = 12;

/// How a column behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Names and lists: on the left, broken over several lines where the terminal is narrow.
    Text,
    /// Words: on the left, never broken.
    Word,
    /// Numbers: on the right, never broken.
    Number,
}

/// A text in a colour.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell of that tone.
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Cell { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::new(Tone::Plain, text)
    }
}

/// Rows below a head.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Column)>,
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    /// A cell a column.
    Cells(Vec<Cell>),
    /// Texts across all columns; they don't make columns wider.
    Across(Vec<Cell>),
}

impl Table {
    /// A table with these columns and no rows yet.
    pub(crate) fn new(columns: impl Into<Vec<(&'static str, Column)>>) -> Self {
        Table { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row, a cell a column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row::Cells(cells.into_iter().collect()));
    }

    /// Adds a line across all columns.
    pub(crate) fn across(&mut self, texts: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row::Across(texts.into_iter().collect()));
    }

    /// The table as lines, for a stream.
    pub(crate) fn render(&self, stream: &Stream) -> String {
        let widths = self.widths(stream.width);
        let head: Vec<Cell> =
            self.columns.iter().map(|(title, _)| Cell::new(Tone::Dim, title.to_uppercase())).collect();
        let mut out = String::new();
        self.render_row(&head, &widths, stream.paint, &mut out);
        for row in &self.rows {
            match row {
                Row::Cells(cells) => self.render_row(cells, &widths, stream.paint, &mut out),
                Row::Across(texts) => render_across(texts, stream, &mut out),
            }
        }
        out
    }

    /// Each column's width: the widest cell's, less where all together are too wide.
    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let widest = |number: usize| {
            let cells = self.rows.iter().filter_map(|row| match row {
                Row::Cells(cells) => cells.get(number),
                Row::Across(_) => None,
            });
            cells.map(|cell| columns(&cell.text)).max().unwrap_or(0).max(columns(self.columns[number].0))
        };
        let mut widths: Vec<usize> = (0..self.columns.len()).map(widest).collect();
        let gaps = GAP * self.columns.len().saturating_sub(1);
        let Some(limit) = limit else { return widths };
        while widths.iter().sum::<usize>() + gaps > limit {
            let texts =
                self.columns.iter().zip(&mut widths).filter(|((_, column), _)| *column == Column::Text);
            match texts.map(|(_, width)| width).filter(|width| **width > NARROWEST).max() {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        widths
    }

    fn render_row(&self, row: &[Cell], widths: &[usize], paint: Paint, out: &mut String) {
        let cells: Vec<Vec<String>> =
            row.iter().zip(widths).map(|(cell, width)| hanging(&cell.text, *width)).collect();
        for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut written = String::new();
            let mut pending = 0;
            for (number, cell) in cells.iter().enumerate() {
                let text = cell.get(line).map_or("", String::as_str);
                let space = widths[number].saturating_sub(columns(text));
                let (before, after) =
                    if self.columns[number].1 == Column::Number { (space, 0) } else { (0, space) };
                if !text.is_empty() {
                    written.push_str(&" ".repeat(pending + before));
                    written.push_str(&paint.tone(row[number].tone, text));
                    pending = 0;
                } else {
                    pending += before;
                }
                // Kept back, so that no line ends in spaces.
                pending += after + GAP;
            }
            out.push_str(&written);
            out.push('\n');
        }
    }
}

/// Texts in one line, or, where that is wider than the terminal, each in lines of its own.
fn render_across(texts: &[Cell], stream: &Stream, out: &mut String) {
    let width: usize = texts.iter().map(|cell| columns(cell.text.trim_end())).sum();
    let painted = |tone, text: &str| stream.paint.tone(tone, text).into_owned();
    match stream.width.filter(|limit| width > *limit) {
        None => {
            let line: String = texts.iter().map(|cell| painted(cell.tone, &cell.text)).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
        Some(limit) => {
            for cell in texts.iter().filter(|cell| !cell.text.trim().is_empty()) {
                for line in hanging(cell.text.trim(), limit) {
                    out.push_str(&painted(cell.tone, &line));
                    out.push('\n');
                }
            }
        }
    }
}

/// Breaks a text like [`wrap`], with a margin before all lines but the first: so the next row can be
/// distinguished from the rest of this one.
fn hanging(text: &str, width: usize) -> Vec<String> {
    if columns(text) <= width || width <= 2 * MARGIN {
        return wrap(text, width);
    }
    let margin = " ".repeat(MARGIN);
    let lines = wrap(text, width - MARGIN).into_iter().enumerate();
    lines.map(|(number, line)| if number == 0 { line } else { format!("{margin}{line}") }).collect()
}

/// Breaks a text into lines of at most `width` columns: behind commas and spaces, else behind the separators
/// of names.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while columns(rest) > width {
        let fits = fitting(rest, width);
        let breaks = |separators: &[char]| rest[..fits].rfind(separators).map(|position| position + 1);
        let at = breaks(&[' ', ',']).or_else(|| breaks(&['/', '@'])).or_else(|| breaks(&[':', '-', '.']));
        let (line, tail) = rest.split_at(at.filter(|at| *at > 0).unwrap_or(fits));
        lines.push(line.trim_end().to_owned());
        rest = tail.trim_start();
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// How many bytes of `text` fit into `width` columns; at least one character.
fn fitting(text: &str, width: usize) -> usize {
    let ends = text.char_indices().map(|(position, c)| position + c.len_utf8());
    let first = text.chars().next().map_or(0, char::len_utf8);
    ends.take_while(|end| columns(&text[..*end]) <= width).last().unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new([("image", Column::Text), ("platforms", Column::Text), ("size", Column::Number)]);
        table.row([
            "registry.example.com/team/web:1.27".into(),
            "linux/amd64, linux/arm64".into(),
            "9 B".into(),
        ]);
        table.row(["a:1".into(), Cell::default(), "12.5 KiB".into()]);
        table
    }

    fn stream(width: Option<usize>) -> Stream {
        Stream { is_terminal: width.is_some(), width, paint: Paint { coloured: false } }
    }

    #[test]
    fn columns_align() {
        assert_eq!(
            table().render(&stream(None)),
            "IMAGE                               PLATFORMS                     SIZE\n\
             registry.example.com/team/web:1.27  linux/amd64, linux/arm64       9 B\n\
             a:1                                                           12.5 KiB\n"
        );
    }

    #[test]
    fn a_narrow_terminal_breaks_names_where_they_have_joints() {
        let narrow = table().render(&stream(Some(50)));
        assert!(narrow.lines().all(|line| columns(line) <= 50), "{narrow}");
        assert_eq!(
            narrow,
            "IMAGE                PLATFORMS                SIZE\n\
             registry.example.    linux/amd64,              9 B\n  com/team/web:1.27    linux/arm64\n\
             a:1                                       12.5 KiB\n"
        );
    }

    #[test]
    fn lines_across_are_never_wider_than_the_terminal() {
        let mut table = table();
        let name = "registry.example.com/team/web:sha256-0123456789012345678901234567890123456789.sig";
        table.across([Cell::new(Tone::Bold, name), "  OCI manifest, attached to 0123456789ab".into()]);
        let wide = table.render(&stream(None));
        assert!(wide.ends_with(&format!("{name}  OCI manifest, attached to 0123456789ab\n")), "{wide}");
        let narrow = table.render(&stream(Some(50)));
        assert!(narrow.lines().all(|line| columns(line) <= 50), "{narrow}");
        assert!(narrow.ends_with("\nOCI manifest, attached to 0123456789ab\n"), "{narrow}");
    }

    #[test]
    fn nothing_is_lost_by_wrapping() {
        for width in 1..40 {
            let text = "registry.example.com/team/web@sha256:0123456789";
            assert_eq!(wrap(text, width).concat(), text);
        }
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("日本語", 1).concat(), "日本語");
    }
}
