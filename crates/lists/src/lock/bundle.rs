//! Whether a bundle holds what a lock says: no image less, none more, none other.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use airlift_oci::Digest;

use super::document::{Lock, LockedImage};

/// An image of a bundle, as the bundle has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledImage {
    /// Its name. Layouts of other tools have any text, or none.
    pub reference: Option<String>,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// The platforms that are carried; `None` where that is unknown, because manifests are damaged.
    pub platforms: Option<Vec<String>>,
}

/// One thing in which a bundle is not what was locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The lock has it, and the bundle doesn't.
    Missing {
        /// The reference.
        reference: String,
        /// The digest that was locked.
        digest: Digest,
    },
    /// The bundle has it, and the lock doesn't.
    Extra {
        /// Its place among the bundle's images.
        image: usize,
    },
    /// The bundle has another digest under the name.
    OtherDigest {
        /// Its place among the bundle's images.
        image: usize,
        /// The digest that was locked.
        locked: Digest,
    },
    /// The bundle carries other platforms of it.
    OtherPlatforms {
        /// Its place among the bundle's images.
        image: usize,
        /// Those that were locked and are not carried.
        missing: Vec<String>,
        /// Those that are carried and were not locked.
        extra: Vec<String>,
    },
}

impl Lock {
    /// All in which a bundle's images are not those of the lock: by the bundle's order, then by the lock's.
    pub fn mismatches(&self, images: &[BundledImage]) -> Vec<Mismatch> {
        let by_name: BTreeMap<String, &LockedImage> =
            self.images().iter().map(|locked| (locked.reference.to_string(), locked)).collect();
        let by_digest: BTreeMap<Digest, &LockedImage> =
            self.images().iter().filter(|locked| is_unnamed(locked)).map(|it| (it.digest, it)).collect();
        let (mut found, mut met) = (Vec::new(), HashSet::new());
        for (position, image) in images.iter().enumerate() {
            let named = image.reference.as_ref().and_then(|name| by_name.get(name));
            let Some(locked) = named.or_else(|| by_digest.get(&image.digest)) else {
                found.push(Mismatch::Extra { image: position });
                continue;
            };
            met.insert(&locked.reference);
            found.extend(mismatch(position, image, locked));
        }
        let missing = self.images().iter().filter(|locked| !met.contains(&locked.reference));
        found.extend(missing.map(|locked| Mismatch::Missing {
            reference: locked.reference.to_string(),
            digest: locked.digest,
        }));
        found
    }
}

/// Whether the lock names an image by its place in a layout. A bundle has no such names, so the digest alone
/// says which image is meant.
fn is_unnamed(locked: &LockedImage) -> bool {
    matches!(locked.reference, airlift_oci::SourceReference::Layout(_))
}

fn mismatch(position: usize, image: &BundledImage, locked: &LockedImage) -> Option<Mismatch> {
    if image.digest != locked.digest {
        return Some(Mismatch::OtherDigest { image: position, locked: locked.digest });
    }
    let carried: BTreeSet<&str> = image.platforms.as_ref()?.iter().map(String::as_str).collect();
    let chosen: BTreeSet<&str> =
        locked.chosen_platforms().into_iter().map(|locked| locked.platform.as_str()).collect();
    let names = |of: &BTreeSet<&str>, without: &BTreeSet<&str>| {
        of.difference(without).map(|name| (*name).to_owned()).collect::<Vec<String>>()
    };
    let (missing, extra) = (names(&chosen, &carried), names(&carried, &chosen));
    let is_same = missing.is_empty() && extra.is_empty();
    (!is_same).then_some(Mismatch::OtherPlatforms { image: position, missing, extra })
}
