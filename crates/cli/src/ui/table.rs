//! Tables that align: columns as wide as they must be, and on a terminal never wider than it is.

use std::borrow::Cow;

use crate::ui::term::{Stream, Tone, columns, harmless};

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
    /// A cell of that tone. Names come from files and registries: nothing in them reaches the terminal as a
    /// command, or makes a line of its own.
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        let text = text.into();
        match harmless(&text) {
            Cow::Borrowed(_) => Cell { text, tone },
            Cow::Owned(text) => Cell { text, tone },
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::new(Tone::Plain, text)
    }
}

/// A line of a table.
#[derive(Debug)]
pub(crate) enum Row {
    /// A cell a column.
    Cells(Vec<Cell>),
    /// Texts across all columns; they don't make columns wider.
    Across(Vec<Cell>),
}

/// Rows below a head.
#[derive(Debug)]
pub(crate) struct Table {
    columns: TableColumns,
    rows: Vec<Row>,
}

impl Table {
    /// A table with these columns and no rows yet.
    pub(crate) fn new(columns: impl Into<Vec<(&'static str, Column)>>) -> Self {
        Table { columns: TableColumns::new(columns), rows: Vec::new() }
    }

    /// Adds a row, a cell a column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let row = Row::Cells(cells.into_iter().collect());
        self.columns.widen(&row);
        self.rows.push(row);
    }

    /// Adds a line across all columns.
    pub(crate) fn across(&mut self, texts: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row::Across(texts.into_iter().collect()));
    }

    /// The table as lines, for a stream.
    pub(crate) fn render(&self, stream: &Stream) -> String {
        let columns = self.columns.fit(stream);
        let mut out = columns.head();
        self.rows.iter().for_each(|row| columns.render(row, &mut out));
        out
    }
}

/// The columns of a table, and how wide their cells are. A table that is too long to be held is read twice:
/// once for the widths, and once for the lines.
#[derive(Debug)]
pub(crate) struct TableColumns {
    columns: Vec<(&'static str, Column)>,
    /// The widest cell of each, its title included.
    widest: Vec<usize>,
}

impl TableColumns {
    /// Columns of which only the titles are known yet.
    pub(crate) fn new(titled: impl Into<Vec<(&'static str, Column)>>) -> Self {
        let titled = titled.into();
        let widest = titled.iter().map(|(title, _)| columns(title)).collect();
        TableColumns { columns: titled, widest }
    }

    /// Makes the columns as wide as the cells of a row.
    pub(crate) fn widen(&mut self, row: &Row) {
        let Row::Cells(cells) = row else { return };
        for (widest, cell) in self.widest.iter_mut().zip(cells) {
            *widest = columns(&cell.text).max(*widest);
        }
    }

    /// The columns as they are written to a stream: less wide where all together are too wide.
    pub(crate) fn fit<'a>(&'a self, stream: &'a Stream) -> FittedColumns<'a> {
        let mut widths = self.widest.clone();
        let gaps = GAP * self.columns.len().saturating_sub(1);
        let limit = stream.width.unwrap_or(usize::MAX);
        while widths.iter().sum::<usize>() + gaps > limit {
            let texts =
                self.columns.iter().zip(&mut widths).filter(|((_, column), _)| *column == Column::Text);
            match texts.map(|(_, width)| width).filter(|width| **width > NARROWEST).max() {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        FittedColumns { columns: &self.columns, widths, stream }
    }
}

/// Columns of which the widths are known.
#[derive(Debug)]
pub(crate) struct FittedColumns<'a> {
    columns: &'a [(&'static str, Column)],
    widths: Vec<usize>,
    stream: &'a Stream,
}

impl FittedColumns<'_> {
    /// The line with the titles.
    pub(crate) fn head(&self) -> String {
        let titles = self.columns.iter().map(|(title, _)| Cell::new(Tone::Dim, title.to_uppercase()));
        let mut out = String::new();
        self.render_cells(&titles.collect::<Vec<_>>(), &mut out);
        out
    }

    /// Adds the lines of a row.
    pub(crate) fn render(&self, row: &Row, out: &mut String) {
        match row {
            Row::Cells(cells) => self.render_cells(cells, out),
            Row::Across(texts) => render_across(texts, self.stream, out),
        }
    }

    fn render_cells(&self, row: &[Cell], out: &mut String) {
        let cells: Vec<Vec<String>> =
            row.iter().zip(&self.widths).map(|(cell, width)| hanging(&cell.text, *width)).collect();
        for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut written = String::new();
            let mut pending = 0;
            for (number, cell) in cells.iter().enumerate() {
                let text = cell.get(line).map_or("", String::as_str);
                let space = self.widths[number].saturating_sub(columns(text));
                let (before, after) =
                    if self.columns[number].1 == Column::Number { (space, 0) } else { (0, space) };
                if !text.is_empty() {
                    written.push_str(&" ".repeat(pending + before));
                    written.push_str(&self.stream.paint.tone(row[number].tone, text));
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
    use crate::ui::term::Paint;

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
    fn names_make_no_lines_of_their_own() {
        let mut table = Table::new([("image", Column::Text)]);
        table.row([Cell::new(Tone::Name, "a\nok  b:1\u{1b}[2J")]);
        assert_eq!(table.render(&stream(None)), "IMAGE\na\\nok  b:1\\u{1b}[2J\n");
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
        let table = table();
        let name = "registry.example.com/team/web:sha256-0123456789012345678901234567890123456789.sig";
        let row =
            Row::Across(vec![Cell::new(Tone::Bold, name), "  OCI manifest, attached to 0123456789ab".into()]);
        let render = |stream: Stream| {
            let mut lines = table.render(&stream);
            table.columns.fit(&stream).render(&row, &mut lines);
            lines
        };
        let wide = render(stream(None));
        assert!(wide.ends_with(&format!("{name}  OCI manifest, attached to 0123456789ab\n")), "{wide}");
        let narrow = render(stream(Some(50)));
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
