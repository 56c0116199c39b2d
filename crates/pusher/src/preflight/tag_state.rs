//! Looks at the tags and digests of a push at the target: one HEAD for each that is there, and a GET where a
//! HEAD doesn't settle it.

use std::pin::pin;
use std::sync::Arc;

use airlift_oci::{Digest, Event, Observer, Repository, Selector, Tag};
use airlift_registry::{Access, Error, HeadTrust, Lookup, Refusal, Transport};
use futures::StreamExt;
use tokio::sync::watch;

use crate::error::concerns_registry;
use crate::plan::manifest_tree::ManifestTree;
use crate::plan::planned_image::PlannedImage;
use crate::plan::push_plan::PushPlan;

/// What a tag stands for at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagState {
    /// Nothing.
    Absent,
    /// The image itself.
    Present,
    /// Something else.
    Other(Digest),
    /// That can't be known: the registry shows neither the tag nor a list of tags without it. This is its
    /// answer.
    Hidden(Box<Refusal>),
}

impl TagState {
    /// The digest that is there, if the registry shows it. `ours` is the image's own.
    pub(crate) fn digest(&self, ours: Digest) -> Option<Digest> {
        match self {
            TagState::Present => Some(ours),
            TagState::Other(there) => Some(*there),
            TagState::Absent | TagState::Hidden(_) => None,
        }
    }
}

/// Asks for each image of the plan, up to `limit` at a time; the answers come in the plan's order. If the
/// first answer says that the registry can't be reached, it is the only one.
pub(crate) async fn tag_states(
    plan: &PushPlan,
    transport: &Transport,
    limit: usize,
    observer: &Arc<dyn Observer>,
) -> Vec<Result<TagState, Error>> {
    // The others wait for the registry's first answer: where nothing answers, or the certificate is wrong,
    // they need not find out for themselves.
    let first_look = &watch::Sender::new(LookState::UnderWay);
    let looks = plan.images.iter().enumerate().map(|(position, image)| async move {
        if position == 0 {
            let state = look(image, transport, observer).await;
            first_look.send_replace(LookState::Over);
            return state;
        }
        tokio::select! {
            () = transport.answered(image.tree.repository.host()) => {}
            // The registry may have refused it. Whether it refuses the others as well has to be asked.
            _ = over(first_look) => {}
        }
        look(image, transport, observer).await
    });
    let mut looks = pin!(futures::stream::iter(looks).buffered(limit));
    let mut answers = Vec::with_capacity(plan.images.len());
    while let Some(answer) = looks.next().await {
        let is_fault = answers.is_empty() && answer.as_ref().is_err_and(concerns_registry);
        answers.push(answer);
        if is_fault {
            break;
        }
    }
    answers
}

/// How far the first look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LookState {
    UnderWay,
    Over,
}

/// Waits until the look is over.
async fn over(look: &watch::Sender<LookState>) {
    // The sender is there, so it is not dropped meanwhile.
    let _ = look.subscribe().wait_for(|state| *state == LookState::Over).await;
}

/// Where among the answers an error is that is the whole push's: the registry can't be spoken to, or none of
/// several images can be looked at without another login. It is reported once then, not for each image.
pub(crate) fn common_fault(states: &[Result<TagState, Error>]) -> Option<usize> {
    let wants_login = |state: &Result<_, _>| matches!(state, Err(Error::Unauthorised(_)));
    match states {
        [_, _, ..] if states.iter().all(wants_login) => Some(0),
        _ => states.iter().position(|state| state.as_ref().is_err_and(concerns_registry)),
    }
}

async fn look(
    image: &PlannedImage,
    transport: &Transport,
    observer: &Arc<dyn Observer>,
) -> Result<TagState, Error> {
    observer.notice(Event::Resolving { reference: image.target.to_string() });
    tag_state(&image.tree, transport).await
}

/// What stands under the tag or digest to which a manifest goes.
///
/// # Errors
/// If there is no answer, or a login is missing.
pub(crate) async fn tag_state(tree: &ManifestTree, transport: &Transport) -> Result<TagState, Error> {
    match &tree.selector {
        Selector::Tag(tag) => state_of_tag(tree, tag, HeadTrust::IfDigestIs(tree.digest), transport).await,
        Selector::Digest(_) => state_of_digest(&tree.repository, &tree.digest, transport).await,
    }
}

/// The same where nothing is expected: without a HEAD, since nothing but a GET says that a tag is free.
///
/// # Errors
/// If there is no answer, or a login is missing.
pub(crate) async fn state_of_free_tag(tree: &ManifestTree, transport: &Transport) -> Result<TagState, Error> {
    match &tree.selector {
        Selector::Tag(tag) => state_of_tag(tree, tag, HeadTrust::Never(tree.digest), transport).await,
        Selector::Digest(_) => state_of_digest(&tree.repository, &tree.digest, transport).await,
    }
}

/// A tag may stand for something else. So nothing but a GET says that it is free, or taken.
async fn state_of_tag(
    tree: &ManifestTree,
    tag: &Tag,
    trust: HeadTrust,
    transport: &Transport,
) -> Result<TagState, Error> {
    let repository = &tree.repository;
    match transport.look_up(repository, &tree.selector, Access::Push, trust).await? {
        Lookup::There(found) => Ok(match found.digest.filter(|found| *found != tree.digest) {
            None => TagState::Present,
            Some(there) => TagState::Other(there),
        }),
        Lookup::Absent => Ok(TagState::Absent),
        // Some refuse all that is absent (Artifactory's virtual repositories answer 403); their list of tags
        // says more.
        Lookup::Hidden(refusal) => match transport.lists_tag(repository, tag, Access::Push).await {
            Ok(false) => Ok(TagState::Absent),
            // A login is missing. Nothing else can be said before there is one.
            _ if refusal.status == 401 => Err(Error::from(*refusal)),
            Ok(true) | Err(_) => Ok(TagState::Hidden(refusal)),
        },
    }
}

/// Whether the content of a digest is there. Content that isn't there, or can't be looked at, is sent.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn state_of_digest(
    repository: &Repository,
    digest: &Digest,
    transport: &Transport,
) -> Result<TagState, Error> {
    let selector = Selector::Digest(*digest);
    let found = transport.look_up(repository, &selector, Access::Push, HeadTrust::Always).await?.there();
    match found {
        None => Ok(TagState::Absent),
        Some(found) if found.digest == Some(*digest) => Ok(TagState::Present),
        // No digest in the answer, or another: then the bytes have to say.
        Some(_) => match transport.get_manifest(repository, &selector, Access::Push).await {
            Ok(Some(fetched)) if digest.matches(&fetched.bytes) => Ok(TagState::Present),
            Ok(_) => Ok(TagState::Absent),
            Err(error) if error.refusal().is_some() => Ok(TagState::Absent),
            Err(error) => Err(error),
        },
    }
}
