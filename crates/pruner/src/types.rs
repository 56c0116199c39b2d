//! What is asked, and what is said of images that stay.

use std::collections::HashSet;

use airlift_oci::{Digest, Repository, Tag};

/// An image that is no longer needed, by its name at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldImage {
    /// The repository.
    pub repository: Repository,
    /// The tag that was given to it.
    pub tag: Option<Tag>,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// Manifests that are known to be below it: they may be there although it is gone.
    pub below: Vec<Digest>,
}

/// What stays in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Manifests, in whichever repository. What is below them there, and attached to them, stays, too.
    pub digests: HashSet<Digest>,
    /// Tags, whatever they stand for.
    pub tags: HashSet<(Repository, Tag)>,
}

/// An old image that is there and stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staying {
    /// The repository.
    pub repository: Repository,
    /// The digest.
    pub digest: Digest,
    /// Why it stays.
    pub reason: StayReason,
}

/// Why something stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StayReason {
    /// It is among what is kept.
    Kept,
    /// This tag stands for it. It is another than that of the old image, or one of what is kept.
    Tag(Tag),
    /// An index that stays names it, or it is attached to something that stays.
    Named,
}
