//! The push as a whole: the checks, then the images side by side, at last the lists of referrers.

use std::sync::Arc;

use airlift_oci::{Phase, Repository};
use tokio::task::JoinSet;

use crate::error::PushError;
use crate::plan::manifest_tree::Contents;
use crate::plan::push_plan::PushPlan;
use crate::preflight::checks::{PreflightResult, preflight};
use crate::preflight::tag_state::TagState;
use crate::receipt::{ImageReceipt, Receipt, Status};
use crate::request::Request;
use crate::send::image_push::ImagePush;
use crate::send::session::Session;

/// Pushes what the plan says. An image that fails doesn't stop the others; the receipt says what became of
/// each. `on_progress` gets the receipt when the first images have begun and whenever one is through, for the
/// case that the push is interrupted.
///
/// # Errors
/// If nothing was pushed at all: a tag is taken, or the registry can't be spoken to.
pub async fn push(
    request: &Request<'_>,
    mut on_progress: impl FnMut(&Receipt),
) -> Result<Receipt, PushError> {
    let Request { plan, transport, observer, .. } = *request;
    let checked = preflight(request).await?;
    let phase = Phase::Push.start(&**observer, blob_bytes(plan));
    let session = Arc::new(Session::new(request));
    // Where one thing is done at a time, each upload asks for itself.
    let is_ahead = !request.concurrency().is_sequential();
    let wanted = if is_ahead { wanted_contents(plan, &checked) } else { Vec::new() };
    let checks = session.blobs.existence().check_ahead(wanted, session.requests.div_ceil(2));
    let report = |images: &[ImageReceipt]| on_progress(&Receipt::new(request, images.to_vec()));
    let images = push_images(&session, plan, checked, report).await;
    checks.abort();
    drop(phase);
    let mut images = images?;
    for (target, settled) in session.lists.settle(transport, session.requests).await {
        images.iter_mut().for_each(|image| image.settle_list(&target, &settled));
    }
    Ok(Receipt::new(request, images))
}

/// The contents whose blobs will be looked for: those of images that are not there.
fn wanted_contents(plan: &PushPlan, checked: &[PreflightResult]) -> Vec<(Repository, Arc<Contents>)> {
    let images = plan.images.iter().zip(checked);
    let missing =
        images.filter(|(_, checked)| matches!(&checked.state, Ok(state) if *state != TagState::Present));
    missing.map(|(image, _)| (image.tree.repository.clone(), Arc::clone(&image.tree.contents))).collect()
}

/// Bytes of each image's blobs and of those attached to it; a blob that they share counts for each.
fn blob_bytes(plan: &PushPlan) -> u64 {
    let attached = plan.images.iter().flat_map(|image| &image.attached).map(|attached| &attached.tree);
    let trees = plan.images.iter().map(|image| &image.tree).chain(attached);
    trees.map(|tree| tree.contents.bytes()).fold(0, u64::saturating_add)
}

/// Sends the images, some side by side. `report` gets the receipts of all, in the plan's order, at the start
/// and whenever one is through.
async fn push_images(
    session: &Arc<Session>,
    plan: &PushPlan,
    checked: Vec<PreflightResult>,
    mut report: impl FnMut(&[ImageReceipt]),
) -> Result<Vec<ImageReceipt>, PushError> {
    let mut receipts: Vec<ImageReceipt> = plan.images.iter().map(ImageReceipt::new).collect();
    let mut waiting = plan.images.iter().cloned().zip(checked).enumerate();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < session.requests
            && let Some((position, (image, checked))) = waiting.next()
        {
            let session = Arc::clone(session);
            receipts[position].status = Status::Interrupted;
            let push = async move { ImagePush::new(&session, &image).run(checked).await };
            tasks.spawn(async move { (position, push.await) });
        }
        // When the next image has begun: the receipt says which have. Before the first is through as well: an
        // earlier push's receipt must not pass for this one's.
        report(&receipts);
        let Some(done) = tasks.join_next().await else { return Ok(receipts) };
        let (position, receipt) = done.map_err(PushError::Task)?;
        receipts[position] = receipt;
    }
}
