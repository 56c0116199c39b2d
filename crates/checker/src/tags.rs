//! What tags stand for.

use airlift_oci::{Digest, RawManifest, Repository, Selector, Tag};
use airlift_registry::{Access, HeadTrust, Lookup};

use crate::error::CheckError;
use crate::hosts::Hosts;
use crate::manifests::{self, FoundManifest, Manifests};

/// What a tag stands for.
#[derive(Clone, Debug)]
pub(crate) enum FoundTag {
    /// This digest.
    Stands(Digest),
    /// It is there, and the registry doesn't say what it stands for.
    Unnamed,
    /// It is gone.
    Gone,
}

/// What a tag stands for that should stand for `digest`.
pub(crate) async fn look_up(
    (hosts, manifests): (&Hosts, &Manifests),
    repository: &Repository,
    tag: &Tag,
    digest: Digest,
) -> Result<FoundTag, CheckError> {
    let (selector, trust) = (Selector::Tag(tag.clone()), HeadTrust::IfDigestIs(digest));
    let request = hosts.transport.look_up(repository, &selector, Access::Pull, trust);
    match hosts.ask(repository, request).await? {
        Lookup::There(found) => {
            if found.digest.is_some_and(|now| now != digest) {
                manifests.check_word(hosts, repository).await?;
            }
            Ok(found.digest.map_or(FoundTag::Unnamed, FoundTag::Stands))
        }
        Lookup::Absent => Ok(FoundTag::Gone),
        Lookup::Hidden(refusal) => Err(CheckError::Hidden(refusal)),
    }
}

/// The digest and the manifest that a tag stands for now; `None` if the tag is gone.
pub(crate) async fn resolve(
    (hosts, manifests): (&Hosts, &Manifests),
    repository: &Repository,
    tag: &Tag,
) -> Result<Option<(Digest, RawManifest)>, CheckError> {
    let selector = Selector::Tag(tag.clone());
    let request = hosts.transport.get_manifest(repository, &selector, Access::Pull);
    let Some(fetched) = hosts.ask(repository, request).await? else {
        return hosts.why_no_registry(repository.host()).await.map_or(Ok(None), Err);
    };
    let digest = fetched.digest_header.unwrap_or_else(|| Digest::sha256(&fetched.bytes));
    match manifests.believed(hosts, repository, manifests::read(digest, fetched)).await? {
        FoundManifest::There(raw) => Ok(Some((digest, raw))),
        FoundManifest::Other(error) => Err(error),
        FoundManifest::Absent => Ok(None),
    }
}
