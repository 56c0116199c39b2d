//! What is said of a plan.

use super::mode::Mode;
use super::plan::{Plan, PlannedFile, WantedValue};
use crate::hint;
use crate::ui::Ui;
use crate::ui::size::count;
use crate::ui::term::{Tone, harmless, message, shown, to_stderr};

/// What keeps the plan from being carried out, and what stays as it is.
pub(super) fn obstacles(plan: &Plan, ui: &Ui) {
    let paint = ui.err.paint;
    let error = paint.tone(Tone::Bad, "error");
    let place = |file: &PlannedFile, value: &WantedValue| format!("{}:{}", shown(&file.path), value.position);
    let mut text = String::new();
    let (mut lacks, mut differs) = (false, false);
    for file in &plan.files {
        for value in &file.lacking {
            lacks = true;
            let (place, reference) = (place(file, value), message(&value.reference));
            text.push_str(&format!("airlift: {error}: {place}: {reference} is not in {}\n", plan.source));
        }
        for (value, digest) in file.other.iter().filter_map(|value| Some((value, value.digest?))) {
            differs = true;
            let (place, reference) = (place(file, value), message(&value.reference));
            text.push_str(&format!(
                "airlift: {error}: {place}: {reference} has another digest in {}: {digest}\n",
                plan.source
            ));
        }
        for value in &file.only_digest {
            let reference = &value.reference;
            ui.warn(&format!("{}: {reference} has no tag, so its digest stays", place(file, value)));
        }
    }
    to_stderr(&text);
    for hint in hint::of_pins(lacks, differs) {
        to_stderr(&format!("  {} {hint}\n", paint.tone(Tone::Name, "hint:")));
    }
}

/// The values that change, a line each.
pub(super) fn changes(plan: &Plan) -> String {
    let mut text = String::new();
    for file in &plan.files {
        for value in &file.values {
            let (from, to) = (harmless(&value.from), harmless(&value.to));
            text.push_str(&format!("{}:{}: {from} → {to}\n", shown(&file.path), value.position));
        }
    }
    text
}

/// How much changes.
pub(super) fn totals(plan: &Plan, mode: Mode, is_possible: bool) -> String {
    if !is_possible {
        return "nothing was changed\n".to_owned();
    }
    let changed: usize = plan.files.iter().map(|file| file.values.len()).sum();
    let kept: usize = plan.files.iter().map(|file| file.kept).sum();
    let verb = match mode {
        Mode::Write => "changed",
        Mode::Print | Mode::Check | Mode::Diff | Mode::Report => "to change",
    };
    format!(
        "{} {verb} in {}, {kept} as they should be\n",
        count(changed, "image"),
        count(plan.changed().count(), "file")
    )
}
