//! Carries a plan out, or shows what that would find.

use airlift_pusher::{Probe, PushPlan, Request, Verdict, preview, push};

use super::receipt_file::ReceiptFile;
use super::show;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hint;
use crate::ui::Ui;

/// Pushes, and shows what became of each image.
pub(crate) async fn push_and_report(
    request: &Request<'_>,
    receipt_file: Option<&ReceiptFile>,
    ui: &Ui,
) -> Result<Exit, Failure> {
    ui.note(&show::plan(request.plan, None, &ui.err));
    let receipt = push(request, |receipt| {
        if let Some(file) = receipt_file {
            file.note(&hint::with_advice(receipt.clone()), ui);
        }
    });
    let receipt = hint::with_advice(receipt.await?);
    let written = receipt_file.map_or(Ok(()), |file| file.write(&receipt));
    // Where it can't be written, this is all that says what was pushed.
    if ui.json {
        ui.print_json(&receipt)?;
    } else {
        ui.print(&show::receipt(&receipt, &ui.out))?;
    }
    written?;
    Ok(match receipt.verdict() {
        Verdict::Done => Exit::Done,
        Verdict::Failed => Exit::Registry,
        Verdict::Refused => Exit::Refused,
        Verdict::Unreadable => Exit::Local,
    })
}

/// Shows what the push would find. It is refused if the push would be, before anything moves.
pub(crate) async fn dry_run(request: &Request<'_>, ui: &Ui) -> Result<Exit, Failure> {
    let found = preview(request).await?;
    if ui.json {
        ui.print_json(&crate::output::PushPlanDocument::new(request.plan, &found))?;
    } else {
        ui.print(&show::plan(request.plan, Some(&found), &ui.out))?;
        if request.options.probe == Probe::Skip {
            ui.note(&show::not_asked(request.plan));
        }
    }
    found.refusal.map_or(Ok(Exit::Done), |refusal| Err(refusal.into()))
}

/// Warns of images that are attached to something that isn't there: clients may not find them.
pub(crate) fn warn_of_absent_subjects(plan: &PushPlan, ui: &Ui) {
    for image in plan.images() {
        if let Some(subject) = &image.subject {
            ui.warn(&format!(
                "{}: it is attached to {subject}, which doesn't go to the same repository; it is pushed as an image of its own",
                image.source
            ));
        }
    }
}
