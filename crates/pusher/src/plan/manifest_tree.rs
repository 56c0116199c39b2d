//! A manifest and all that is below it. They go to the target together, in a certain order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use airlift_oci::graph::ManifestEntry;
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

/// All that the source carries of a manifest. Trees share their manifests and blobs: many small indexes may
/// lead to one large one.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The manifests, itself first, parents before children.
    pub(crate) manifests: Vec<Arc<PlannedManifest>>,
    /// The same manifests in the order of their upload. Those of one step don't need each other; the manifest
    /// itself is the last step.
    pub(crate) upload_steps: Vec<Vec<Arc<PlannedManifest>>>,
    /// The blobs, each once.
    pub(crate) blobs: Vec<Arc<PlannedBlob>>,
}

/// A manifest that an image needs.
#[derive(Debug)]
pub(crate) struct PlannedManifest {
    pub(crate) digest: Digest,
    /// The blobs that it names itself.
    blobs: Vec<Arc<PlannedBlob>>,
}

/// A blob that an image needs.
#[derive(Debug)]
pub(crate) struct PlannedBlob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Its place in the image: "linux/amd64 layer 3".
    pub(crate) place: String,
}

impl Contents {
    /// Bytes of the blobs.
    pub(crate) fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).fold(0, u64::saturating_add)
    }

    /// The digests of the manifests.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.manifests.iter().map(|manifest| manifest.digest)
    }
}

impl PlannedManifest {
    fn new(graph: &Graph, entry: &ManifestEntry) -> Self {
        let named = entry.raw.iter().flat_map(|raw| graph.carried_blobs(raw));
        let blobs = named.map(|(part, blob)| {
            let place = match entry.parent {
                None => part.to_string(),
                Some(_) => format!("{} {part}", entry.label),
            };
            Arc::new(PlannedBlob { digest: blob.digest, size: blob.size, place })
        });
        PlannedManifest { digest: entry.descriptor.digest, blobs: blobs.collect() }
    }
}

/// Finds the contents of manifests, of each once: one manifest often goes to several places.
pub(crate) struct ContentsFinder<'a> {
    graph: &'a Graph,
    found: HashMap<Digest, Arc<Contents>>,
    manifests: HashMap<Digest, Arc<PlannedManifest>>,
}

impl<'a> ContentsFinder<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        ContentsFinder { graph, found: HashMap::new(), manifests: HashMap::new() }
    }

    pub(crate) fn of(&mut self, digest: &Digest) -> Arc<Contents> {
        if let Some(found) = self.found.get(digest) {
            return Arc::clone(found);
        }
        let contents = Arc::new(self.find(digest));
        self.found.insert(*digest, Arc::clone(&contents));
        contents
    }

    fn find(&mut self, digest: &Digest) -> Contents {
        let manifests = self.carried(self.graph.below(digest));
        let steps = self.graph.upload_steps(digest).into_iter();
        let mut seen = HashSet::new();
        let blobs = manifests.iter().flat_map(|manifest| &manifest.blobs);
        let blobs = blobs.filter(|blob| seen.insert(blob.digest)).cloned().collect();
        Contents { upload_steps: steps.map(|step| self.carried(step)).collect(), manifests, blobs }
    }

    /// The manifests among these that the source carries.
    fn carried(&mut self, entries: Vec<&ManifestEntry>) -> Vec<Arc<PlannedManifest>> {
        let graph = self.graph;
        let carried = entries.into_iter().filter(|entry| graph.carries(&entry.descriptor.digest));
        let planned = carried.map(|entry| {
            let manifest = self.manifests.entry(entry.descriptor.digest);
            Arc::clone(manifest.or_insert_with(|| Arc::new(PlannedManifest::new(graph, entry))))
        });
        planned.collect()
    }
}
