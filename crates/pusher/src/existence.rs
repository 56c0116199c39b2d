//! Whether manifests and blobs are in a repository at the target: one HEAD each.

use airlift_oci::{Digest, Repository, Selector};
use airlift_registry::{Access, Error, HeadTrust, Lookup, Transport};
use futures::{StreamExt, TryStreamExt};

use crate::plan::manifest_tree::ManifestTree;

/// Content that a repository may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    Manifest(Digest),
    /// A blob, with its size.
    Blob(Digest, u64),
}

impl Content {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Content::Manifest(digest) | Content::Blob(digest, _) => *digest,
        }
    }
}

/// What a repository answers to a HEAD for that content.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn look_up(
    transport: &Transport,
    repository: &Repository,
    content: Content,
    settles: HeadTrust,
) -> Result<Lookup<()>, Error> {
    match content {
        Content::Manifest(digest) => {
            let selector = Selector::Digest(digest);
            Ok(match transport.look_up(repository, &selector, Access::Push, settles).await? {
                Lookup::There(_) => Lookup::There(()),
                Lookup::Absent => Lookup::Absent,
                Lookup::Hidden(refusal) => Lookup::Hidden(refusal),
            })
        }
        Content::Blob(digest, size) => {
            transport.look_up_blob(repository, (digest, size), Access::Push, settles).await
        }
    }
}

/// Whether a repository has that content. Content that can't be looked at counts as absent, and is sent.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn is_there(
    transport: &Transport,
    repository: &Repository,
    content: Content,
) -> Result<bool, Error> {
    Ok(look_up(transport, repository, content, HeadTrust::Always).await?.there().is_some())
}

/// Whether everything that the source carries of a manifest is in its repository, by a HEAD each.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn is_complete(
    transport: &Transport,
    tree: &ManifestTree,
    limit: usize,
) -> Result<bool, Error> {
    let manifests = tree.contents.digests().map(Content::Manifest);
    let blobs = tree.contents.blobs().map(|blob| Content::Blob(blob.digest, blob.size));
    let contents: Vec<Content> = manifests.chain(blobs).collect();
    // A request is made when its turn comes: a hostile bundle has a million blobs.
    let look = |content| is_there(transport, &tree.repository, content);
    let mut answers = futures::stream::iter(contents).map(look).buffered(limit);
    while let Some(is_there) = answers.try_next().await? {
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}
