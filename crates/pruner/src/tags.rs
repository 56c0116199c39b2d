//! All tags of a repository, and what they stand for.

use std::collections::BTreeMap;

use airlift_oci::{Digest, Repository, Selector, Tag};
use airlift_registry::{Access, Error, HeadTrust, Lookup, Transport};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::PruneError;

/// The tags of a repository.
pub(crate) type Tags = BTreeMap<Tag, Digest>;

/// All tags that the registry lists. A repository that isn't there has none.
///
/// # Errors
/// If the list can't be had, or not to its end.
pub(crate) async fn list(transport: &Transport, repository: &Repository) -> Result<Vec<Tag>, PruneError> {
    match transport.tags(repository, Access::Push).await {
        Ok(tags) => Ok(tags),
        Err(error) if is_unknown_repository(&error) => Ok(Vec::new()),
        Err(source) => Err(PruneError::Tags { repository: repository.clone(), source }),
    }
}

/// What all these tags stand for; those that are gone are left out.
///
/// # Errors
/// If one of them can't be looked at.
pub(crate) async fn resolve(
    transport: &Transport,
    repository: &Repository,
    tags: Vec<Tag>,
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
