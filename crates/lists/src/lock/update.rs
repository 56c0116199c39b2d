//! A lock after an update: what has to be asked for, and what the answers change.

use std::collections::HashMap;

use airlift_oci::{Digest, SourceReference};

use super::document::{Lock, LockedImage, LockedPlatform, PastDigest, TwoDigests};
use super::fetched_from::FetchedFrom;
use super::timestamp::Timestamp;
use super::wanted::WantedImage;

/// What has to be asked for to lock one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing: the lock has it all.
    Nothing,
    /// The sizes of the platforms that are chosen now, below the digest that is locked. No tag is asked for.
    Sizes(Digest),
    /// Everything: what the reference stands for now.
    Reference,
}

/// What was found out about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedImage {
    /// The reference as the lock has it.
    pub reference: SourceReference,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// The type of that.
    pub media_type: String,
    /// Bytes of all configs and layers of the chosen platforms, each once.
    pub size: u64,
    /// All platforms that the index has, chosen or not.
    pub platforms: Vec<LockedPlatform>,
    /// Where it was fetched from, if that is not what the reference says.
    pub from: Option<FetchedFrom>,
}

impl WantedImage {
    /// What has to be asked for to lock this image. `is_named` says of a reference whether it is to be
    /// updated.
    pub fn lookup(&self, lock: &Lock, is_named: impl Fn(&str) -> bool) -> Lookup {
        let Some(locked) = lock.find(&self.reference) else { return Lookup::Reference };
        let is_other = self.digest.is_some_and(|digest| digest != locked.digest);
        let left_its_layout = self.from.is_none() && is_layout(&locked.from);
        if is_other || left_its_layout || is_named(&self.reference.to_string()) {
            return Lookup::Reference;
        }
        let same_platforms = locked.choice.platforms == self.choice.platforms;
        if same_platforms { Lookup::Nothing } else { Lookup::Sizes(locked.digest) }
    }
}

impl Lock {
    /// The lock of what is wanted: of answers where there are any, else as this lock has it. An image that is
    /// neither answered nor locked is left out, and one that is no longer wanted goes.
    ///
    /// An entry whose digest stays keeps its time. Where it moved, its old digest goes to the front of its
    /// history, which keeps `history` digests at most.
    ///
    /// # Errors
    /// If an image is answered twice, with two digests.
    pub fn update(
        &self,
        wanted: &[WantedImage],
        answers: Vec<ResolvedImage>,
        at: Timestamp,
        history: usize,
    ) -> Result<Lock, TwoDigests> {
        let mut answered: HashMap<String, ResolvedImage> = HashMap::new();
        for answer in answers {
            let digest = answer.digest;
            if let Some(first) = answered.insert(answer.reference.to_string(), answer.clone())
                && first.digest != digest
            {
                let digests = [first.digest, digest];
                return Err(TwoDigests { reference: answer.reference.to_string(), digests });
            }
        }
        let image = |wish: &WantedImage| {
            let old = self.find(&wish.reference);
            let mut image = match answered.get(&wish.reference.to_string()) {
                Some(answer) => with_answer(old, answer, at),
                None => old?.clone(),
            };
            image.history.truncate(history);
            if let Some(from) = &wish.from {
                image.from = Some(from.clone());
            }
            image.choice = wish.choice.clone();
            image.groups = wish.groups.clone();
            image.selectors = wish.selectors.clone();
            Some(image)
        };
        Lock::new(wanted.iter().filter_map(image).collect())
    }
}

fn is_layout(from: &Option<FetchedFrom>) -> bool {
    matches!(from, Some(FetchedFrom::Layout { .. }))
}

/// An entry after an answer. What was chosen of it is up to the list.
fn with_answer(old: Option<&LockedImage>, answer: &ResolvedImage, at: Timestamp) -> LockedImage {
    let new = LockedImage {
        reference: answer.reference.clone(),
        digest: answer.digest,
        media_type: answer.media_type.clone(),
        size: answer.size,
        platforms: answer.platforms.clone(),
        choice: Default::default(),
        groups: Default::default(),
        selectors: Default::default(),
        resolved: at,
        from: answer.from.clone(),
        history: Vec::new(),
    };
    match old {
        None => new,
        // Another mirror that has the same content is no change.
        Some(old) if old.digest == answer.digest && is_layout(&old.from) == is_layout(&answer.from) => {
            LockedImage { size: answer.size, ..old.clone() }
        }
        Some(old) if old.digest == answer.digest => {
            LockedImage { size: answer.size, from: answer.from.clone(), ..old.clone() }
        }
        Some(old) => {
            let past = PastDigest { digest: old.digest, resolved: old.resolved };
            LockedImage { history: [vec![past], old.history.clone()].concat(), ..new }
        }
    }
}
