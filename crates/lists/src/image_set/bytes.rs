//! How many bytes two sets share, and how many only one of them has.

use std::collections::HashMap;

use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

use super::types::{ImageSet, SetBlob, SetImage, SetPlatform};

/// Bytes of content, by which of two sets has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ByteTotals {
    /// Both have it.
    pub shared: u64,
    /// Only the new set has it.
    pub new: u64,
    /// Only the old set has it.
    pub gone: u64,
}

/// The bytes of all configs and layers, each once. `None` unless all blobs of both sets are known. Those of
/// an image that a lock names are known if the other set has the same platforms of it.
pub(super) fn of_blobs(old: &ImageSet, new: &ImageSet) -> Option<ByteTotals> {
    let mut of_old = of_images(old, new)?;
    let mut of_new = of_images(new, old)?;
    if let (Some(old), Some(new)) = (of_attached(old), of_attached(new)) {
        of_old.extend(old);
        of_new.extend(new);
    }
    Some(totals(&of_old, &of_new))
}

/// The bytes of all platforms, each once: layers that several platforms have count for each of them. `None`
/// unless both sets know their platforms.
pub(super) fn of_platforms(old: &ImageSet, new: &ImageSet) -> Option<ByteTotals> {
    let sizes = |set: &ImageSet| -> Option<Vec<SetBlob>> {
        let platforms = set.images.iter().map(|image| image.platforms.as_ref());
        let platforms: Vec<_> = platforms.collect::<Option<_>>()?;
        let size = |platforms: &Vec<SetPlatform>| {
            platforms.iter().map(|one| SetBlob { digest: one.digest, size: one.size }).collect::<Vec<_>>()
        };
        Some(platforms.into_iter().flat_map(size).collect())
    };
    Some(totals(&sizes(old)?, &sizes(new)?))
}

/// The blobs of all images, as far as that set or the other one knows them.
fn of_images(set: &ImageSet, other: &ImageSet) -> Option<Vec<SetBlob>> {
    let mut known: HashMap<Digest, Vec<&SetImage>> = HashMap::new();
    for image in other.images.iter().filter(|image| image.blobs.is_some()) {
        known.entry(image.digest).or_default().push(image);
    }
    let mut all = Vec::new();
    for image in &set.images {
        let blobs = image.blobs.as_ref().or_else(|| {
            let platforms = image.platform_digests()?;
            let same = known.get(&image.digest)?.iter();
            let mut same = same.filter(|other| other.platform_digests().as_ref() == Some(&platforms));
            same.next()?.blobs.as_ref()
        });
        all.extend(blobs?);
    }
    Some(all)
}

fn of_attached(set: &ImageSet) -> Option<Vec<SetBlob>> {
    let blobs = set.attached.as_ref()?.iter().map(|attached| attached.blobs.as_ref());
    Some(blobs.collect::<Option<Vec<_>>>()?.into_iter().flatten().copied().collect())
}

fn totals(old: &[SetBlob], new: &[SetBlob]) -> ByteTotals {
    let by_digest = |blobs: &[SetBlob]| {
        blobs.iter().map(|blob| (blob.digest, blob.size)).collect::<HashMap<Digest, u64>>()
    };
    let (old, new) = (by_digest(old), by_digest(new));
    let mut totals = ByteTotals::default();
    for (digest, size) in &old {
        let total = if new.contains_key(digest) { &mut totals.shared } else { &mut totals.gone };
        *total = total.saturating_add(*size);
    }
    let added = new.iter().filter(|(digest, _)| !old.contains_key(*digest));
    totals.new = added.fold(0, |sum, (_, size)| sum.saturating_add(*size));
    totals
}
