//! Asks every target repository, before a byte moves, whether it may be written to.
//!
//! Only a clear refusal counts. A registry that answers strangely, or not at all, is found out by the push.

use std::collections::HashSet;

use airlift_oci::Repository;
use airlift_registry::{Error, Product, Refusal};
use futures::StreamExt;

use crate::error::PushError;
use crate::options::Probe;
use crate::preflight::tag_state::TagState;
use crate::preflight::write_refusal::{RefusalReason, RefusedRepository, WriteRefusal};
use crate::request::Request;

/// Refuses a push to repositories that can't be written to. All of them are asked, unless the options leave
/// that out.
///
/// # Errors
/// [`PushError::NotWritable`].
pub(crate) async fn refuse_unwritable(
    request: &Request<'_>,
    states: &[Result<TagState, Error>],
) -> Result<(), PushError> {
    match unwritable(request, states).await {
        Some(refusal) => Err(PushError::NotWritable(Box::new(refusal))),
        None => Ok(()),
    }
}

/// The repositories that refuse, among those of images that are not present.
pub(crate) async fn unwritable(
    request: &Request<'_>,
    states: &[Result<TagState, Error>],
) -> Option<WriteRefusal> {
    if request.options.probe == Probe::Skip {
        return None;
    }
    let Request { plan, transport, .. } = *request;
    let mut seen = HashSet::new();
    let wanted = plan.images.iter().zip(states).filter(|(_, state)| needs_upload(state));
    let repositories: Vec<&Repository> =
        wanted.map(|(image, _)| image.target.repository()).filter(|one| seen.insert(*one)).collect();
    let asks: Vec<_> = repositories.iter().map(|repository| transport.try_upload(repository)).collect();
    let answers: Vec<_> = futures::stream::iter(asks).buffered(request.concurrency().tasks).collect().await;
    let refused = repositories.iter().zip(answers).filter_map(|(repository, answer)| {
        let error = answer.err()?;
        let reason = reason_of(&error)?;
        let (repository, answer) = ((*repository).clone(), error.refusal()?.clone());
        Some(RefusedRepository { repository, reason, answer })
    });
    let refused: Vec<RefusedRepository> = refused.collect();
    if refused.is_empty() {
        return None;
    }
    let host = plan.destination().host();
    let product = transport.product(host).await;
    let product = product.or_else(|| refused.iter().find_map(|one| Product::of_refusal(&one.answer)));
    Some(WriteRefusal {
        host: host.clone(),
        product,
        missing_projects: request.options.missing_projects,
        asked: repositories.len(),
        repositories: refused,
    })
}

/// Whether an image has to be sent, as far as that is known.
fn needs_upload(state: &Result<TagState, Error>) -> bool {
    match state {
        Ok(state) => *state != TagState::Present,
        Err(error) => error.refusal().is_some(),
    }
}

/// Why an upload was refused. `None`: that is no clear refusal.
fn reason_of(error: &Error) -> Option<RefusalReason> {
    let refusal = error.refusal()?;
    let is_missing = ["NAME_UNKNOWN", "PROJECT_NOT_FOUND", "RepositoryNotFoundException"]
        .iter()
        .any(|code| refusal.has(code))
        || says_missing(refusal);
    match error {
        Error::Unauthorised(_) | Error::Denied(_) if is_missing => Some(RefusalReason::Missing),
        Error::Unauthorised(_) | Error::Denied(_) => Some(RefusalReason::Denied),
        Error::NotFound(_) if is_missing => Some(RefusalReason::Missing),
        Error::NotFound(_) | Error::Refused(_) if refusal.has("NAME_INVALID") => Some(RefusalReason::BadName),
        _ => None,
    }
}

/// Whether the words of a registry say that a project or repository doesn't exist.
fn says_missing(refusal: &Refusal) -> bool {
    refusal.errors.iter().any(|error| {
        let words = error.message.to_ascii_lowercase();
        let is_gone = ["not found", "does not exist", "doesn't exist"].iter().any(|end| words.contains(end));
        is_gone
            && ["project", "repository", "namespace", "organization"].iter().any(|what| words.contains(what))
    })
}
