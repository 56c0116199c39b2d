//! Carries out a plan: prints, writes or reports.

use super::mode::Mode;
use super::plan::Plan;
use super::{files, show};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::unread;
use crate::output::PinDocument;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;

/// Does what the mode says, unless something is in the way: then nothing is changed.
///
/// # Errors
/// If a file can't be read or replaced, or the result can't be printed.
pub(crate) fn finish(plan: &Plan, mode: Mode, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    unread::show(&plan.unreadable, &plan.problems, &plan.notes, ui);
    show::obstacles(plan, ui);
    let is_possible = plan.is_possible();
    let has_work = plan.changed().next().is_some();
    let is_ok = is_possible && !(mode == Mode::Check && has_work);
    if is_possible && mode == Mode::Write {
        files::replace(plan, on_interrupt)?;
    }
    if ui.json {
        ui.print_json(&PinDocument::new(plan, is_ok))?;
    } else if is_possible {
        match mode {
            Mode::Print => ui.print(&files::new_text(plan)?)?,
            Mode::Diff => ui.print(&files::diff(plan)?)?,
            Mode::Check | Mode::Write => ui.print(&show::changes(plan))?,
            Mode::Report => {}
        }
    }
    ui.note(&show::totals(plan, mode, is_possible));
    Ok(if is_ok { Exit::Done } else { Exit::No })
}
