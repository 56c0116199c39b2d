//! All tags of a repository, and what they stand for.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use airlift_oci::{Digest, Repository, Selector, Tag};
use airlift_registry::{Access, Error, HeadTrust, Lookup, Transport};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::PruneError;

/// The tags of a repository.
pub(crate) type Tags = BTreeMap<Tag, Digest>;

/// All tags that the registry lists. A repository that isn't there has none. Those of `known` that the list
/// lacks have to be gone: a list may lack tags that can be pulled, and nothing in it shows that.
///
/// # Errors
/// If the list can't be had, not to its end, or if it lacks a tag that is there.
pub(crate) async fn list(
    transport: &Transport,
    repository: &Repository,
    known: impl IntoIterator<Item = &Tag>,
    requests: usize,
) -> Result<Vec<Tag>, PruneError> {
    let tags = match transport.tags(repository, Access::Push).await {
        Ok(tags) => tags,
        Err(error) if is_unknown_repository(&error) => Vec::new(),
        Err(source) => return Err(PruneError::Tags { repository: repository.clone(), source }),
    };
    let listed: HashSet<&Tag> = tags.iter().collect();
    let lacking: BTreeSet<Tag> = known.into_iter().filter(|tag| !listed.contains(tag)).cloned().collect();
    match resolve(transport, repository, lacking, requests).await?.pop_first() {
        Some((tag, _)) => Err(PruneError::Unlisted { repository: repository.clone(), tag }),
        None => Ok(tags),
    }
}

/// What all these tags stand for; those that are gone are left out.
///
/// # Errors
/// If one of them can't be looked at.
pub(crate) async fn resolve(
    transport: &Transport,
    repository: &Repository,
    tags: impl IntoIterator<Item = Tag>,
    requests: usize,
) -> Result<Tags, PruneError> {
    let look_up = |tag: Tag| async move {
        let digest = stands_for(transport, repository, &tag).await?;
        Ok::<_, PruneError>(digest.map(|digest| (tag, digest)))
    };
    let found: Vec<_> = stream::iter(tags).map(look_up).buffer_unordered(requests).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// What a tag stands for; `None` if it is gone.
///
/// # Errors
/// If it can't be looked at.
pub(crate) async fn stands_for(
    transport: &Transport,
    repository: &Repository,
    tag: &Tag,
) -> Result<Option<Digest>, PruneError> {
    let selector = Selector::Tag(tag.clone());
    // A tag that is listed is there, so that a HEAD's "absent" is no answer.
    let found = transport.look_up(repository, &selector, Access::Push, HeadTrust::IfFound).await;
    let failed = |source| PruneError::Tag { repository: repository.clone(), tag: tag.clone(), source };
    match found.map_err(failed)? {
        Lookup::There(found) if found.digest.is_some() => Ok(found.digest),
        Lookup::There(_) => {
            let fetched =
                transport.get_manifest(repository, &selector, Access::Push).await.map_err(failed)?;
            Ok(fetched.map(|fetched| fetched.digest_header.unwrap_or_else(|| Digest::sha256(&fetched.bytes))))
        }
        Lookup::Absent => Ok(None),
        Lookup::Hidden(refusal) => {
            Err(PruneError::Hidden { repository: repository.clone(), tag: tag.clone(), refusal })
        }
    }
}

/// A bare 404 may as well mean that there are no such lists.
fn is_unknown_repository(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| refusal.has("NAME_UNKNOWN"))
}
