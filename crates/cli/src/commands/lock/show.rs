//! The texts of `airlift lock`.

use std::path::Path;

use airlift_oci::{Digest, reference};

use crate::locks::changes::{Change, Changes};
use crate::ui::size;
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Paint, Stream, Tone, harmless, shown};

/// A row for each change, and a line on the whole.
pub(super) fn result(
    path: &Path,
    changes: &Changes,
    is_written: bool,
    is_dry: bool,
    stream: &Stream,
) -> String {
    let mut table = Table::new([("change", Column::Word), ("image", Column::Text), ("digest", Column::Text)]);
    for (reference, change) in &changes.images {
        let (word, digests) = match change {
            Change::Added(digest) => (Cell::new(Tone::Good, "added"), short(digest)),
            Change::Moved { from, to } => {
                (Cell::new(Tone::Odd, "moved"), format!("{} → {}", short(from), short(to)))
            }
            Change::Changed(digest) => (Cell::new(Tone::Odd, "changed"), short(digest)),
            Change::Removed(digest) => (Cell::new(Tone::Bad, "removed"), short(digest)),
        };
        let name = Cell::new(Tone::Name, reference::familiar(reference));
        table.row([word, name, digests.into()]);
    }
    let rows = if changes.images.is_empty() { String::new() } else { table.render(stream) + "\n" };
    let state = match (is_written, is_dry) {
        (true, _) => "written",
        (false, true) => "not written, as this is a dry run",
        (false, false) => "left as it is",
    };
    let changed = size::count(changes.images.len(), "change");
    format!("{rows}{}: {changed}, {} unchanged; {state}\n", shown(path), changes.unchanged)
}

/// The differences, a line each, and what to do about them.
pub(super) fn check(path: &Path, differences: &[String], paint: Paint) -> String {
    let lock = shown(path);
    if differences.is_empty() {
        return format!("{}: {lock} is the lock of this list\n", paint.tone(Tone::Good, "ok"));
    }
    let lines: String = differences.iter().map(|text| format!("- {}\n", harmless(text))).collect();
    let count = size::count(differences.len(), "difference");
    format!(
        "{}: {count} between the list and {lock}\n{lines}{} the same command without --check updates the lock\n",
        paint.tone(Tone::Bad, "not the same"),
        paint.tone(Tone::Name, "hint:"),
    )
}

fn short(digest: &Digest) -> String {
    format!("{}:{}", digest.algorithm(), digest.short())
}
