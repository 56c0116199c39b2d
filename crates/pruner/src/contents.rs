//! What the manifests of one repository name, as far as it was asked for.

use std::collections::HashMap;

use airlift_oci::graph::fallback_tag;
use airlift_oci::{Digest, Node, RawManifest, Repository, Selector};
use airlift_registry::{Access, FetchedManifest, ReferrersAnswer, Transport};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::error::PruneError;
use crate::tags::{self, Tags};

/// More manifests of one repository are not looked at.
const MOST_MANIFESTS: usize = 200_000;

/// What a manifest names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Whether the manifest is there.
    pub(crate) is_there: bool,
    /// Whether it is an index.
    pub(crate) is_index: bool,
    /// The manifest to which it says that it is attached.
    pub(crate) subject: Option<Digest>,
    /// The manifests that it lists.
    pub(crate) children: Vec<Digest>,
    /// What is attached to it: by the referrers API, the fallback tag, and cosign's tags.
    pub(crate) attached: Vec<Digest>,
}

/// The manifests of one repository. Each is asked for once.
pub(crate) struct Contents<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) repository: &'a Repository,
    pub(crate) requests: usize,
    /// What tags stand for: those of fallback lists and of cosign say what is attached.
    pub(crate) tags: Tags,
    known: HashMap<Digest, Names>,
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

    /// What these manifests name, in their order. Each is fetched, whatever the index that lists it says of
    /// its type: registries take indexes under any name.
    ///
    /// # Errors
    /// If one of them can't be looked at or read.
    pub(crate) async fn names(&mut self, manifests: &[Digest]) -> Result<Vec<(Digest, Names)>, PruneError> {
        let unknown: Vec<Digest> =
            manifests.iter().filter(|digest| !self.known.contains_key(*digest)).copied().collect();
        if self.known.len() + unknown.len() > MOST_MANIFESTS {
            let (repository, limit) = (self.repository.clone(), MOST_MANIFESTS);
            return Err(PruneError::Limit { repository, limit });
        }
        let this = &*self;
        let ask = |digest: Digest| async move { Ok::<_, PruneError>((digest, this.ask(digest).await?)) };
        let found: Vec<_> =
            stream::iter(unknown).map(ask).buffer_unordered(this.requests).try_collect().await?;
        self.known.extend(found);
        let names = |digest: &Digest| (*digest, self.known.get(digest).cloned().unwrap_or_default());
        Ok(manifests.iter().map(names).collect())
    }

    async fn ask(&self, digest: Digest) -> Result<Names, PruneError> {
        let failed = |source| PruneError::Manifest { repository: self.repository.clone(), digest, source };
        let selector = Selector::Digest(digest);
        let manifest = self.transport.get_manifest(self.repository, &selector, Access::Push).await;
        let Some(manifest) = manifest.map_err(failed)? else {
            self.check_absence(digest).await?;
            return Ok(Names::default());
        };
        let mut names = self.names_in(digest, manifest)?;
        let referrers = self.transport.referrers(self.repository, &digest, Access::Push).await;
        if let ReferrersAnswer::Listed(listed) = referrers.map_err(failed)? {
            names.attached.extend(listed.into_iter().map(|descriptor| descriptor.digest));
        }
        let by_tag = self.tags.iter().filter(|(tag, _)| is_about(tag.as_str(), &digest));
        names.attached.extend(by_tag.map(|(_, digest)| *digest));
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

    /// What a manifest says of others.
    fn names_in(&self, digest: Digest, manifest: FetchedManifest) -> Result<Names, PruneError> {
        let bytes = manifest.bytes.clone();
        let there = Names { is_there: true, ..Names::default() };
        match RawManifest::received(manifest.bytes, digest, manifest.content_type.as_deref()) {
            Ok(raw) => Ok(Names {
                is_index: matches!(raw.node(), Node::Index(_)),
                subject: raw.subject().map(|subject| subject.digest),
                children: match raw.node() {
                    Node::Index(children) => children.iter().map(|child| child.digest).collect(),
                    Node::Manifest { .. } | Node::Artifact(_) => Vec::new(),
                },
                ..there
            }),
            // Manifests of old kinds name no others.
            Err(_) if is_no_index(&bytes) => Ok(there),
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
