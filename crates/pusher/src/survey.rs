//! What the target has already: one HEAD an image that is there, and a GET where a HEAD doesn't settle it.

use std::sync::Arc;

use airlift_oci::{Digest, Event, Observer, Repository, Selector, Tag};
use airlift_registry::{Access, Error, Lookup, Refusal, Settles, Transport};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};

use crate::plan::{PlannedImage, PushPlan};
use crate::source::ContentSource;
use crate::tree::blobs_below;

/// What stands under an image's tag at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
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

/// Asks for each image of the plan, up to `jobs` at a time; the answers come in the plan's order.
pub(crate) async fn survey(
    plan: &PushPlan,
    transport: &Transport,
    jobs: usize,
    observer: &Arc<dyn Observer>,
) -> Vec<Result<Standing, Error>> {
    let mut answers = Vec::with_capacity(plan.images.len());
    let mut images = plan.images.iter();
    // The first alone: where nobody answers, or the certificate is wrong, the others need not find out for
    // themselves.
    if let Some(first) = images.next() {
        answers.push(look(first, transport, observer).await);
        if answers.iter().any(|answer| answer.as_ref().is_err_and(concerns_all)) {
            return answers;
        }
    }
    let rest = futures::stream::iter(images).map(|image| look(image, transport, observer));
    answers.extend(rest.buffered(jobs.max(1)).collect::<Vec<_>>().await);
    answers
}

/// Where among the answers an error is that is the whole push's: what is wrong with the registry, or that
/// none of several images can be looked at without another login. It is reported once then, not for each
/// image.
pub(crate) fn common_fault(standings: &[Result<Standing, Error>]) -> Option<usize> {
    let wants_login = |standing: &Result<_, _>| matches!(standing, Err(Error::Unauthorised(_)));
    match standings {
        [_, _, ..] if standings.iter().all(wants_login) => Some(0),
        _ => standings.iter().position(|standing| standing.as_ref().is_err_and(concerns_all)),
    }
}

/// Whether an error says something of the registry rather than of one image.
pub(crate) fn concerns_all(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::Untrusted { .. }
            | Error::NoTrust { .. }
            | Error::TimedOut { .. }
            | Error::Realm { .. }
            | Error::Redirect { .. }
    )
}

async fn look(
    image: &PlannedImage,
    transport: &Transport,
    observer: &Arc<dyn Observer>,
) -> Result<Standing, Error> {
    observer.notice(Event::Resolving { reference: image.target.to_string() });
    standing(image.target.repository(), &image.target.selector(), &image.digest, transport).await
}

/// Whether everything that the bundle carries of a manifest is in a repository, by a HEAD each.
pub(crate) async fn is_whole(
    source: &dyn ContentSource,
    digest: &Digest,
    repository: &Repository,
    transport: &Transport,
    jobs: usize,
) -> Result<bool, Error> {
    let graph = source.graph();
    let below = graph.below(digest).into_iter().map(|entry| entry.descriptor.digest);
    let manifests: Vec<Digest> = below.filter(|digest| graph.carries(digest)).collect();
    let blobs: Vec<(Digest, u64)> =
        blobs_below(graph, digest, "").into_iter().map(|blob| (blob.digest, blob.size)).collect();
    let mut looks: Vec<BoxFuture<'_, Result<bool, Error>>> = Vec::new();
    for digest in manifests {
        looks.push(has_manifest(transport, repository, digest, Settles::YesOrNo).boxed());
    }
    for blob in blobs {
        looks.push(has_blob(transport, repository, blob).boxed());
    }
    let mut answers = futures::stream::iter(looks).buffered(jobs.max(1));
    while let Some(is_there) = answers.try_next().await? {
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a manifest is in a repository. What can't be looked at counts as absent.
pub(crate) async fn has_manifest(
    transport: &Transport,
    repository: &Repository,
    digest: Digest,
    settles: Settles,
) -> Result<bool, Error> {
    let selector = Selector::Digest(digest);
    let found = transport.look_up(repository, &selector, Access::Push, settles).await?;
    Ok(found.there().is_some())
}

/// Whether a blob of that size is in a repository. What can't be looked at counts as absent: it is sent.
pub(crate) async fn has_blob(
    transport: &Transport,
    repository: &Repository,
    blob: (Digest, u64),
) -> Result<bool, Error> {
    let found = transport.look_up_blob(repository, blob, Access::Push, Settles::YesOrNo).await?;
    Ok(found.there().is_some())
}

/// What stands under a tag or digest, compared with what should.
pub(crate) async fn standing(
    repository: &Repository,
    selector: &Selector,
    digest: &Digest,
    transport: &Transport,
) -> Result<Standing, Error> {
    match selector {
        Selector::Tag(tag) => of_tag(repository, tag, digest, transport).await,
        Selector::Digest(_) => of_digest(repository, selector, digest, transport).await,
    }
}

/// A tag may stand for something else. So nothing but a GET says that it is free, or taken.
async fn of_tag(
    repository: &Repository,
    tag: &Tag,
    digest: &Digest,
    transport: &Transport,
) -> Result<Standing, Error> {
    let selector = Selector::Tag(tag.clone());
    match transport.look_up(repository, &selector, Access::Push, Settles::Exactly(*digest)).await? {
        Lookup::There(found) => Ok(match found.digest.filter(|found| found != digest) {
            None => Standing::Present,
            Some(there) => Standing::Other(there),
        }),
        Lookup::Absent => Ok(Standing::Absent),
        // Some refuse all that is absent (Artifactory's virtual repositories say 403); their list of tags
        // says more.
        Lookup::Hidden(refusal) => match transport.lists_tag(repository, tag, Access::Push).await {
            Ok(false) => Ok(Standing::Absent),
            // What lacks is a login, and nothing else can be said before.
            _ if refusal.status == 401 => Err(Error::from(*refusal)),
            Ok(true) | Err(_) => Ok(Standing::Hidden(refusal)),
        },
    }
}

/// Under a digest there is the content of that digest, or nothing that counts: what isn't there, or can't be
/// looked at, is sent.
async fn of_digest(
    repository: &Repository,
    selector: &Selector,
    digest: &Digest,
    transport: &Transport,
) -> Result<Standing, Error> {
    let found = transport.look_up(repository, selector, Access::Push, Settles::YesOrNo).await?.there();
    match found {
        None => Ok(Standing::Absent),
        Some(found) if found.digest == Some(*digest) => Ok(Standing::Present),
        // No digest in the answer, or another: then the bytes have to say.
        Some(_) => match transport.get_manifest(repository, selector, Access::Push).await {
            Ok(Some(fetched)) if digest.matches(&fetched.bytes) => Ok(Standing::Present),
            Ok(_) => Ok(Standing::Absent),
            Err(error) if error.refusal().is_some() => Ok(Standing::Absent),
            Err(error) => Err(error),
        },
    }
}
