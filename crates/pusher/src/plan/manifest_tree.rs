//! A manifest and all that is below it. They go to the target together, in a certain order.

use std::collections::HashMap;
use std::sync::Arc;

use airlift_oci::graph::{BlobRole, ManifestEntry};
use airlift_oci::{Carried, Digest, DigestSet, Graph, RawManifest, Repository, Selector, reference};

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
    pub(crate) fn label_of(&self, blob: &PlannedBlob<'_>) -> String {
        let (name, PlannedBlob { manifest, role, .. }) = (reference::familiar(&self.name), blob);
        match manifest {
            None => format!("{} {role}", name.escape_debug()),
            Some(manifest) => format!("{} {manifest} {role}", name.escape_debug()),
        }
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
    /// Where the blobs are named, each once. A hostile bundle has a million.
    blobs: Vec<BlobPlace>,
}

/// Where a blob is named first.
#[derive(Clone, Copy, Debug)]
struct BlobPlace {
    /// The position among [`Contents::manifests`].
    manifest: u32,
    /// The position among all that the manifest lists.
    listed: u32,
}

/// A manifest that an image needs.
#[derive(Debug)]
pub(crate) struct PlannedManifest {
    pub(crate) digest: Digest,
    /// What people call it among its siblings; `None` for a root.
    label: Option<String>,
    raw: Option<RawManifest>,
}

/// A blob that an image needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedBlob<'a> {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// The manifest that names it first, such as "linux/amd64"; `None` for a root.
    manifest: Option<&'a str>,
    /// What it is there.
    role: BlobRole,
}

impl Contents {
    /// How many blobs there are.
    pub(crate) fn blob_count(&self) -> usize {
        self.blobs.len()
    }

    /// The blob at that position.
    pub(crate) fn blob(&self, position: usize) -> Option<PlannedBlob<'_>> {
        let BlobPlace { manifest, listed } = *self.blobs.get(position)?;
        let PlannedManifest { label, raw, .. } = self.manifests.get(manifest as usize)?.as_ref();
        let (role, blob) = Graph::blob_of(raw.as_ref()?, listed as usize)?;
        Some(PlannedBlob { digest: blob.digest, size: blob.size, manifest: label.as_deref(), role })
    }

    /// The blobs, each once.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = PlannedBlob<'_>> {
        (0..self.blob_count()).filter_map(|position| self.blob(position))
    }

    /// Bytes of the blobs.
    pub(crate) fn bytes(&self) -> u64 {
        self.blobs().map(|blob| blob.size).fold(0, u64::saturating_add)
    }

    /// The digests of the manifests.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.manifests.iter().map(|manifest| manifest.digest)
    }
}

impl PlannedManifest {
    fn new(entry: &ManifestEntry) -> Self {
        PlannedManifest {
            digest: entry.descriptor.digest,
            label: entry.parent.map(|_| entry.label.clone()),
            raw: entry.raw.clone(),
        }
    }
}

/// The blobs of manifests, each at its first place.
fn places_of_blobs(graph: &Graph, manifests: &[Arc<PlannedManifest>]) -> Vec<BlobPlace> {
    let (mut seen, mut places) = (DigestSet::default(), Vec::new());
    for (position, manifest) in manifests.iter().enumerate() {
        for (listed, _, blob) in manifest.raw.iter().flat_map(Graph::places_of) {
            if graph.carried_blob(&blob) == Carried::Yes && seen.insert(blob.digest, ()) {
                // A graph has a million entries at most.
                places.push(BlobPlace { manifest: position as u32, listed: listed as u32 });
            }
        }
    }
    places
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
        let blobs = places_of_blobs(self.graph, &manifests);
        Contents { upload_steps: steps.map(|step| self.carried(step)).collect(), manifests, blobs }
    }

    /// The manifests among these that the source carries.
    fn carried(&mut self, entries: Vec<&ManifestEntry>) -> Vec<Arc<PlannedManifest>> {
        let graph = self.graph;
        let carried = entries.into_iter().filter(|entry| graph.carries(&entry.descriptor.digest));
        let planned = carried.map(|entry| {
            let manifest = self.manifests.entry(entry.descriptor.digest);
            Arc::clone(manifest.or_insert_with(|| Arc::new(PlannedManifest::new(entry))))
        });
        planned.collect()
    }
}

#[cfg(test)]
pub(crate) mod made {
    use super::*;

    impl Contents {
        /// The blobs of a manifest that is no part of a graph.
        pub(crate) fn of_manifest(raw: &RawManifest) -> Self {
            let digest = raw.digest();
            let manifest = Arc::new(PlannedManifest { digest, label: None, raw: Some(raw.clone()) });
            let blobs = (0..raw.listed().len() as u32).map(|listed| BlobPlace { manifest: 0, listed });
            Contents { manifests: vec![manifest], upload_steps: Vec::new(), blobs: blobs.collect() }
        }
    }
}
