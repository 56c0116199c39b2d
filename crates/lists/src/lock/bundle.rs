//! Whether a bundle holds what a lock says: no image less, none more, none other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use airlift_oci::claimed_platforms::{FalseClaim, false_claims};
use airlift_oci::contents::PlatformContent;
use airlift_oci::{Digest, Reference, SourceReference};

use super::document::{Lock, LockedImage, LockedPlatform};

/// References of a lock.
type References<'a> = HashSet<&'a SourceReference>;

/// An image of a bundle, as the bundle has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledImage {
    /// Its name. Layouts of other tools have any text, or none.
    pub reference: Option<String>,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// What it consists of; `None` where that is unknown, because manifests are damaged.
    pub content: Option<BundledContent>,
}

/// What an image of a bundle consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledContent {
    /// The type of its index or manifest.
    pub media_type: String,
    /// The platforms that are carried.
    pub carried: Vec<String>,
    /// All platforms that its index has.
    pub platforms: Vec<PlatformContent>,
    /// Bytes of the configs and layers that are carried, each once; `None` where locks may count others.
    pub size: Option<u64>,
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
    /// The digest is the locked one, and what the lock says of it is not true.
    Altered {
        /// Its place among the bundle's images.
        image: usize,
        /// What the lock has wrong: its media type, its size, or platforms by their names.
        members: Vec<String>,
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
        let (unnamed, mut met) = self.match_places(images);
        let mut found = Vec::new();
        for (position, image) in images.iter().enumerate() {
            let named = image.reference.as_ref().and_then(|name| by_name.get(name));
            let Some(locked) = named.or_else(|| unnamed.get(&position)) else {
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

    /// The images that the lock names by a place in a layout, by their positions in the bundle, and all such
    /// references that the bundle has. A bundle has no such names: the digest says which image is meant, and
    /// where several have it, the tag. A tag may be another one by now. An image with a full name is none.
    fn match_places(&self, images: &[BundledImage]) -> (HashMap<usize, &LockedImage>, References<'_>) {
        let (mut matched, mut met) = (HashMap::new(), References::new());
        let mut by_digest: HashMap<Digest, Vec<(&LockedImage, &str)>> = HashMap::new();
        for locked in self.images() {
            if let SourceReference::Layout(layout) = &locked.reference {
                let pattern = layout.pattern.as_deref().unwrap_or_default();
                by_digest.entry(locked.digest).or_default().push((locked, pattern));
            }
        }
        let is_unnamed = |(_, image): &(usize, &BundledImage)| !image.has_full_name();
        let unnamed: Vec<_> = images.iter().enumerate().filter(is_unnamed).collect();
        for (position, image) in &unnamed {
            let name = image.reference.clone().unwrap_or_else(|| image.digest.to_string());
            let places = by_digest.get(&image.digest).into_iter().flatten();
            // Two layouts may have one image under one tag. A bundle of both has it once.
            for (locked, _) in places.filter(|(_, pattern)| *pattern == name) {
                matched.insert(*position, *locked);
                met.insert(&locked.reference);
            }
        }
        for (position, image) in unnamed {
            let mut places = by_digest.get(&image.digest).into_iter().flatten();
            if !matched.contains_key(&position)
                && let Some((locked, _)) = places.find(|(locked, _)| !met.contains(&locked.reference))
            {
                matched.insert(position, *locked);
                met.insert(&locked.reference);
            }
        }
        (matched, met)
    }
}

impl BundledImage {
    /// Whether its name says the registry and the repository, as that of no layout's place does.
    fn has_full_name(&self) -> bool {
        let full = self.reference.as_deref().filter(|name| name.contains('/'));
        full.is_some_and(|name| name.parse::<Reference>().is_ok())
    }
}

/// In what an image is not as it was locked. The digest proves the index, so whatever an entry says of it
/// otherwise was altered in the lock.
fn mismatch(position: usize, image: &BundledImage, locked: &LockedImage) -> Option<Mismatch> {
    if image.digest != locked.digest {
        return Some(Mismatch::OtherDigest { image: position, locked: locked.digest });
    }
    let content = image.content.as_ref()?;
    let claims = false_claims(&locked.platform_contents(), &content.platforms);
    let altered = |members: Vec<String>| {
        (!members.is_empty()).then_some(Mismatch::Altered { image: position, members })
    };
    let altered_type = (locked.media_type != content.media_type).then(|| "mediaType".to_owned());
    let of_platforms = claims.iter().filter(|claim| matches!(claim, FalseClaim::Altered { .. }));
    let members = altered_type.into_iter().chain(of_platforms.map(name_of)).collect();
    if let Some(mismatch) = altered(members) {
        return Some(mismatch);
    }
    let carried: BTreeSet<&str> = content.carried.iter().map(String::as_str).collect();
    let chosen: BTreeSet<&str> =
        locked.chosen_platforms().into_iter().map(|locked| locked.platform.as_str()).collect();
    let names = |of: &BTreeSet<&str>, without: &BTreeSet<&str>| {
        of.difference(without).map(|name| (*name).to_owned()).collect::<Vec<String>>()
    };
    let (missing, extra) = (names(&chosen, &carried), names(&carried, &chosen));
    if !(missing.is_empty() && extra.is_empty()) {
        return Some(Mismatch::OtherPlatforms { image: position, missing, extra });
    }
    let altered_size = content.size.filter(|size| *size != locked.size).map(|_| "size".to_owned());
    altered(claims.iter().map(name_of).chain(altered_size).collect())
}

fn name_of(claim: &FalseClaim) -> String {
    claim.platform().to_owned()
}

impl LockedImage {
    /// All platforms of the index, as this entry has them.
    pub fn platform_contents(&self) -> Vec<PlatformContent> {
        let content = |LockedPlatform { platform, digest, size }: &LockedPlatform| PlatformContent {
            platform: platform.clone(),
            digest: *digest,
            size: *size,
        };
        self.platforms.iter().map(content).collect()
    }
}
