//! What the manifests of one repository name, as far as it was asked for.

use std::collections::HashMap;

use airlift_oci::graph::fallback_tag;
use airlift_oci::media_type::Kind;
use airlift_oci::{Digest, Graph, Node, RawManifest, Repository, Selector};
use airlift_registry::{Access, FetchedManifest, ReferrersAnswer, Transport};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::error::PruneError;
use crate::tags::{self, Tags};

/// More manifests of one repository are not looked at.
const MOST_MANIFESTS: usize = 200_000;

/// A manifest that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) digest: Digest,
    /// Whether it may name others: it is not said to be a plain manifest.
    pub(crate) may_be_index: bool,
}

impl Named {
    /// A manifest of which no more is known.
    pub(crate) fn by_digest(digest: Digest) -> Self {
        Named { digest, may_be_index: true }
    }
}

/// What a manifest names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Whether the manifest is there. Not asked for of those that name nothing.
    pub(crate) is_there: bool,
    /// Whether it is an index.
    pub(crate) is_index: bool,
    /// The manifests that it lists.
    pub(crate) children: Vec<Named>,
    /// What is attached to it: by the referrers API, the fallback tag, and cosign's tags.
    pub(crate) attached: Vec<Named>,
}

/// Whether manifests that name no others are fetched, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// It matters whether they are there.
    Fetch,
    /// They need not be looked at.
    Skip,
}

/// The manifests of one repository. Each is asked for once.
pub(crate) struct Contents<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) repository: &'a Repository,
    pub(crate) requests: usize,
    /// What tags stand for: those of fallback lists and of cosign say what is attached.
    pub(crate) tags: Tags,
    known: HashMap<(Digest, bool), Names>,
}

impl<'a> Contents<'a> {
    pub(crate) fn new(
        transport: &'a Transport,
        repository: &'a Repository,
        tags: Tags,
        requests: usize,
    ) -> Self {
        Contents { transport, repository, requests, tags, known: HashMap::new() }
    }

    /// What these manifests name, in their order.
    ///
    /// # Errors
    /// If one of them can't be looked at or read.
    pub(crate) async fn names(
        &mut self,
        manifests: &[Named],
        leaves: Leaves,
    ) -> Result<Vec<(Named, Names)>, PruneError> {
        let is_fetched = |named: &Named| named.may_be_index || leaves == Leaves::Fetch;
        let unknown: Vec<Named> = manifests
            .iter()
            .filter(|named| !self.known.contains_key(&(named.digest, is_fetched(named))))
            .copied()
            .collect();
        if self.known.len() + unknown.len() > MOST_MANIFESTS {
            let (repository, limit) = (self.repository.clone(), MOST_MANIFESTS);
            return Err(PruneError::Limit { repository, limit });
        }
        let this = &*self;
        let ask = |named: Named| async move {
            let fetched = is_fetched(&named);
            Ok::<_, PruneError>(((named.digest, fetched), this.ask(named.digest, fetched).await?))
        };
        let found: Vec<_> =
            stream::iter(unknown).map(ask).buffer_unordered(this.requests).try_collect().await?;
        self.known.extend(found);
        let names = |named: &Named| {
            let names = self.known.get(&(named.digest, is_fetched(named))).cloned();
            (*named, names.unwrap_or_default())
        };
        Ok(manifests.iter().map(names).collect())
    }

    async fn ask(&self, digest: Digest, fetched: bool) -> Result<Names, PruneError> {
        let failed = |source| PruneError::Manifest { repository: self.repository.clone(), digest, source };
        let mut names = Names::default();
        if fetched {
            let selector = Selector::Digest(digest);
            let manifest = self.transport.get_manifest(self.repository, &selector, Access::Push).await;
            let Some(manifest) = manifest.map_err(failed)? else {
                self.check_absence(digest).await?;
                return Ok(names);
            };
            names.is_there = true;
            let children = self.children(digest, manifest)?;
            names.is_index = children.is_some();
            names.children = children.unwrap_or_default();
        }
        let referrers = self.transport.referrers(self.repository, &digest, Access::Push).await;
        if let ReferrersAnswer::Listed(listed) = referrers.map_err(failed)? {
            let named = |descriptor: airlift_oci::Descriptor| Named {
                digest: descriptor.digest,
                may_be_index: descriptor.kind() != Kind::Manifest,
            };
            names.attached.extend(listed.into_iter().map(named));
        }
        let by_tag = self.tags.iter().filter(|(tag, _)| is_about(tag.as_str(), &digest));
        names.attached.extend(by_tag.map(|(_, digest)| Named { digest: *digest, may_be_index: true }));
        Ok(names)
    }

    /// Asks again for the tags of a manifest that is not there by its digest: it may have gone meanwhile.
    async fn check_absence(&self, digest: Digest) -> Result<(), PruneError> {
        for (tag, _) in self.tags.iter().filter(|(_, found)| **found == digest) {
            if tags::stands_for(self.transport, self.repository, tag).await? == Some(digest) {
                let (repository, tag) = (self.repository.clone(), tag.clone());
                return Err(PruneError::Lost { repository, tag, digest });
            }
        }
        Ok(())
    }

    /// What an index lists; `None` for any other manifest.
    fn children(&self, digest: Digest, manifest: FetchedManifest) -> Result<Option<Vec<Named>>, PruneError> {
        let bytes = manifest.bytes.clone();
        match RawManifest::received(manifest.bytes, digest, manifest.content_type.as_deref()) {
            Ok(raw) => {
                let named = Graph::children_of(&raw).map(|child| Named {
                    digest: child.digest,
                    may_be_index: child.kind() != Kind::Manifest,
                });
                Ok(matches!(raw.node(), Node::Index(_)).then(|| named.collect()))
            }
            // Manifests of old kinds name no others.
            Err(_) if is_no_index(&bytes) => Ok(None),
            Err(source) => {
                Err(PruneError::Unreadable { repository: self.repository.clone(), digest, source })
            }
        }
    }
}

/// Whether a tag by its name is about what is attached to a manifest.
pub(crate) fn is_about(tag: &str, subject: &Digest) -> bool {
    let rest = tag.strip_prefix(&fallback_tag(subject));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('-'))
}

fn is_no_index(bytes: &[u8]) -> bool {
    let document: Option<Value> = serde_json::from_slice(bytes).ok();
    document.is_some_and(|document| document.is_object() && document.get("manifests").is_none())
}
