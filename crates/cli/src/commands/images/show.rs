//! What is said beside the list.

use std::collections::BTreeSet;
use std::path::Path;

use airlift_lists::refresh::Refreshed;
use airlift_oci::text::with_causes;

use super::search::Searched;
use crate::hint;
use crate::ui::Ui;
use crate::ui::size::count;
use crate::ui::term::{Tone, message, shown, to_stderr};

/// Problems and notes, and what helps.
pub(super) fn messages(searched: &Searched, ui: &Ui) {
    let paint = ui.err.paint;
    let mut text = String::new();
    let error = paint.tone(Tone::Bad, "error");
    for (path, why) in &searched.unreadable {
        text.push_str(&format!(
            "airlift: {error}: can't read {}: {}\n",
            message(&path.display().to_string()),
            message(&why.to_string())
        ));
    }
    for problem in &searched.found.problems {
        text.push_str(&format!("airlift: {error}: {}\n", message(&with_causes(problem))));
        if !problem.line_text.is_empty() {
            problem.excerpt().lines().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
    }
    to_stderr(&text);
    searched.found.notes.iter().for_each(|note| ui.warn(&note.to_string()));
    let of_problems = searched.found.problems.iter().filter_map(|problem| hint::of_fault(&problem.fault));
    let of_notes = searched.found.notes.iter().filter_map(|note| hint::of_note(&note.kind));
    let hints: BTreeSet<&str> = of_problems.chain(of_notes).collect();
    for hint in hints {
        to_stderr(&format!("  {} {hint}\n", paint.tone(Tone::Name, "hint:")));
    }
}

/// How much was found.
pub(super) fn totals(searched: &Searched) -> String {
    let places = &searched.found.places;
    let images: BTreeSet<&str> = places.iter().map(|place| place.reference.as_str()).collect();
    format!(
        "{} at {} in {}\n",
        count(images.len(), "image"),
        count(places.len(), "place"),
        count(searched.files, "file")
    )
}

/// What became of the file.
pub(super) fn written(output: &Path, refreshed: &Refreshed) -> String {
    format!("{}: {} added, {} removed\n", shown(output), refreshed.added, refreshed.removed)
}
