//! An examination under way: what all checks read and add to.

use airlift_bundle::{Archive, Findings};
use airlift_oci::{Digest, DigestSet, Graph, Root};

use crate::examined::Examined;
use crate::found_blobs::FoundBlobs;

/// An examination under way.
pub(super) struct Examiner {
    pub(super) archive: Archive,
    pub(super) findings: Findings,
    /// Digests whose content is damaged or missing.
    pub(super) damaged: DigestSet,
    /// Bytes of content that were read and hashed.
    pub(super) hashed: u64,
    /// Whether this is one of Airlift's own bundles, of which every byte of the tar archive is known.
    pub(super) is_own: bool,
    /// Roots of no known type, in other tools' layouts.
    pub(super) unknown: Vec<Root>,
    /// What is done with content that no image has.
    pub(super) beside_images: BesideImages,
}

/// What an examination does with content that no image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BesideImages {
    /// Hashes it.
    Hash,
    /// Passes over it.
    PassOver,
}

impl Examiner {
    pub(super) fn new(archive: Archive, beside_images: BesideImages) -> Self {
        Examiner {
            archive,
            findings: Findings::default(),
            damaged: DigestSet::default(),
            hashed: 0,
            is_own: false,
            unknown: Vec::new(),
            beside_images,
        }
    }

    /// Ends the examination with what was learned of the images.
    pub(super) fn finish(self, id: Option<Digest>, graph: Option<Graph>, blobs: FoundBlobs) -> Examined {
        let Examiner { archive, findings, damaged, hashed, unknown, .. } = self;
        Examined { archive, id, graph, blobs, damaged, findings, hashed, unknown }
    }
}
