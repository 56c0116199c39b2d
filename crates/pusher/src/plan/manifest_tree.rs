//! A manifest and all that is below it. They go to the target together, in a certain order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use airlift_oci::{Digest, Graph, Repository, Selector, reference};

/// A manifest on its way to one place, with all below it that the source carries.
#[derive(Clone, Debug)]
pub(crate) struct ManifestTree {
    pub(crate) digest: Digest,
    pub(crate) repository: Repository,
    /// The tag or digest under which the manifest itself goes.
    pub(crate) selector: Selector,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) contents: Arc<Contents>,
}

impl ManifestTree {
    /// Whether it goes under a tag.
    pub(crate) fn is_tagged(&self) -> bool {
        matches!(self.selector, Selector::Tag(_))
    }

    /// The place as people write it.
    pub(crate) fn target(&self) -> String {
        match &self.selector {
            Selector::Tag(tag) => format!("{}:{tag}", self.repository),
            Selector::Digest(digest) => format!("{}@{digest}", self.repository),
        }
    }

    /// What people call one of its blobs.
    pub(crate) fn label_of(&self, blob: &PlannedBlob) -> String {
        format!("{} {}", reference::familiar(&self.name).escape_debug(), blob.place)
    }
}

/// All that the source carries of a manifest.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The manifests, itself first, parents before children.
    pub(crate) manifests: Vec<Digest>,
    /// The same manifests in the order of their upload. Those of one step don't need each other; the manifest
    /// itself is the last step.
    pub(crate) upload_steps: Vec<Vec<Digest>>,
    /// The blobs, each once.
    pub(crate) blobs: Vec<PlannedBlob>,
}

/// A blob that an image needs.
#[derive(Clone, Debug)]
pub(crate) struct PlannedBlob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Its place in the image: "linux/amd64 layer 3".
    pub(crate) place: String,
}

impl Contents {
    fn new(graph: &Graph, digest: &Digest) -> Self {
        let is_carried = |digest: &Digest| graph.carries(digest);
        let below = graph.below(digest).into_iter().map(|entry| entry.descriptor.digest);
        let steps = graph.upload_steps(digest).into_iter();
        let carried_of_step = |step: Vec<&airlift_oci::graph::ManifestEntry>| -> Vec<Digest> {
            step.into_iter().map(|entry| entry.descriptor.digest).filter(is_carried).collect()
        };
        Contents {
            manifests: below.filter(is_carried).collect(),
            upload_steps: steps.map(carried_of_step).collect(),
            blobs: blobs_below(graph, digest),
        }
    }

    /// Bytes of the blobs.
    pub(crate) fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).fold(0, u64::saturating_add)
    }
}

/// All blobs below a manifest that the source carries, each once.
fn blobs_below(graph: &Graph, digest: &Digest) -> Vec<PlannedBlob> {
    let mut seen = HashSet::new();
    let mut blobs = Vec::new();
    for entry in graph.below(digest).into_iter().filter(|entry| graph.carries(&entry.descriptor.digest)) {
        for (part, blob) in entry.raw.iter().flat_map(|raw| graph.carried_blobs(raw)) {
            if seen.insert(blob.digest) {
                let place = match entry.parent {
                    None => part.to_string(),
                    Some(_) => format!("{} {part}", entry.label),
                };
                blobs.push(PlannedBlob { digest: blob.digest, size: blob.size, place });
            }
        }
    }
    blobs
}

/// Finds the contents of manifests, of each once: one manifest often goes to several places.
pub(crate) struct ContentsFinder<'a> {
    graph: &'a Graph,
    found: HashMap<Digest, Arc<Contents>>,
}

impl<'a> ContentsFinder<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        ContentsFinder { graph, found: HashMap::new() }
    }

    pub(crate) fn of(&mut self, digest: &Digest) -> Arc<Contents> {
        let found = self.found.entry(*digest);
        Arc::clone(found.or_insert_with(|| Arc::new(Contents::new(self.graph, digest))))
    }
}
