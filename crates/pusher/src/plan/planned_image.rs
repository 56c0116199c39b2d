//! What a plan says of one image.

use std::collections::HashSet;

use airlift_oci::{Digest, Graph, Reference};

use crate::plan::manifest_tree::ManifestTree;
use crate::plan::omitted::OmittedChild;

/// One image on its way to one tag.
#[derive(Clone, Debug)]
pub struct PlannedImage {
    /// Its name in the bundle.
    pub source: String,
    /// Its name at the target.
    pub target: Reference,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// That one's media type.
    pub media_type: String,
    /// The platforms that it is for.
    pub platforms: Vec<String>,
    /// The platforms that were left out by choice.
    pub omitted_platforms: Vec<String>,
    /// Bytes of its manifests and blobs.
    pub size: u64,
    /// Children of its index that the bundle doesn't carry.
    pub omitted: Vec<OmittedChild>,
    /// Signatures, SBOMs and the like that go with it, each after what it is attached to.
    pub attached: Vec<PlannedAttached>,
    /// What it is attached to itself, where that doesn't go to the same repository.
    pub subject: Option<Digest>,
    /// The whole image, its index included.
    pub(crate) tree: ManifestTree,
    /// Its platforms' manifests, where it may go without its index.
    pub(crate) without_index: WithoutIndex,
}

/// Something attached on its way.
#[derive(Clone, Debug)]
pub struct PlannedAttached {
    /// Where it goes: a tag where it has one, else its digest.
    pub target: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest that it is attached to.
    pub subject: Option<Digest>,
    /// What kind of artifact it is, where it says so.
    pub artifact_type: Option<String>,
    pub(crate) tree: ManifestTree,
}

/// An image that goes without its index. Empty where that is not allowed, or nothing of the image is omitted.
#[derive(Clone, Debug, Default)]
pub(crate) struct WithoutIndex {
    /// What goes, in the order of upload.
    pub(crate) platforms: Vec<PlannedPlatform>,
    /// What stays behind. An attestation is found through the index only.
    pub(crate) attestations: Vec<Digest>,
}

/// One platform's manifest that goes without its index.
#[derive(Clone, Debug)]
pub(crate) struct PlannedPlatform {
    pub(crate) tree: ManifestTree,
    /// What it is for, where anything says so.
    pub(crate) platform: Option<String>,
}

/// How much of an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageForm {
    /// All that the source carries, the index included.
    Whole,
    /// Only the chosen platforms' manifests, each under a tag of its own.
    WithoutIndex,
}

impl PlannedImage {
    /// All that goes under a tag of its own beside the image: its platforms where it goes without its index,
    /// and its attachments.
    pub(crate) fn other_tagged(&self, form: ImageForm) -> impl Iterator<Item = &ManifestTree> {
        let platforms = match form {
            ImageForm::Whole => &[][..],
            ImageForm::WithoutIndex => &self.without_index.platforms,
        };
        let platforms = platforms.iter().map(|platform| &platform.tree);
        let attached = self.attached.iter().map(|attached| &attached.tree);
        platforms.chain(attached).filter(|tree| tree.is_tagged())
    }

    /// The attachments of manifests that go, and those of other attachments that go. Clients could not find
    /// the rest at the target.
    pub(crate) fn attached_to(&self, manifests: &[Digest], graph: &Graph) -> Vec<&PlannedAttached> {
        let mut subjects: HashSet<Digest> = manifests.iter().copied().collect();
        let mut goes = Vec::new();
        for attached in &self.attached {
            if attached.subject.is_some_and(|subject| subjects.contains(&subject)) {
                subjects.extend(graph.below(&attached.digest).iter().map(|entry| entry.descriptor.digest));
                goes.push(attached);
            }
        }
        goes
    }
}
