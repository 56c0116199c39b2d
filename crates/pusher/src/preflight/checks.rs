//! The checks before anything moves, in their order: the tags at the target, the registry itself, indexes
//! with absent children, tags that are taken or shared.

use airlift_oci::Digest;
use airlift_registry::{ContentFault, Error, Transport};

use crate::error::PushError;
use crate::plan::planned_image::ImageForm;
use crate::plan::push_plan::PushPlan;
use crate::preflight::missing_projects::{create_projects, still_missing};
use crate::preflight::partial_images::PartialImages;
use crate::preflight::tag_state::{TagState, common_fault, tag_states};
use crate::preflight::taken_tags::{
    look_at_other_tags, refuse_shared_tags, refuse_taken_other_tags, refuse_taken_tags,
};
use crate::preflight::write_access::{refuse_unwritable, unwritable};
use crate::preflight::write_refusal::WriteRefusal;
use crate::request::Request;

/// What the checks found of one image.
pub(crate) struct PreflightResult {
    /// What stands under its tag or digest, or why that could not be found out.
    pub(crate) state: Result<TagState, Error>,
    /// The digest that its tag stands for, if it is there.
    pub(crate) before: Option<Digest>,
    pub(crate) form: ImageForm,
}

/// Makes all checks, and refuses the push if one of them fails. If only projects are missing, and they may be
/// created, they are, and all checks are made again. The results are in the order of the plan's images.
///
/// # Errors
/// If the registry can't be spoken to, is no registry, wants children that the bundle leaves out, or has a
/// tag that stands for something else; if the bundle has two manifests for one tag; or if a repository can't
/// be written to.
pub(crate) async fn preflight(request: &Request<'_>) -> Result<Vec<PreflightResult>, PushError> {
    match check_all(request).await {
        Err(PushError::NotWritable(refusal)) if refusal.is_creatable() => {
            let there = create_projects(request, refusal).await?;
            check_all(request).await.map_err(|error| still_missing(error, &there))
        }
        checked => checked,
    }
}

async fn check_all(request: &Request<'_>) -> Result<Vec<PreflightResult>, PushError> {
    let Request { plan, transport, observer, .. } = *request;
    let mut states = tag_states(plan, transport, request.concurrency().tasks, observer).await;
    refuse_common_fault(request, &mut states).await?;
    refuse_other_servers(plan, &states, transport).await?;
    // Before content is looked at: an image of which some is missing counts as absent then.
    let before: Vec<_> =
        plan.images.iter().zip(&states).map(|(image, state)| state_before(image.digest, state)).collect();
    let forms = image_forms(request, &mut states).await?;
    refuse_taken_other_tags(&look_at_other_tags(request, &forms).await)?;
    refuse_unwritable(request, &states).await?;
    let results = states.into_iter().zip(before).zip(forms);
    Ok(results.map(|((state, before), form)| PreflightResult { state, before, form }).collect())
}

/// Refuses a registry that can't be spoken to, or that lets this client look at nothing.
///
/// # Errors
/// [`PushError::Registry`], for which the error is taken out of `states`; [`PushError::NotWritable`] if
/// something is missing there.
pub(crate) async fn refuse_common_fault(
    request: &Request<'_>,
    states: &mut Vec<Result<TagState, Error>>,
) -> Result<(), PushError> {
    let Some(position) = common_fault(states) else { return Ok(()) };
    let wants_login = matches!(states[position], Err(Error::Unauthorised(_)));
    // Some ask for a login where a project is missing. Then no login helps.
    if wants_login && let Some(refusal) = unwritable(request, states).await.filter(WriteRefusal::has_missing)
    {
        return Err(PushError::NotWritable(Box::new(refusal)));
    }
    match states.swap_remove(position) {
        Ok(_) => Ok(()),
        Err(source) => Err(PushError::Registry { host: request.plan.destination().host().clone(), source }),
    }
}

fn state_before(ours: Digest, state: &Result<TagState, Error>) -> Option<Digest> {
    state.as_ref().ok().and_then(|state| state.digest(ours))
}

/// Decides how much of each image goes. A tag that is taken is refused before the registry is asked about
/// partial images, and once more afterwards: an image that goes without its index leaves its own tag alone.
///
/// # Errors
/// If a tag is taken or shared, a repository can't be written to, or the registry wants children that the
/// bundle leaves out.
pub(crate) async fn image_forms(
    request: &Request<'_>,
    states: &mut [Result<TagState, Error>],
) -> Result<Vec<ImageForm>, PushError> {
    let Request { plan, options, .. } = *request;
    refuse_taken_tags(plan, states, options, None)?;
    let forms = match (PartialImages { request }).image_forms(states).await {
        Ok(forms) => forms,
        // The reason may be that nothing may be written there.
        Err(refusal) => {
            refuse_unwritable(request, states).await?;
            return Err(refusal);
        }
    };
    refuse_taken_tags(plan, states, options, Some(&forms))?;
    refuse_shared_tags(plan, &forms)?;
    Ok(forms)
}

/// Refuses a host that is no registry. It is in doubt if an image is absent, something else is in its place,
/// or a web page answers: such a host may answer everything like that. Costs no request.
///
/// # Errors
/// [`PushError::NoRegistry`].
pub(crate) async fn refuse_other_servers(
    plan: &PushPlan,
    states: &[Result<TagState, Error>],
    transport: &Transport,
) -> Result<(), PushError> {
    let is_odd = |state: &Result<TagState, Error>| match state {
        Ok(state) => *state != TagState::Present,
        Err(Error::Content { fault, .. }) => matches!(**fault, ContentFault::Html),
        Err(_) => false,
    };
    if !states.iter().any(is_odd) {
        return Ok(());
    }
    let host = plan.destination().host();
    match transport.why_no_registry(host).await {
        None => Ok(()),
        Some(source) => Err(PushError::NoRegistry { host: host.clone(), source }),
    }
}
