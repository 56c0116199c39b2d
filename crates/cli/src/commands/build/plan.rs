//! From what is asked for to a plan.

use std::path::Path;
use std::sync::Arc;

use airlift_bundle::Form;
use airlift_oci::Observer;
use airlift_packager::{
    Attempted, ImageRequest, LockedOutput, Output, Packing, PlanOptions, Resolution, ResolveError, Resolved,
    Source, plan_each, resolve_each,
};

use super::failed_images::FailedImages;
use crate::failure::Failure;
use crate::selection::select_tags;
use crate::ui::Ui;
use crate::ui::term::shown;
use crate::wishes::{Wishes, chosen};

/// The images that can be had, of those that are asked for; and for each request the position of its entry.
pub(super) async fn resolved(
    wishes: &Wishes,
    source: &Source,
    jobs: usize,
    failed: &mut FailedImages,
    observer: &dyn Observer,
) -> (Vec<Resolved>, Vec<usize>) {
    let (entries, requests): (Vec<usize>, Vec<ImageRequest>) =
        requests(wishes, source, jobs, failed).await.into_iter().unzip();
    failed.remember(&requests);
    let Resolution { images, failed: unresolved } = resolve_each(source, &requests, jobs, observer).await;
    failed.add_unresolved(unresolved);
    (images, entries)
}

/// The requests for all images, each with the position of its entry. The tags of selectors are those that the
/// registries list now.
async fn requests(
    wishes: &Wishes,
    source: &Source,
    jobs: usize,
    failed: &mut FailedImages,
) -> Vec<(usize, ImageRequest)> {
    let positions: Vec<usize> = (0..wishes.entries.len()).collect();
    let (selected, errors) = select_tags(&wishes.entries, &positions, source, jobs).await;
    failed.add_selectors(errors);
    let mut requests = Vec::new();
    for (position, asked) in wishes.entries.iter().enumerate() {
        let selected = selected.get(&position).into_iter().flatten().map(|image| ImageRequest {
            source: image.reference.clone(),
            locked: None,
            choice: chosen(&asked.entry.choice),
            place: asked.place.clone(),
        });
        requests.extend(asked.request().into_iter().chain(selected).map(|request| (position, request)));
    }
    requests
}

/// The plan of those images of which everything can be had, and these.
pub(super) async fn planned(
    images: Vec<Resolved>,
    source: &Arc<Source>,
    options: &PlanOptions,
    failed: &mut FailedImages,
    observer: &dyn Observer,
) -> Result<(Packing, Vec<Resolved>), Failure> {
    let attempted = plan_each(Arc::clone(source), images, options, observer).await;
    let Attempted { done, images, failed: unplanned } = attempted;
    failed.add_unplanned(unplanned);
    match done {
        Some(packing) => Ok((packing, images)),
        None => {
            failed.check()?;
            Err(Failure::Resolve(ResolveError::Nothing.into()))
        }
    }
}

/// Keeps the manifests that came, if a registry's limit ended the plan.
pub(super) fn keep_manifests(
    failure: &Failure,
    source: &Source,
    output: Option<&LockedOutput>,
    ui: &Ui,
) -> Result<(), Failure> {
    let output = output.map(LockedOutput::output).filter(|output| output.form != Form::Stream);
    let Some(Output { path: output, .. }) = output else { return Ok(()) };
    let not_kept = |source| not_kept(output, source);
    if failure.is_limited()
        && let Some(kept) = source.keep_manifests(output).map_err(not_kept)?
    {
        ui.note(&format!(
            "the manifests that came are kept in {}: the same command goes on from there\n",
            shown(&kept)
        ));
    }
    Ok(())
}

fn not_kept(output: &Path, source: std::io::Error) -> Failure {
    Failure::File { doing: "keep manifests beside", path: output.to_owned(), source }
}
