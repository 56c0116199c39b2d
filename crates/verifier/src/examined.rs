//! A bundle after its examination: what it holds, where that lies, and what is wrong with it so far.

use airlift_bundle::{Archive, Finding, Findings, Section};
use airlift_oci::contents::Platforms;
use airlift_oci::manifest::MAX_MANIFEST;
use airlift_oci::{Digest, DigestSet, Graph, Root, contents};

use crate::found_blobs::FoundBlobs;

/// A bundle whose structure was examined. The blobs' contents were not hashed yet.
#[derive(Debug)]
pub struct Examined {
    pub(crate) archive: Archive,
    pub(crate) id: Option<Digest>,
    /// `None` where the graph could not be walked at all.
    pub(crate) graph: Option<Graph>,
    /// Where each blob's content lies, as far as it is there with the right size.
    pub(crate) blobs: FoundBlobs,
    /// Digests whose content is damaged or missing.
    pub(crate) damaged: DigestSet,
    pub(crate) findings: Findings,
    /// Bytes of content that were read and hashed.
    pub(crate) hashed: u64,
    /// Roots of no known type.
    pub(crate) unknown: Vec<Root>,
}

impl Examined {
    /// The digest of `index.json`.
    pub fn id(&self) -> Option<Digest> {
        self.id
    }

    /// What was found so far.
    pub fn findings(&self) -> &[Finding] {
        self.findings.as_slice()
    }

    /// The graph below the roots; `None` where it could not be walked.
    pub fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// The archive or folder that it came in.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The unproven content of a blob that the graph names; `None` where it isn't there.
    pub fn blob(&self, digest: &Digest) -> Option<Section> {
        self.blobs.get(&self.archive, digest).map(|range| self.archive.blob_at(digest, range))
    }

    /// The content of a small blob such as a config, proven; `None` where it isn't there, is large or is
    /// damaged.
    pub fn small_blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let section = self.blob(digest).filter(|section| section.size() <= MAX_MANIFEST)?;
        section.read_all().ok().filter(|bytes| digest.matches(bytes))
    }

    /// The platforms of an image, as its indexes or configs name them.
    pub fn platforms(&self, graph: &Graph, root: &Root) -> Platforms {
        contents::platforms_of(graph, root, |config| self.small_blob(&config.digest))
    }

    /// Whether nothing of an image or artifact is damaged or missing, as far as is known.
    pub(crate) fn is_whole(&self, graph: &Graph, root: &Root) -> bool {
        let manifests = graph.below(&root.descriptor.digest);
        let sound = |digest: &Digest| !self.damaged.contains(digest);
        manifests.iter().all(|entry| entry.raw.is_some() && sound(&entry.descriptor.digest))
            && contents::blobs_of_root(graph, root).all(|(_, _, blob)| sound(&blob.digest))
    }
}
