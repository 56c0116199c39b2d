//! The blobs of a plan, for callers that pass them on instead of writing a bundle.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use airlift_bundle::Section;
use airlift_bundle::content::section::SectionReader;
use airlift_bundle::resume::ResumeState;
use airlift_oci::graph::Leaf;
use airlift_oci::{Digest, Platform, Root, contents};
use airlift_registry::BlobPieces;
use bytes::Bytes;

use crate::blob_job::Fallback;
use crate::nearest_copy::NearestCopy;
use crate::packing::Packing;
use crate::remote_blob::RemoteBlob;

/// A blob, at the nearest place that has it.
#[derive(Debug)]
pub struct SuppliedBlob {
    /// Its size, as its manifest names it.
    pub size: u64,
    /// The place.
    pub place: BlobPlace,
}

/// Where a blob is.
#[derive(Debug)]
pub enum BlobPlace {
    /// In memory, proven: it came with the manifests.
    Memory(Bytes),
    /// In a layout, unproven.
    Layout(LayoutBlob),
    /// At a registry.
    Registry(Box<RemoteBlob>),
}

/// A blob in a layout. Nothing has proven it.
#[derive(Clone, Debug)]
pub struct LayoutBlob {
    path: PathBuf,
    section: Section,
}

impl LayoutBlob {
    /// The layout's folder or file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes from the start.
    pub fn pieces(&self) -> Box<dyn BlobPieces> {
        Box::new(SectionPieces(self.section.reader()))
    }
}

/// The bytes of a section.
struct SectionPieces(SectionReader);

impl BlobPieces for SectionPieces {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        self.0.next_piece(most)
    }
}

impl Packing {
    /// All blobs of the plan, by their digests.
    pub fn supplied_blobs(&self) -> HashMap<Digest, SuppliedBlob> {
        let jobs = self.plan.blobs().filter_map(|entry| self.job(&entry, ResumeState::Missing));
        let supplied = jobs.filter_map(|job| {
            let place = match (job.nearest, job.fallback) {
                (NearestCopy::Memory(bytes), _) => BlobPlace::Memory(bytes),
                (NearestCopy::Local(places), _) => {
                    let (path, section) = places.into_iter().next()?;
                    BlobPlace::Layout(LayoutBlob { path, section })
                }
                (_, Fallback::Fetch(remote)) => BlobPlace::Registry(remote),
                (_, Fallback::Report(_)) => return None,
            };
            Some((job.entry.digest, SuppliedBlob { size: job.entry.size, place }))
        });
        supplied.collect()
    }

    /// The platforms of an image of the plan.
    pub fn platforms(&self, root: &Root) -> contents::Platforms {
        self.configs.names(self.plan.graph(), root)
    }

    /// What a manifest of the plan runs on: what an index says, else its config.
    pub fn platform_of(&self, leaf: &Leaf) -> Option<Platform> {
        self.configs.of(leaf).cloned()
    }
}
