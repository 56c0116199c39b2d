//! What the target has already: one HEAD an image.

use std::sync::Arc;

use airlift_bundle::{Digest, Event, Observer};
use airlift_registry::{Access, Error, Repository, Selector, Transport};
use airlift_verifier::VerifiedBundle;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};

use crate::plan::{PlannedImage, PushPlan};
use crate::tree::blobs_below;

/// What stands under an image's tag at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// The image itself.
    Present,
    /// Something else.
    Other(Digest),
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
    // The first alone: where nobody answers, or the certificate is wrong, the others need not find out for themselves.
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

/// Where among the answers an error is that is the whole push's: what is wrong with the registry, or that none of several images can be looked
/// at without another login. It is reported once then, not for each image.
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
    bundle: &VerifiedBundle,
    digest: &Digest,
    repository: &Repository,
    transport: &Transport,
    jobs: usize,
) -> Result<bool, Error> {
    let graph = bundle.graph();
    let below = graph.below(digest).into_iter().map(|entry| entry.descriptor.digest);
    let manifests: Vec<Digest> = below.filter(|digest| graph.carries(digest)).collect();
    let blobs: Vec<(Digest, u64)> =
        blobs_below(graph, digest, "").into_iter().map(|blob| (blob.digest, blob.size)).collect();
    let mut heads: Vec<BoxFuture<'_, Result<bool, Error>>> = Vec::new();
    for digest in manifests {
        let head = async move {
            let selector = Selector::Digest(digest);
            Ok(transport.head_manifest(repository, &selector, Access::Push).await?.is_some())
        };
        heads.push(head.boxed());
    }
    for (digest, size) in blobs {
        let head = async move {
            let head = transport.blob_exists(repository, &digest, Access::Push).await?;
            Ok(head.is_some_and(|head| head.size.is_none_or(|found| found == size)))
        };
        heads.push(head.boxed());
    }
    let mut answers = futures::stream::iter(heads).buffered(jobs.max(1));
    while let Some(is_there) = answers.try_next().await? {
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What stands under a tag or digest, compared with what should.
pub(crate) async fn standing(
    repository: &Repository,
    selector: &Selector,
    digest: &Digest,
    transport: &Transport,
) -> Result<Standing, Error> {
    let Some(head) = transport.head_manifest(repository, selector, Access::Push).await? else {
        return Ok(Standing::Absent);
    };
    match head.digest {
        Some(found) if found == *digest => return Ok(Standing::Present),
        Some(found) if found.algorithm() == digest.algorithm() => return Ok(Standing::Other(found)),
        _ => {}
    }
    // No digest in the answer, or one of another algorithm: then the bytes have to say.
    Ok(match transport.get_manifest(repository, selector, Access::Push).await? {
        None => Standing::Absent,
        Some(fetched) if digest.matches(&fetched.bytes) => Standing::Present,
        Some(fetched) => Standing::Other(Digest::of(digest.algorithm(), &fetched.bytes)),
    })
}
