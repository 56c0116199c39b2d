//! Messages on what can't be read in manifests, and on what is to be known of them.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use airlift_oci::text::with_causes;
use airlift_workloads::{Note, Problem};

use crate::hint;
use crate::ui::Ui;
use crate::ui::term::{Tone, message, to_stderr};

/// Shows problems and notes, and what helps.
pub(crate) fn show(unreadable: &[(PathBuf, io::Error)], problems: &[Problem], notes: &[Note], ui: &Ui) {
    let paint = ui.err.paint;
    let mut text = String::new();
    let error = paint.tone(Tone::Bad, "error");
    for (path, why) in unreadable {
        text.push_str(&format!(
            "airlift: {error}: can't read {}: {}\n",
            message(&path.display().to_string()),
            message(&why.to_string())
        ));
    }
    for problem in problems {
        text.push_str(&format!("airlift: {error}: {}\n", message(&with_causes(problem))));
        if !problem.line_text.is_empty() {
            problem.excerpt().lines().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
    }
    to_stderr(&text);
    notes.iter().for_each(|note| ui.warn(&note.to_string()));
    let of_problems = problems.iter().filter_map(|problem| hint::of_fault(&problem.fault));
    let of_notes = notes.iter().filter_map(|note| hint::of_note(&note.kind));
    let hints: BTreeSet<&str> = of_problems.chain(of_notes).collect();
    for hint in hints {
        to_stderr(&format!("  {} {hint}\n", paint.tone(Tone::Name, "hint:")));
    }
}
