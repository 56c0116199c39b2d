//! How blobs came to the target, and how many bytes went by.

use std::collections::HashMap;

use airlift_oci::Digest;

/// How a blob came to be in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// It was there.
    Skipped,
    /// The registry took it from another of its repositories.
    Mounted,
    /// It was sent.
    Uploaded,
}

/// Bytes of blobs, by how they came.
#[derive(Default)]
pub(crate) struct TransferredBytes {
    pub(crate) uploaded: u64,
    pub(crate) mounted: u64,
    pub(crate) skipped: u64,
}

/// The blobs of one manifest tree that are at the target, and how each came there.
#[derive(Default)]
pub(crate) struct Transfers {
    /// With the size of each blob.
    by_blob: HashMap<Digest, (Transfer, u64)>,
    /// Bytes that were sent once more.
    sent_again: u64,
}

impl Transfers {
    pub(crate) fn note(&mut self, digest: Digest, transfer: Transfer, size: u64) {
        self.by_blob.insert(digest, (transfer, size));
    }

    /// The blob was sent, perhaps for the second time. One that was not sent before was not there, whatever
    /// the registry had said.
    pub(crate) fn note_again(&mut self, digest: Digest, size: u64) {
        let before = self.by_blob.insert(digest, (Transfer::Uploaded, size));
        if matches!(before, Some((Transfer::Uploaded, _))) {
            self.sent_again += size;
        }
    }

    /// Whether a blob was sent, so that the registry has acknowledged it.
    pub(crate) fn was_sent(&self, digest: &Digest) -> bool {
        matches!(self.by_blob.get(digest), Some((Transfer::Uploaded, _)))
    }

    /// Whether the registry's answer to a HEAD or a mount is the only reason to count a blob as there.
    pub(crate) fn is_unconfirmed(&self, digest: &Digest) -> bool {
        matches!(self.by_blob.get(digest), Some((Transfer::Skipped | Transfer::Mounted, _)))
    }

    /// Adds these blobs to `bytes`.
    pub(crate) fn add_to(&self, bytes: &mut TransferredBytes) {
        bytes.uploaded += self.sent_again;
        for (transfer, size) in self.by_blob.values() {
            match transfer {
                Transfer::Uploaded => bytes.uploaded += size,
                Transfer::Mounted => bytes.mounted += size,
                Transfer::Skipped => bytes.skipped += size,
            }
        }
    }
}
