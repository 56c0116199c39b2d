//! In what two sets differ.

use std::collections::BTreeSet;

use airlift_oci::Digest;

use super::bytes::{ByteTotals, of_blobs, of_platforms};
use super::image_name::ImageName;
use super::matching::{Matching, Repeats};
use super::types::{ImageSet, SetImage, SetPlatform};

/// In what two sets differ, as far as both know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetDiff {
    /// The images that differ, sorted by name.
    pub images: Vec<ImageChange>,
    /// The platforms that differ of images that both sets have, sorted by image. Nothing where one of them
    /// doesn't say which platforms it has.
    pub platforms: Vec<PlatformChange>,
    /// What is attached. `None`: one of the sets doesn't say.
    pub attached: Option<AttachedDiff>,
    /// How many images have the same name and digest.
    pub unchanged: usize,
    /// Bytes of configs and layers, each once. `None`: not all are known.
    pub bytes: Option<ByteTotals>,
    /// Bytes of platforms, each once. `None`: one of the sets doesn't say which platforms it has.
    pub platform_bytes: Option<ByteTotals>,
}

/// What became of an image or a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// Only the new set has it.
    Added(Digest),
    /// Only the old set has it.
    Removed(Digest),
    /// It has another digest.
    Moved {
        /// In the old set.
        from: Digest,
        /// In the new set.
        to: Digest,
    },
}

/// An image that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    /// Its name.
    pub name: ImageName,
    /// In what it differs.
    pub change: StateChange,
}

/// A platform that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformChange {
    /// The image.
    pub image: ImageName,
    /// The platform.
    pub platform: String,
    /// In what it differs.
    pub change: StateChange,
}

/// The manifests of attached content that only one set has, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachedDiff {
    /// Only the new set.
    pub added: Vec<Digest>,
    /// Only the old set.
    pub removed: Vec<Digest>,
}

impl StateChange {
    /// The digest in the old set.
    pub fn from(self) -> Option<Digest> {
        match self {
            StateChange::Added(_) => None,
            StateChange::Removed(from) | StateChange::Moved { from, .. } => Some(from),
        }
    }

    /// The digest in the new set.
    pub fn to(self) -> Option<Digest> {
        match self {
            StateChange::Removed(_) => None,
            StateChange::Added(to) | StateChange::Moved { to, .. } => Some(to),
        }
    }
}

impl SetDiff {
    /// Compares two sets. Images without a full name are found by their digest, else by the name that they
    /// have.
    pub fn between(old: &ImageSet, new: &ImageSet) -> Self {
        let key = |image: &SetImage| image.name.key();
        let named = |image: &SetImage| Some((image.name.key()?, image.digest));
        let digest = |image: &SetImage| Some(image.digest);
        let without_name = |image: &SetImage| Some(image.digest).filter(|_| !image.name.is_full());
        let matched = Matching::new(&old.images, &new.images)
            .by(Repeats::InOrder, named, named)
            .by(Repeats::InOrder, without_name, digest)
            .by(Repeats::InOrder, digest, without_name)
            .by(Repeats::LeaveAlone, key, key)
            .finish();
        let change = |image: &SetImage, change| ImageChange { name: image.name.clone(), change };
        let moved = matched.pairs.iter().filter(|(old, new)| old.digest != new.digest);
        let mut images: Vec<ImageChange> = moved
            .map(|(old, new)| change(new, StateChange::Moved { from: old.digest, to: new.digest }))
            .collect();
        images.extend(matched.gone.iter().map(|image| change(image, StateChange::Removed(image.digest))));
        images.extend(matched.added.iter().map(|image| change(image, StateChange::Added(image.digest))));
        images.sort_by_cached_key(|image| (image.name.to_string(), image.change.from(), image.change.to()));
        let mut platforms: Vec<PlatformChange> =
            matched.pairs.iter().flat_map(|(old, new)| platform_changes(old, new)).collect();
        platforms.sort_by_cached_key(|one| (one.image.to_string(), one.platform.clone()));
        SetDiff {
            unchanged: matched.pairs.iter().filter(|(old, new)| old.digest == new.digest).count(),
            images,
            platforms,
            attached: attached(old, new),
            bytes: of_blobs(old, new),
            platform_bytes: of_platforms(old, new),
        }
    }

    /// Whether nothing differs that both sets know.
    pub fn is_same(&self) -> bool {
        let attached = self.attached.as_ref();
        let is_attached_same = attached.is_none_or(|diff| diff.added.is_empty() && diff.removed.is_empty());
        self.images.is_empty() && self.platforms.is_empty() && is_attached_same
    }
}

fn platform_changes(old: &SetImage, new: &SetImage) -> Vec<PlatformChange> {
    let (Some(of_old), Some(of_new)) = (&old.platforms, &new.platforms) else { return Vec::new() };
    let both = |one: &SetPlatform| Some((one.name.clone(), one.digest));
    let name = |one: &SetPlatform| Some(one.name.clone());
    let digest = |one: &SetPlatform| Some(one.digest);
    // One config may name a platform in another way than an index does.
    let matched = Matching::new(of_old, of_new)
        .by(Repeats::InOrder, both, both)
        .by(Repeats::InOrder, digest, digest)
        .by(Repeats::LeaveAlone, name, name)
        .finish();
    let change = |one: &SetPlatform, change| PlatformChange {
        image: new.name.clone(),
        platform: one.name.clone(),
        change,
    };
    let moved = matched.pairs.iter().filter(|(old, new)| old.digest != new.digest);
    let moved = moved.map(|(old, new)| change(new, StateChange::Moved { from: old.digest, to: new.digest }));
    let gone = matched.gone.iter().map(|one| change(one, StateChange::Removed(one.digest)));
    let added = matched.added.iter().map(|one| change(one, StateChange::Added(one.digest)));
    moved.chain(gone).chain(added).collect()
}

fn attached(old: &ImageSet, new: &ImageSet) -> Option<AttachedDiff> {
    let digests = |set: &ImageSet| -> Option<BTreeSet<Digest>> {
        Some(set.attached.as_ref()?.iter().map(|attached| attached.digest).collect())
    };
    let (old, new) = (digests(old)?, digests(new)?);
    Some(AttachedDiff {
        added: new.difference(&old).copied().collect(),
        removed: old.difference(&new).copied().collect(),
    })
}
