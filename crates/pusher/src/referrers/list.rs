//! One list of referrers, as this push needs it.

use std::collections::BTreeMap;

use airlift_oci::document::Document;
use airlift_oci::graph::fallback_tag;
use airlift_oci::{Digest, Node, RawManifest, Repository, Selector};
use airlift_registry::Error;
use serde_json::Value;

use crate::image_error::ImageError;

/// What a list says of a referrer.
#[derive(Clone, Debug)]
pub(crate) struct ReferrerEntry(pub(crate) Value);

/// The referrers of one manifest that the target has to list.
#[derive(Clone, Debug)]
pub(crate) struct ReferrersList {
    pub(crate) repository: Repository,
    pub(crate) subject: Digest,
    pub(crate) entries: BTreeMap<Digest, ReferrerEntry>,
}

/// Why something isn't listed.
pub(crate) enum ListError {
    /// This registry can't keep the list, and another attempt won't help. The image can go there all the
    /// same.
    Impossible(ImageError),
    /// The next push may succeed.
    Failed(ImageError),
}

impl ReferrerEntry {
    /// What the referrers API would list for it.
    pub(crate) fn of(raw: &RawManifest) -> Self {
        let descriptor = raw.descriptor();
        let mut entry = serde_json::json!({
            "mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size,
        });
        // A manifest without an artifact type, also an image, is listed with the media type of its config
        // (distribution-spec 1.1, "Listing Referrers").
        let config = match raw.node() {
            Node::Manifest { config, .. } => Some(config.media_type()),
            Node::Index(_) | Node::Artifact(_) => None,
        };
        if let Some(artifact_type) = raw.artifact_type().or(config.as_deref()) {
            entry["artifactType"] = artifact_type.into();
        }
        let annotations =
            Document::parse(raw.bytes()).map(|document| document.annotations).unwrap_or_default();
        if !annotations.is_empty() {
            entry["annotations"] = serde_json::json!(annotations);
        }
        ReferrerEntry(entry)
    }
}

impl ReferrersList {
    pub(crate) fn new(
        repository: &Repository,
        subject: Digest,
        entries: BTreeMap<Digest, ReferrerEntry>,
    ) -> Self {
        ReferrersList { repository: repository.clone(), subject, entries }
    }

    /// Adds another image's referrers of the same manifest.
    pub(crate) fn join(&mut self, other: ReferrersList) {
        self.entries.extend(other.entries);
    }

    pub(crate) fn selector(&self) -> Option<Selector> {
        fallback_tag(&self.subject).parse().ok().map(Selector::Tag)
    }

    pub(crate) fn target(&self) -> String {
        format!("{}:{}", self.repository, fallback_tag(&self.subject))
    }

    pub(crate) fn look(&self, source: Error) -> ListError {
        let target = format!("{}@{} (referrers)", self.repository, self.subject);
        ListError::Failed(ImageError::Look { target, source })
    }
}
