//! The tags that a push would write, and those that it may not.

use std::collections::HashMap;

use airlift_oci::Digest;
use airlift_registry::Error;
use futures::StreamExt;

use crate::error::{PushError, SharedTag, TakenTag};
use crate::options::{Options, Partial, TagMoves};
use crate::plan::planned_image::ImageForm;
use crate::plan::push_plan::PushPlan;
use crate::preflight::tag_state::{TagState, tag_state};
use crate::request::Request;

/// Refuses tags that two different manifests of the bundle would get: the one that is sent last would take it
/// from the other. Cosign's tags are such, where one image comes from two registries with a signature at
/// each.
///
/// # Errors
/// [`PushError::TagsShared`].
pub(crate) fn refuse_shared_tags(plan: &PushPlan, forms: &[ImageForm]) -> Result<(), PushError> {
    let mut claims: HashMap<String, (String, Digest)> = HashMap::new();
    let mut shared: Vec<SharedTag> = Vec::new();
    for (image, form) in plan.images.iter().zip(forms) {
        let own = (*form == ImageForm::Whole && image.tree.is_tagged()).then_some(&image.tree);
        for tree in own.into_iter().chain(image.other_tagged(*form)) {
            let target = tree.target();
            let claim = (image.source.clone(), tree.digest);
            let first = claims.entry(target.clone()).or_insert_with(|| claim.clone());
            if first.1 != tree.digest && !shared.iter().any(|known| known.target == target) {
                shared.push(SharedTag { target, first: first.clone(), second: claim });
            }
        }
    }
    if shared.is_empty() { Ok(()) } else { Err(PushError::TagsShared(shared)) }
}

/// Refuses tags that stand for something else. As long as the forms are open, an image that may go without
/// its index is not counted: its tag would not be touched.
///
/// # Errors
/// [`PushError::TagsTaken`].
pub(crate) fn refuse_taken_tags(
    plan: &PushPlan,
    states: &[Result<TagState, Error>],
    options: &Options,
    forms: Option<&[ImageForm]>,
) -> Result<(), PushError> {
    if options.tags == TagMoves::Allow {
        return Ok(());
    }
    let mut taken = Vec::new();
    for (position, (image, state)) in plan.images.iter().zip(states).enumerate() {
        let may_stay = match forms {
            None => options.partial == Partial::Children && !image.omitted.is_empty(),
            Some(forms) => forms.get(position) == Some(&ImageForm::WithoutIndex),
        };
        if let Ok(TagState::Other(there)) = state
            && !may_stay
        {
            taken.push(TakenTag { target: image.target.to_string(), there: *there, ours: image.digest });
        }
    }
    if taken.is_empty() { Ok(()) } else { Err(PushError::TagsTaken(taken)) }
}

/// A tag beside the images' own, as it stands at the target.
pub(crate) struct OtherTag {
    target: String,
    ours: Digest,
    state: Result<TagState, Error>,
}

/// Looks at the tags beside the images' own: those of platforms that go without their index, and cosign's.
pub(crate) async fn look_at_other_tags(request: &Request<'_>, forms: &[ImageForm]) -> Vec<OtherTag> {
    let Request { plan, transport, options, .. } = *request;
    let mut looks = Vec::new();
    for (image, form) in plan.images.iter().zip(forms).filter(|_| options.tags == TagMoves::Refuse) {
        looks.extend(image.other_tagged(*form).map(|tree| async move {
            OtherTag { target: tree.target(), ours: tree.digest, state: tag_state(tree, transport).await }
        }));
    }
    futures::stream::iter(looks).buffered(request.concurrency().tasks).collect().await
}

/// Refuses such tags that stand for something else. A tag that can't be looked at fails with its image.
///
/// # Errors
/// [`PushError::TagsTaken`].
pub(crate) fn refuse_taken_other_tags(tags: &[OtherTag]) -> Result<(), PushError> {
    let taken = tags.iter().filter_map(|OtherTag { target, ours, state }| match state {
        Ok(TagState::Other(there)) => Some(TakenTag { target: target.clone(), there: *there, ours: *ours }),
        _ => None,
    });
    let taken: Vec<TakenTag> = taken.collect();
    if taken.is_empty() { Ok(()) } else { Err(PushError::TagsTaken(taken)) }
}

/// Such a tag of which nothing can be known: its image would be refused.
pub(crate) fn hidden_other_tag(tags: Vec<OtherTag>) -> Option<PushError> {
    tags.into_iter().find_map(|OtherTag { target, state, .. }| match state {
        Ok(TagState::Hidden(refusal)) => Some(PushError::TagHidden { target, source: Error::from(*refusal) }),
        _ => None,
    })
}
