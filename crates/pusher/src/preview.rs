//! Finds out, without sending an image, what is at the target and whether the push would be refused.

use std::collections::HashSet;

use airlift_oci::Repository;
use airlift_registry::{Error, Transport};
use futures::StreamExt;

use crate::error::PushError;
use crate::options::{Options, TagMoves};
use crate::plan::planned_image::{ImageForm, PlannedImage};
use crate::plan::push_plan::PushPlan;
use crate::preflight::checks::{image_forms, refuse_common_fault, refuse_other_servers};
use crate::preflight::tag_state::{TagState, tag_state, tag_states};
use crate::preflight::taken_tags::{hidden_other_tag, look_at_other_tags, refuse_taken_other_tags};
use crate::preflight::write_access::refuse_unwritable;
use crate::preflight::write_refusal::RefusalReason;
use crate::request::Request;

/// What a push would find.
#[derive(Debug)]
pub struct Preview {
    /// What stands under each image's name, in the plan's order. `None`: the registry didn't answer that.
    pub images: Vec<Option<TagState>>,
    /// The same of what is attached to each image, in the order of
    /// [`PlannedImage::attached`](crate::PlannedImage::attached).
    pub attached: Vec<Vec<Option<TagState>>>,
    /// The projects that the push would create first.
    pub missing_projects: Vec<String>,
    /// Why the push would be refused, before anything moves; or the first answer that is missing above.
    pub refusal: Option<PushError>,
}

/// Makes the checks that [`push`](crate::push()) makes before anything moves, and creates nothing that is
/// missing. For the checks, an index that is made up may be sent and deleted again, if the options don't
/// forbid it.
///
/// # Errors
/// If the registry can't be asked, or says nothing of any image.
pub async fn preview(request: &Request<'_>) -> Result<Preview, PushError> {
    let (states, refusal) = look(request).await?;
    let missing = missing_repositories(refusal.as_ref());
    let (missing_projects, mut refusal) = without_creatable(refusal);
    let mut failed = None;
    let images = request.plan.images.iter().zip(states).map(|(image, state)| match state {
        Err(_) if missing.contains(image.target.repository()) => Some(TagState::Absent),
        state => known(state, &mut failed),
    });
    let images: Vec<Option<TagState>> = images.collect();
    let attached = attached_states(request, &images, &missing).await.into_iter().map(|states| {
        states.into_iter().map(|state| state.and_then(|state| known(state, &mut failed))).collect()
    });
    let attached = attached.collect();
    if let Some(source) = failed {
        let failure = PushError::Registry { host: request.plan.destination().host().clone(), source };
        if refusal.is_none() && images.iter().all(Option::is_none) {
            return Err(failure);
        }
        refusal.get_or_insert(failure);
    }
    Ok(Preview { images, attached, missing_projects, refusal })
}

/// What stands under each image's name, and why the push would be refused.
async fn look(request: &Request<'_>) -> Result<(Vec<Result<TagState, Error>>, Option<PushError>), PushError> {
    let Request { plan, transport, observer, .. } = *request;
    let mut states = tag_states(plan, transport, request.concurrency().tasks, observer).await;
    let refusal = match refuse_common_fault(request, &mut states).await {
        Ok(()) => {
            refuse_other_servers(plan, &states, transport).await?;
            first_refusal(request, &mut states).await
        }
        Err(PushError::NotWritable(refusal)) => Some(PushError::NotWritable(refusal)),
        Err(error) => return Err(error),
    };
    Ok((states, refusal))
}

/// The projects that the push would create, if nothing else is in its way: then it isn't refused.
fn without_creatable(refusal: Option<PushError>) -> (Vec<String>, Option<PushError>) {
    match refusal {
        Some(PushError::NotWritable(refusal)) if refusal.is_creatable() => {
            (refusal.projects().into_iter().map(|(project, _)| project.to_owned()).collect(), None)
        }
        refusal => (Vec::new(), refusal),
    }
}

/// The state, if there is one. The first error is kept.
fn known(state: Result<TagState, Error>, failed: &mut Option<Error>) -> Option<TagState> {
    state.map_err(|error| failed.get_or_insert(error)).ok()
}

/// The first check that fails, of those that need an answer to the first look at all images.
async fn first_refusal(request: &Request<'_>, states: &mut [Result<TagState, Error>]) -> Option<PushError> {
    let forms = match image_forms(request, states).await {
        Ok(forms) => forms,
        Err(refusal) => return Some(refusal),
    };
    let other_tags = look_at_other_tags(request, &forms).await;
    let taken = refuse_taken_other_tags(&other_tags).err();
    let hidden = taken.or_else(|| hidden_tag(request.plan, states, &forms, request.options));
    match hidden.or_else(|| hidden_other_tag(other_tags)) {
        None => refuse_unwritable(request, states).await.err(),
        refusal => refusal,
    }
}

/// The repositories that are missing: nothing is in them, whatever the registry answers to a look.
fn missing_repositories(refusal: Option<&PushError>) -> HashSet<Repository> {
    let refused = refusal.and_then(PushError::write_refusal).into_iter().flat_map(|one| &one.repositories);
    let missing = refused.filter(|refused| refused.reason == RefusalReason::Missing);
    missing.map(|refused| refused.repository.clone()).collect()
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

/// What stands where each image's attachments go. `None`: that wasn't asked, since nothing is known of the
/// image.
async fn attached_states(
    request: &Request<'_>,
    images: &[Option<TagState>],
    missing: &HashSet<Repository>,
) -> Vec<Vec<Option<Result<TagState, Error>>>> {
    let limit = request.concurrency().tasks;
    let looks: Vec<_> = request
        .plan
        .images
        .iter()
        .zip(images)
        .map(|(image, state)| async move {
            let count = image.attached.len();
            match state {
                _ if missing.contains(image.target.repository()) => {
                    (0..count).map(|_| Some(Ok(TagState::Absent))).collect()
                }
                None => (0..count).map(|_| None).collect(),
                Some(_) => attached_to(image, request.transport, limit).await,
            }
        })
        .collect();
    futures::stream::iter(looks).buffered(limit).collect().await
}

async fn attached_to(
    image: &PlannedImage,
    transport: &Transport,
    limit: usize,
) -> Vec<Option<Result<TagState, Error>>> {
    let asks: Vec<_> = image.attached.iter().map(|attached| tag_state(&attached.tree, transport)).collect();
    futures::stream::iter(asks).buffered(limit).map(Some).collect().await
}
