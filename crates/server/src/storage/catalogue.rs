//! Which repository holds what, in memory. The bytes are in files named by digest alone, so no repository's
//! name or tag ever becomes a path.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use airlift_oci::{Digest, Tag};

use super::content::{More, Referrer, TagPage};
use crate::manifest::{Kind, View};
use crate::names::{Reference, Repository};

/// What is known of a manifest without reading its file.
#[derive(Clone, Debug)]
pub(super) struct ManifestRecord {
    pub(super) media_type: String,
    pub(super) size: u64,
    pub(super) subject: Option<Digest>,
    pub(super) artifact_type: Option<String>,
    pub(super) annotations: Option<serde_json::Value>,
}

#[derive(Debug, Default)]
struct Holdings {
    blobs: BTreeSet<Digest>,
    manifests: BTreeMap<Digest, ManifestRecord>,
    tags: BTreeMap<Tag, Digest>,
}

/// All repositories.
#[derive(Debug, Default)]
pub(super) struct Catalogue(BTreeMap<Repository, Holdings>);

impl Catalogue {
    /// The digest that `reference` stands for, and what is known of that manifest.
    pub(super) fn resolve(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Option<(Digest, ManifestRecord)> {
        let holdings = self.0.get(repository)?;
        let digest = match reference {
            Reference::Digest(digest) => digest,
            Reference::Tag(tag) => holdings.tags.get(tag)?,
        };
        Some((*digest, holdings.manifests.get(digest)?.clone()))
    }

    pub(super) fn has_blob(&self, repository: &Repository, digest: &Digest) -> bool {
        self.0.get(repository).is_some_and(|holdings| holdings.blobs.contains(digest))
    }

    pub(super) fn add_blob(&mut self, repository: &Repository, digest: Digest) {
        self.holdings(repository).blobs.insert(digest);
    }

    /// Whether the blob was there.
    pub(super) fn remove_blob(&mut self, repository: &Repository, digest: &Digest) -> bool {
        self.0.get_mut(repository).is_some_and(|holdings| holdings.blobs.remove(digest))
    }

    /// What `view` names that `repository` does not hold, each digest once, in the manifest's order.
    pub(super) fn missing(&self, repository: &Repository, view: &View) -> Vec<Digest> {
        let holdings = self.0.get(repository);
        let is_held = |digest: &Digest| {
            holdings.is_some_and(|h| match view.kind {
                // BuildKit's cache indexes list layers, so a blob will do below an index.
                Kind::Index => h.manifests.contains_key(digest) || h.blobs.contains(digest),
                Kind::Manifest => h.blobs.contains(digest),
            })
        };
        let mut seen = BTreeSet::new();
        view.required.iter().filter(|digest| !is_held(digest) && seen.insert(**digest)).copied().collect()
    }

    pub(super) fn add_manifest(&mut self, repository: &Repository, digest: Digest, record: ManifestRecord) {
        self.holdings(repository).manifests.insert(digest, record);
    }

    pub(super) fn tag(&mut self, repository: &Repository, tag: Tag, digest: Digest) {
        self.holdings(repository).tags.insert(tag, digest);
    }

    /// Removes a tag, or a manifest and every tag on it. Whether it was there.
    pub(super) fn remove(&mut self, repository: &Repository, reference: &Reference) -> bool {
        let Some(holdings) = self.0.get_mut(repository) else {
            return false;
        };
        match reference {
            Reference::Tag(tag) => holdings.tags.remove(tag).is_some(),
            Reference::Digest(digest) => {
                holdings.tags.retain(|_, tagged| tagged != digest);
                holdings.manifests.remove(digest).is_some()
            }
        }
    }

    pub(super) fn tags(&self, repository: &Repository, last: Option<&str>, limit: usize) -> Option<TagPage> {
        let holdings = self.0.get(repository)?;
        let mut after: Box<dyn Iterator<Item = &Tag>> = match last {
            None => Box::new(holdings.tags.keys()),
            Some(last) => match last.parse::<Tag>() {
                Ok(last) => Box::new(
                    holdings.tags.range((Bound::Excluded(last), Bound::Unbounded)).map(|(tag, _)| tag),
                ),
                // It is no tag, but still has a place in the order.
                Err(_) => Box::new(holdings.tags.keys().filter(move |tag| tag.as_str() > last)),
            },
        };
        let tags: Vec<Tag> = after.by_ref().take(limit).cloned().collect();
        let more = if limit > 0 && after.next().is_some() { More::Follows } else { More::Ends };
        Some(TagPage { tags, more })
    }

    pub(super) fn referrers(&self, repository: &Repository, subject: &Digest) -> Vec<Referrer> {
        let Some(holdings) = self.0.get(repository) else {
            return Vec::new();
        };
        let refers = holdings.manifests.iter().filter(|(_, record)| record.subject.as_ref() == Some(subject));
        refers
            .map(|(digest, record)| Referrer {
                digest: *digest,
                media_type: record.media_type.clone(),
                size: record.size,
                artifact_type: record.artifact_type.clone(),
                annotations: record.annotations.clone(),
            })
            .collect()
    }

    fn holdings(&mut self, repository: &Repository) -> &mut Holdings {
        self.0.entry(repository.clone()).or_default()
    }
}
