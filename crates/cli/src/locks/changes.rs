//! What an update changes in a lock.

use airlift_lists::lock::{Lock, LockedImage};
use airlift_oci::Digest;

/// What becomes of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is new.
    Added(Digest),
    /// Its reference stands for another digest.
    Moved { from: Digest, to: Digest },
    /// The digest stays, and something else is new: what is chosen, its groups or its selector.
    Changed(Digest),
    /// No list asks for it any more.
    Removed(Digest),
}

/// What an update changes.
#[derive(Debug)]
pub(crate) struct Changes {
    /// The changes, by reference.
    pub(crate) images: Vec<(String, Change)>,
    /// How many entries stay as they are.
    pub(crate) unchanged: usize,
}

impl Changes {
    /// From one lock to another.
    pub(crate) fn between(old: &Lock, new: &Lock) -> Self {
        let mut changes = Changes { images: Vec::new(), unchanged: 0 };
        for image in new.images() {
            match change(old.find(&image.reference), image) {
                Some(change) => changes.images.push((image.reference.to_string(), change)),
                None => changes.unchanged += 1,
            }
        }
        let gone = old.images().iter().filter(|image| new.find(&image.reference).is_none());
        changes.images.extend(gone.map(|image| (image.reference.to_string(), Change::Removed(image.digest))));
        changes.images.sort_by(|(one, _), (other, _)| one.cmp(other));
        changes
    }
}

fn change(old: Option<&LockedImage>, new: &LockedImage) -> Option<Change> {
    match old {
        None => Some(Change::Added(new.digest)),
        Some(old) if old.digest != new.digest => Some(Change::Moved { from: old.digest, to: new.digest }),
        Some(old) if old != new => Some(Change::Changed(new.digest)),
        Some(_) => None,
    }
}
