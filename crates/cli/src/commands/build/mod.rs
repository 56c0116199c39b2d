//! `airlift build`: references to bundle.

mod args;
mod kept_manifests;
mod lock;
mod show;

use std::path::Path;
use std::sync::Arc;

use airlift_bundle::Form;
use airlift_bundle::write::output::Measure;
use airlift_oci::text::with_causes;
use airlift_packager::{Fetched, Layouts, LockedOutput, Output, Packing, Registries, Source};
use lock::BuildLock;

use crate::asked::wishes::Wishes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, bundle_file, keep_apart};
use crate::files::report_file::{ReportFile, ReportKind};
use crate::output::{BuildDocument, PlanDocument};
use crate::planning::failed_images::FailedImages;
use crate::planning::plan;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::ui::term::shown;
use crate::usage_error::UsageError;

pub(crate) use args::Args;

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let form = args.form()?;
    args.check_target(form, ui)?;
    keep_apart(&args.inputs(), &args.touched(form)).map_err(UsageError::from)?;
    args.keep_reports(form)?;
    let wishes = args.wishes()?;
    let inputs = wishes.layouts().into_iter();
    let inputs = inputs.map(|layout| Input::Layout(bundle_file(Path::new(&layout.path))));
    keep_apart(&inputs.collect::<Vec<_>>(), &args.touched(form)).map_err(UsageError::from)?;
    let list = args.failed.as_deref().map(|path| ReportFile::prepare(ReportKind::List, path)).transpose()?;
    let list = list.map(|list| list.finish_before(on_interrupt));
    let mut failed = FailedImages::default();
    let ended = run_with(&args, &wishes, (&mut failed, list.as_ref()), ui, on_interrupt).await;
    // A run that ended before it knew which images fail leaves the list as it is.
    let is_known = ended.is_ok() || !failed.is_empty();
    if let Some(list) = list.filter(|_| is_known) {
        list.write(&failed.list())?;
    }
    ended
}

/// Plans and writes the bundle; after an image failed, again without it, if that is wanted.
async fn run_with(
    args: &Args,
    wishes: &Wishes,
    (failed, list): (&mut FailedImages, Option<&ReportFile>),
    ui: &Ui,
    on_interrupt: &OnInterrupt,
) -> Result<Exit, Failure> {
    let form = args.form()?;
    let lock = args.lock.as_deref().map(BuildLock::open).transpose()?;
    let layouts = wishes.layouts();
    let open_layouts = || tokio::task::block_in_place(|| Layouts::open(&layouts, args.limits.limits()));
    let (mut output, local) = args.open(form)?;
    let (observer, options) = (ui.observer(), args.options());
    let mirrors = args.mirrors.mirrors(wishes.mirrors.clone())?;
    let registries = Registries::new(args.registry.transport(observer.clone())?, mirrors, observer.clone());
    let source_of = |local, layouts| {
        let source = Source::new(registries.clone(), local, layouts);
        Arc::new(source.with_image_timeout(args.image_timeout.limit()))
    };
    let mut source = source_of(local, open_layouts());
    let (mut images, entries) = plan::resolved(wishes, &source, options.jobs, failed, &*observer).await;
    loop {
        let planned = plan::planned(images, &source, &options, failed, &*observer).await;
        let planned = planned
            .and_then(|planned| if args.keep_going { Ok(planned) } else { failed.check().map(|()| planned) });
        if let Err(failure) = &planned {
            kept_manifests::keep_manifests(failure, &source, output.as_ref(), ui)?;
        }
        let (packing, kept) = planned?;
        failed.take_texts().iter().for_each(|text| ui.warn(&format!("left out: {text}")));
        let surveyed = packing.surveyed();
        let new = lock.as_ref().map(|lock| lock.lock(wishes, &entries, surveyed)).transpose()?;
        args.check_size(&packing)?;
        if let (Some(list), Some(_)) = (list, &output) {
            // Until the bundle is complete, none of its images is in one.
            list.note(&failed.list_with(&names(&packing)));
        }
        let Err(failure) = finish(args, &packing, output, failed, ui, on_interrupt).await else {
            if let (Some(lock), Some(new), Some(path)) = (&lock, &new, &args.lock) {
                lock.write(new)?;
                ui.note(&show::lock(path, surveyed.len()));
            }
            break;
        };
        let rest = failed.add_blob(&failure, &packing, kept);
        images = match rest.filter(|rest| args.keep_going && !rest.is_empty()) {
            Some(rest) => rest,
            None => return Err(failure),
        };
        ui.warn(&format!("left out: {}", with_causes(&failure)));
        // They hold the lock of the unfinished file.
        drop((packing, source));
        let (again, local) = args.open(form)?;
        (output, source) = (again, source_of(local, open_layouts()));
    }
    Ok(if failed.is_empty() { Exit::Done } else { Exit::Registry })
}

/// The names of the images in the bundle.
fn names(packing: &Packing) -> Vec<String> {
    packing.images().iter().map(|image| image.reference.clone()).collect()
}

/// Shows the plan, or carries it out.
async fn finish(
    args: &Args,
    packing: &Packing,
    output: Option<LockedOutput>,
    failed: &FailedImages,
    ui: &Ui,
    on_interrupt: &OnInterrupt,
) -> Result<(), Failure> {
    let form = args.form()?;
    let measure = form.output().measure(packing.plan()).map_err(|error| args.unfit(error))?;
    match output {
        None => {
            let forecast =
                tokio::task::block_in_place(|| airlift_packager::forecast(packing, &*ui.observer()));
            show_plan(args, packing, forecast, &measure, failed, ui)
        }
        Some(output) => build(args, packing, output, &measure, failed, ui, on_interrupt).await,
    }
}

/// Writes the bundle and prints the result.
async fn build(
    args: &Args,
    packing: &Packing,
    output: LockedOutput,
    measure: &Measure,
    failed: &FailedImages,
    ui: &Ui,
    on_interrupt: &OnInterrupt,
) -> Result<(), Failure> {
    ui.note(&show::plan(packing, measure, &ui.err));
    let Output { path, form, .. } = output.output().clone();
    ui.note(&show::compressed(Some(&path), measure));
    let unfinished = output.output().unfinished();
    if let (Some(always), Some(data)) = (unfinished.first(), unfinished.last()) {
        on_interrupt.explain_if_there(always.clone(), kept(data, form));
    }
    let bundle = output.output().shown();
    let built = packing.write(output, args.registry.jobs(), &ui.observer()).await;
    let built = built.map_err(if form == Form::Stream { Failure::Stream } else { Failure::Build })?;
    if form == Form::Stream {
        // Standard output has the archive.
        ui.note(&show::built(&bundle, packing, &built, ui.err.paint));
    } else if ui.json {
        ui.print_json(&BuildDocument::new(&bundle, packing, built, failed.references()))?;
    } else {
        let in_volumes = built.published.volumes.as_ref().map(show::volumes).unwrap_or_default();
        ui.print(&(show::built(&bundle, packing, &built, ui.out.paint) + &in_volumes))?;
    }
    Ok(())
}

fn show_plan(
    args: &Args,
    packing: &Packing,
    forecast: Fetched,
    measure: &Measure,
    failed: &FailedImages,
    ui: &Ui,
) -> Result<(), Failure> {
    let output = args.output.as_deref();
    if ui.json {
        let plan = PlanDocument::new(output, packing, forecast, measure, failed.references());
        return ui.print_json(&if ui.verbosity > 0 { plan.with_blobs(packing) } else { plan });
    }
    let compressed = show::compressed(output, measure);
    ui.print(&(show::plan(packing, measure, &ui.out) + &compressed + &show::forecast(forecast)))
}

/// What stays when Ctrl-C ends the build. `data` is the first unfinished file that has any.
fn kept(data: &Path, form: Form) -> String {
    let more = if matches!(form, Form::Volumes(_)) { " …" } else { "" };
    format!("what arrived is kept in {}{more}: the same command goes on from there", shown(data))
}
