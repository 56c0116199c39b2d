//! A lock after an update: what has to be asked for, and what the answers change.

use airlift_oci::{Digest, SourceReference};

use super::document::{Lock, LockedImage, LockedPlatform, PastDigest, TwoDigests};
use super::fetched_from::FetchedFrom;
use super::wanted::WantedImage;
use crate::timestamp::Timestamp;

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

/// An image that a lock is to have, with the answer for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredImage {
    /// The image.
    pub wanted: WantedImage,
    /// The answer; `None` where nothing had to be asked for, because the lock has it all.
    pub answer: Option<ResolvedImage>,
}

/// Why a lock can't be updated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// One reference would have two digests.
    #[error(transparent)]
    TwoDigests(#[from] TwoDigests),
    /// An image has no answer, and the lock doesn't have it either.
    #[error("nothing was found out about {reference}, so the lock would lack it")]
    Unanswered {
        /// The reference.
        reference: String,
    },
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
    /// The lock of these images and of no others: of answers where there are any, else as this lock has it.
    ///
    /// An entry whose digest stays keeps its time. Where it moved, its old digest goes to the front of its
    /// history. That keeps `history` digests at most; if nothing says how many, it keeps all, and none is
    /// begun in a lock that has no history.
    ///
    /// # Errors
    /// If an image has neither an answer nor an entry in this lock, or is there twice with two digests.
    pub fn update(
        &self,
        images: &[AnsweredImage],
        at: Timestamp,
        history: Option<usize>,
    ) -> Result<Lock, UpdateError> {
        let begins = self.longest_history() > 0;
        let longest = history.unwrap_or(if begins { usize::MAX } else { 0 });
        let image = |AnsweredImage { wanted, answer }: &AnsweredImage| {
            let old = self.find(&wanted.reference);
            let mut image = match (answer, old) {
                (Some(answer), _) => with_answer(wanted, old, answer, at),
                (None, Some(old)) => old.clone(),
                (None, None) => {
                    return Err(UpdateError::Unanswered { reference: wanted.reference.to_string() });
                }
            };
            image.history.truncate(longest);
            match (&wanted.reference, &wanted.from) {
                // The reference is that place.
                (SourceReference::Layout(_), _) => image.from = None,
                (SourceReference::Registry(_), Some(from)) => image.from = Some(from.clone()),
                (SourceReference::Registry(_), None) => {}
            }
            image.choice = wanted.choice.clone();
            image.groups = wanted.groups.clone();
            image.selectors = wanted.selectors.clone();
            Ok(image)
        };
        Ok(Lock::new(images.iter().map(image).collect::<Result<_, _>>()?)?)
    }
}

fn is_layout(from: &Option<FetchedFrom>) -> bool {
    matches!(from, Some(FetchedFrom::Layout { .. }))
}

/// An entry after an answer. What was chosen of it is up to the list.
fn with_answer(
    wanted: &WantedImage,
    old: Option<&LockedImage>,
    answer: &ResolvedImage,
    at: Timestamp,
) -> LockedImage {
    let new = LockedImage {
        reference: wanted.reference.clone(),
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
            LockedImage {
                resolved: old.resolved,
                from: old.from.clone(),
                history: old.history.clone(),
                ..new
            }
        }
        Some(old) if old.digest == answer.digest => {
            LockedImage { resolved: old.resolved, history: old.history.clone(), ..new }
        }
        Some(old) => {
            let past = PastDigest { digest: old.digest, resolved: old.resolved };
            LockedImage { history: [vec![past], old.history.clone()].concat(), ..new }
        }
    }
}
