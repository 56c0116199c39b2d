//! What is attached to an image, brought to the target after its subject, and listed there.
//!
//! Where the registry has the referrers API, it lists them itself, and is asked whether it does. Where it hasn't, the list
//! is ours to keep under the fallback tag (distribution-spec 1.1, "Pushing Manifests with Subject"): it is read, extended
//! and written back, and never loses what others put there. That index is made here, so the receipt tells of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use airlift_bundle::document::Document;
use airlift_bundle::{Digest, Node, Root, media_type, summary};
use airlift_registry::{Access, ReferrersAnswer, Repository, Selector, fallback_tag};

use crate::failure::ImageError;
use crate::image::{Run, attached_selector, attached_tree};
use crate::plan::PlannedImage;
use crate::receipt::{FallbackTag, ImageReceipt, Status};
use crate::tree::{Moved, read_back};

impl Run {
    /// Sends what is attached to the manifests that are `there`; tells whether any of it was missing.
    pub(crate) async fn attachments(
        self: &Arc<Self>,
        image: &PlannedImage,
        root: &Root,
        there: Vec<Digest>,
        moved: &mut Moved,
        receipt: &mut ImageReceipt,
    ) -> Result<Status, ImageError> {
        let graph = self.bundle.graph();
        let repository = image.target.repository();
        let mut subjects: HashSet<Digest> = there.into_iter().collect();
        let mut by_subject: BTreeMap<Digest, Vec<&Root>> = BTreeMap::new();
        let mut status = Status::Present;
        for attached in summary::attached_to(graph, root) {
            let Some(subject) = attached.subject.filter(|subject| subjects.contains(subject)) else {
                continue;
            };
            let tree = attached_tree(attached, repository, &image.source);
            if self.send_if_absent(&tree, moved).await? == Status::Pushed {
                status = Status::Pushed;
            }
            receipt.referrers.push(tree.digest);
            subjects.extend(graph.below(&tree.digest).iter().map(|entry| entry.descriptor.digest));
            if matches!(attached_selector(attached), Selector::Digest(_)) {
                by_subject.entry(subject).or_default().push(attached);
            }
        }
        for (subject, attached) in by_subject {
            receipt.fallback_tags.extend(self.list(repository, &subject, &attached).await?);
        }
        Ok(status)
    }

    /// Sees to it that the target lists these referrers; tells of the fallback tag where that had to be written.
    async fn list(
        &self,
        repository: &Repository,
        subject: &Digest,
        attached: &[&Root],
    ) -> Result<Option<FallbackTag>, ImageError> {
        let look =
            |source| ImageError::Look { target: format!("{repository}@{subject} (referrers)"), source };
        match self.transport.referrers(repository, subject, Access::Push).await.map_err(look)? {
            ReferrersAnswer::Listed(listed) => {
                let unlisted = attached
                    .iter()
                    .map(|root| root.descriptor.digest)
                    .find(|digest| !listed.iter().any(|descriptor| descriptor.digest == *digest));
                match unlisted {
                    None => Ok(None),
                    Some(referrer) => Err(ImageError::Unlisted {
                        repository: repository.clone(),
                        referrer,
                        subject: *subject,
                    }),
                }
            }
            ReferrersAnswer::NoApi | ReferrersAnswer::Withheld(_) => {
                self.keep_list(repository, subject, attached).await
            }
        }
    }

    /// Extends the fallback tag's index by what it lacks.
    async fn keep_list(
        &self,
        repository: &Repository,
        subject: &Digest,
        attached: &[&Root],
    ) -> Result<Option<FallbackTag>, ImageError> {
        let Ok(tag) = fallback_tag(subject).parse() else { return Ok(None) };
        let selector = Selector::Tag(tag);
        let target = format!("{repository}:{selector}");
        let _one_at_a_time = self.fallback_tags.lock().await;
        let look = |source| ImageError::Look { target: target.clone(), source };
        let found = self.transport.get_manifest(repository, &selector, Access::Push).await.map_err(look)?;
        let no_list = || ImageError::NoList { target: target.clone() };
        let mut index = match &found {
            None => {
                serde_json::json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": []})
            }
            // The strict view refuses what readers disagree on; the other one keeps members that we don't know.
            Some(found) => Document::parse(&found.bytes)
                .ok()
                .filter(|document| document.manifests.is_some())
                .and_then(|_| serde_json::from_slice(&found.bytes).ok())
                .ok_or_else(no_list)?,
        };
        let list =
            index.get_mut("manifests").and_then(serde_json::Value::as_array_mut).ok_or_else(no_list)?;
        let listed: HashSet<String> =
            list.iter().filter_map(|entry| Some(entry.get("digest")?.as_str()?.to_owned())).collect();
        let lacking: Vec<_> =
            attached.iter().filter(|root| !listed.contains(&root.descriptor.digest.to_string())).collect();
        if lacking.is_empty() {
            return Ok(None);
        }
        list.extend(lacking.into_iter().map(|root| self.describe(root)));
        let bytes = bytes::Bytes::from(index.to_string());
        let digest = Digest::sha256(&bytes);
        let put =
            self.transport.put_manifest(repository, &selector, media_type::OCI_INDEX, bytes.clone()).await;
        put.map_err(|source| ImageError::Manifest { label: target.clone(), source })?;
        let sent = (media_type::OCI_INDEX, &bytes[..]);
        read_back(&self.transport, repository, selector, sent, &target).await?;
        Ok(Some(FallbackTag { target, digest }))
    }

    /// A referrer's entry in the list: what the referrers API would say of it.
    fn describe(&self, root: &Root) -> serde_json::Value {
        let descriptor = &root.descriptor;
        let mut entry = serde_json::json!({
            "mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size,
        });
        let manifest = self.bundle.graph().manifest(&descriptor.digest).and_then(|entry| entry.raw.as_ref());
        if let Some(raw) = manifest {
            // Without a type of its own it has its config's, an image's included (distribution-spec 1.1, "Listing Referrers").
            let config = match raw.node() {
                Node::Manifest { config, .. } => Some(config.media_type.as_str()),
                Node::Index(_) | Node::Artifact(_) => None,
            };
            if let Some(artifact_type) = raw.artifact_type().or(config) {
                entry["artifactType"] = artifact_type.into();
            }
            let annotations =
                Document::parse(raw.bytes()).map(|document| document.annotations).unwrap_or_default();
            if !annotations.is_empty() {
                entry["annotations"] = serde_json::json!(annotations);
            }
        }
        entry
    }
}
