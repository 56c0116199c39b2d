//! Finds out, without sending an image, what is at the target and whether the push would be refused.

use airlift_registry::{Error, Transport};
use futures::{StreamExt, TryStreamExt};

use crate::error::PushError;
use crate::options::{Options, TagMoves};
use crate::plan::planned_image::{ImageForm, PlannedImage};
use crate::plan::push_plan::PushPlan;
use crate::preflight::checks::{image_forms, refuse_other_servers};
use crate::preflight::tag_state::{TagState, common_fault, tag_state, tag_states};
use crate::preflight::taken_tags::{hidden_other_tag, look_at_other_tags, refuse_taken_other_tags};
use crate::preflight::write_access::{refuse_unwritable, unwritable};
use crate::request::Request;

/// What a push would find.
#[derive(Debug)]
pub struct Preview {
    /// What stands under each image's name, in the plan's order.
    pub images: Vec<TagState>,
    /// The same of what is attached to each image, in the order of
    /// [`PlannedImage::attached`](crate::PlannedImage::attached).
    pub attached: Vec<Vec<TagState>>,
    /// Why the push would be refused, before anything moves.
    pub refusal: Option<PushError>,
}

/// Makes the checks that [`push`](crate::push()) makes before anything moves. For that, an index that is made
/// up may be sent and deleted again, if the options don't forbid it.
///
/// # Errors
/// If the registry can't be asked.
pub async fn preview(request: &Request<'_>) -> Result<Preview, PushError> {
    let Request { plan, transport, options, observer, .. } = *request;
    let failed = |source| PushError::Registry { host: plan.destination().host().clone(), source };
    let mut states = tag_states(plan, transport, request.concurrency().tasks, observer).await;
    refuse_other_servers(plan, &states, transport).await?;
    if states.iter().any(Result::is_err) {
        let is_common = common_fault(&states).is_some();
        let refusal = unwritable(request, &states).await;
        if let Some(refusal) = refusal.filter(|refusal| !is_common || refusal.has_missing()) {
            return Err(PushError::NotWritable(Box::new(refusal)));
        }
    }
    if let Some(position) = states.iter().position(Result::is_err)
        && let Err(source) = states.swap_remove(position)
    {
        return Err(failed(source));
    }
    let refusal = match image_forms(request, &mut states).await {
        Ok(forms) => {
            let other_tags = look_at_other_tags(request, &forms).await;
            let taken = refuse_taken_other_tags(&other_tags).err();
            let hidden = taken.or_else(|| hidden_tag(plan, &states, &forms, options));
            match hidden.or_else(|| hidden_other_tag(other_tags)) {
                None => refuse_unwritable(request, &states).await.err(),
                refusal => refusal,
            }
        }
        Err(refusal) => Some(refusal),
    };
    let images: Result<Vec<TagState>, Error> = states.into_iter().collect();
    let images = images.map_err(failed)?;
    let attached = attached_states(request).await.map_err(failed)?;
    Ok(Preview { images, attached, refusal })
}

/// A tag of which nothing can be known. The push refuses its image alone.
fn hidden_tag(
    plan: &PushPlan,
    states: &[Result<TagState, Error>],
    forms: &[ImageForm],
    options: &Options,
) -> Option<PushError> {
    let mut images = plan.images.iter().zip(states).zip(forms);
    images.find_map(|((image, state), form)| match state {
        Ok(TagState::Hidden(refusal)) if *form == ImageForm::Whole && options.tags == TagMoves::Refuse => {
            let source = Error::from(refusal.as_ref().clone());
            Some(PushError::TagHidden { target: image.target.to_string(), source })
        }
        _ => None,
    })
}

async fn attached_states(request: &Request<'_>) -> Result<Vec<Vec<TagState>>, Error> {
    let limit = request.concurrency().tasks;
    let images: Vec<_> =
        request.plan.images.iter().map(|image| attached_to(image, request.transport, limit)).collect();
    futures::stream::iter(images).buffered(limit).try_collect().await
}

async fn attached_to(
    image: &PlannedImage,
    transport: &Transport,
    limit: usize,
) -> Result<Vec<TagState>, Error> {
    let asks: Vec<_> = image.attached.iter().map(|attached| tag_state(&attached.tree, transport)).collect();
    futures::stream::iter(asks).buffered(limit).try_collect().await
}
