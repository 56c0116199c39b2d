//! Plans a push and carries it out, or shows what that would find.

use std::sync::Arc;

use airlift_pusher::{
    ContentSource, Destination, Options, Probe, PushError, PushPlan, Receipt, Request, Verdict, preview, push,
};

use super::event_log::EventLog;
use super::push_files::PushFiles;
use super::show;
use crate::args::push::PushMode;
use crate::args::registry::RegistryArgs;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hint;
use crate::planning::failed_images::FailedImages;
use crate::ui::Ui;

/// What is pushed, where it goes, and how.
pub(crate) struct Pushed<'a> {
    pub(crate) source: Arc<dyn ContentSource>,
    pub(crate) destination: &'a Destination,
    pub(crate) options: Options,
    pub(crate) registry: &'a RegistryArgs,
    pub(crate) mode: PushMode,
}

/// Plans a push, and carries it out or shows what it would do. `failed` gets the images that are not there.
pub(crate) async fn carry_out(
    pushed: Pushed<'_>,
    files: PushFiles,
    failed: &mut FailedImages,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let Pushed { source, destination, options, registry, mode } = pushed;
    let plan = PushPlan::new(&*source, destination, &options)?;
    let observer = Arc::clone(files.observer());
    let transport = registry.transport(Arc::clone(&observer))?;
    warn_of_absent_subjects(&plan, ui);
    let sources = failed.sources();
    let request = Request {
        source: &source,
        failed: &sources,
        plan: &plan,
        transport: &transport,
        options: &options,
        observer: &observer,
        clock: clock::now,
    };
    match mode {
        PushMode::DryRun => dry_run(&request, ui).await,
        PushMode::Send => push_and_report(&request, files, failed, ui).await,
    }
}

/// Pushes, and shows what became of each image.
async fn push_and_report(
    request: &Request<'_>,
    files: PushFiles,
    failed: &mut FailedImages,
    ui: &Ui,
) -> Result<Exit, Failure> {
    ui.note(&show::plan(request.plan, None, &ui.err));
    let receipt = push(request, |receipt| {
        if let Some(file) = &files.receipt {
            file.note(&hint::with_advice(receipt.clone()), ui);
        }
        files.note_failed(failed, &names_of_failed(request.plan, Some(receipt)));
    });
    let receipt = receipt.await;
    failed.add_names(&names_of_failed(request.plan, receipt.as_ref().ok()));
    let listed = files.write_failed(failed);
    if let Some(refusal) = receipt.as_ref().err().and_then(PushError::write_refusal) {
        ui.progress().print(&show::not_writable(refusal, &ui.err));
    }
    let receipt = hint::with_advice(receipt?);
    let written = files.receipt.map_or(Ok(()), |file| file.write(&receipt));
    let is_stdout_taken = files.events.as_ref().is_some_and(EventLog::is_stdout);
    let reported = files.events.map_or(Ok(()), EventLog::finish);
    // Where it can't be written, this is all that says what was pushed.
    if ui.json {
        ui.print_json(&receipt)?;
    } else if is_stdout_taken {
        ui.progress().print(&show::receipt(&receipt, &ui.err));
    } else {
        ui.print(&show::receipt(&receipt, &ui.out))?;
    }
    written.and(listed).and(reported)?;
    Ok(match receipt.verdict() {
        Verdict::Done => Exit::Done,
        Verdict::Failed => Exit::Registry,
        Verdict::Refused => Exit::Refused,
        Verdict::Unreadable => Exit::Local,
    })
}

/// The names of the images that are not at the target with all that is attached to them. Without a receipt,
/// nothing was pushed.
fn names_of_failed(plan: &PushPlan, receipt: Option<&Receipt>) -> Vec<String> {
    match receipt {
        Some(receipt) => {
            let failed = receipt.images.iter().filter(|image| !image.ok);
            failed.map(|image| image.source.clone()).collect()
        }
        None => plan.images().iter().map(|image| image.source.clone()).collect(),
    }
}

/// Shows what the push would find. It is refused if the push would be, before anything moves.
async fn dry_run(request: &Request<'_>, ui: &Ui) -> Result<Exit, Failure> {
    let found = preview(request).await?;
    if ui.json {
        ui.print_json(&crate::output::PushPlanDocument::new(request.plan, &found))?;
    } else {
        ui.print(&show::plan(request.plan, Some(&found), &ui.out))?;
        if request.options.probe == Probe::Skip {
            ui.note(&show::not_asked(request.plan, &found));
        }
    }
    if let Some(refusal) = found.refusal.as_ref().and_then(PushError::write_refusal) {
        ui.progress().print(&show::not_writable(refusal, &ui.err));
    }
    found.refusal.map_or(Ok(Exit::Done), |refusal| Err(refusal.into()))
}

/// Warns of images that are attached to something that isn't there: clients may not find them.
fn warn_of_absent_subjects(plan: &PushPlan, ui: &Ui) {
    for image in plan.images() {
        if let Some(subject) = &image.subject {
            ui.warn(&format!(
                "{}: it is attached to {subject}, which doesn't go to the same repository; it is pushed as an image of its own",
                image.source
            ));
        }
    }
}
