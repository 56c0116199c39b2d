//! From what is asked for to a plan.

use std::sync::Arc;

use airlift_oci::Observer;
use airlift_packager::{
    Attempted, ImageRequest, Packing, PlanOptions, Resolution, ResolveError, Resolved, Source, plan_each,
    resolve_each,
};

use super::failed_images::FailedImages;
use crate::asked::selection::select_tags;
use crate::asked::wishes::{Wishes, chosen};
use crate::failure::Failure;

/// The images that can be had, of those that are asked for; and for each request the position of its entry.
pub(crate) async fn resolved(
    wishes: &Wishes,
    source: &Source,
    jobs: usize,
    failed: &mut FailedImages,
    observer: &dyn Observer,
) -> (Vec<Resolved>, Vec<usize>) {
    let (entries, requests): (Vec<usize>, Vec<ImageRequest>) =
        requests(wishes, source, jobs, failed).await.into_iter().unzip();
    failed.remember(&requests, &chosen(&wishes.choice));
    let Resolution { images, failed: unresolved } = resolve_each(source, &requests, jobs, observer).await;
    failed.remember_found(&images, &requests);
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
pub(crate) async fn planned(
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
