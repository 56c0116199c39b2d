//! The tags by which clients find what is attached to an image.
//!
//! Both kinds of tags grow when someone attaches more: cosign writes a manifest with one more signature under
//! the same tag, and a list of referrers gets one more entry. So a tag need not stand for the same digest.
//! What was attached has to be found by it.

use std::collections::HashSet;

use airlift_oci::graph::fallback_tag;
use airlift_oci::{Digest, Graph, Node, RawManifest, Repository};
use airlift_registry::{Access, ReferrersAnswer};
use futures::{StreamExt, stream};

use crate::checked_image::Part;
use crate::error::CheckError;
use crate::hosts::Hosts;
use crate::manifests::Manifests;
use crate::tags;
use crate::wanted::{AttachedTag, TaggedAs};

/// What is asked for these tags, and how.
pub(crate) struct AttachedTags<'a> {
    pub(crate) hosts: &'a Hosts,
    pub(crate) manifests: &'a Manifests,
    pub(crate) repository: &'a Repository,
    /// The manifests of what is attached, as far as they are there.
    pub(crate) attached: &'a [RawManifest],
    pub(crate) requests: usize,
}

impl AttachedTags<'_> {
    /// For each tag: nothing if what was attached is found by it, and else what is lost, or why that can't be
    /// found out.
    pub(crate) async fn look_up(&self, tags: &[AttachedTag]) -> Vec<Result<Option<Part>, CheckError>> {
        let lost = |tag: &AttachedTag| Part { place: format!("tag {}", tag.tag), digest: tag.digest };
        let asked = tags.iter().map(|tag| async move {
            self.is_found(tag).await.map(|is_found| if is_found { None } else { Some(lost(tag)) })
        });
        let asked: Vec<_> = asked.collect();
        stream::iter(asked).buffered(self.requests).collect().await
    }

    async fn is_found(&self, wanted: &AttachedTag) -> Result<bool, CheckError> {
        let found = match tags::resolve((self.hosts, self.manifests), self.repository, &wanted.tag).await {
            Ok(found) => found.map(|(_, raw)| raw),
            // It stands for something else.
            Err(CheckError::Manifest(_)) => None,
            Err(error) => return Err(error),
        };
        if found.as_ref().is_some_and(|raw| wanted.digest.matches(raw.bytes())) {
            return Ok(true);
        }
        match wanted.tagged_as {
            TaggedAs::Itself => Ok(found.is_some_and(|now| self.has_layers(&now, &wanted.digest))),
            TaggedAs::ListOfReferrers => {
                let referrers = self.listed_by(wanted);
                let listed: HashSet<Digest> =
                    found.iter().flat_map(Graph::children_of).map(|entry| entry.digest).collect();
                match found.is_some() && referrers.iter().all(|raw| listed.contains(&raw.digest())) {
                    true => Ok(true),
                    false => self.are_listed_by_registry(&referrers).await,
                }
            }
        }
    }

    /// Whether a manifest has all layers of the one that had the tag before: cosign keeps the signatures that
    /// are there.
    fn has_layers(&self, now: &RawManifest, before: &Digest) -> bool {
        let layers = |raw: &RawManifest| -> Vec<Digest> {
            match raw.node() {
                Node::Manifest { layers, .. } => layers.iter().map(|layer| layer.digest).collect(),
                Node::Index(_) | Node::Artifact(_) => Vec::new(),
            }
        };
        let before = self.attached.iter().find(|raw| raw.digest() == *before).map(layers);
        let now = layers(now);
        before.is_some_and(|before| !before.is_empty() && before.iter().all(|layer| now.contains(layer)))
    }

    /// The referrers that stand in the list under a tag.
    fn listed_by(&self, list: &AttachedTag) -> Vec<&RawManifest> {
        let is_of_it = |raw: &&RawManifest| {
            raw.subject().is_some_and(|subject| fallback_tag(&subject.digest) == list.tag.as_str())
        };
        self.attached.iter().filter(is_of_it).collect()
    }

    /// Whether the registry lists these referrers itself: it may be a newer one, or another one than the list
    /// was written for.
    async fn are_listed_by_registry(&self, referrers: &[&RawManifest]) -> Result<bool, CheckError> {
        let Some(subject) = referrers.first().and_then(|raw| raw.subject()) else { return Ok(false) };
        let request = self.hosts.transport.referrers(self.repository, &subject.digest, Access::Pull);
        Ok(match self.hosts.ask(self.repository, request).await? {
            ReferrersAnswer::Listed(listed) => {
                referrers.iter().all(|raw| listed.iter().any(|entry| entry.digest == raw.digest()))
            }
            ReferrersAnswer::NoApi | ReferrersAnswer::Withheld(_) => false,
        })
    }
}
