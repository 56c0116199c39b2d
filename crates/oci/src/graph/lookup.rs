//! The graph, and how things are found in it.

use std::collections::{HashMap, HashSet};

use super::absent::Absent;
use super::entries::{BlobEntry, BlobRole, ManifestEntry};
use super::limits::Limits;
use crate::layout::Root;
use crate::media_type::Kind;
use crate::{Carried, Descriptor, Digest, Node, RawManifest};

/// All that a set of roots reaches: manifests level by level, blobs by first use, each digest once.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The roots, in `index.json`'s order.
    pub roots: Vec<Root>,
    /// The manifests: all roots, then all their children, and so on.
    pub manifests: Vec<ManifestEntry>,
    /// The blobs, in the order in which the manifests name them.
    pub blobs: Vec<BlobEntry>,
    pub(super) positions: HashMap<Digest, usize>,
    /// Manifests that the source didn't have. They are not among `manifests`.
    pub(super) absent: Absent,
    /// Layers that some root leaves outside.
    pub(super) external: HashSet<Digest>,
    pub(super) limits: Limits,
}

impl Graph {
    /// Whether a manifest's blobs are carried, for whichever root.
    pub fn carried(&self, manifest: &Digest) -> Carried {
        self.find(manifest).map_or(Carried::Yes, |entry| entry.carried)
    }

    /// Whether a manifest's blobs are carried, as a plain yes or no.
    pub fn carries(&self, manifest: &Digest) -> bool {
        self.carried(manifest) == Carried::Yes
    }

    /// Whether a blob of a carried manifest is carried. A layer is external where a root says so, and the
    /// layer's descriptor says where else it may be had.
    pub fn carried_blob(&self, blob: &Descriptor) -> Carried {
        let is_external = !blob.urls.is_empty() && self.external.contains(&blob.digest);
        if is_external { Carried::External } else { Carried::Yes }
    }

    /// The blobs of one carried manifest that are carried with it, in order, each with its role (repeats
    /// included).
    pub fn carried_blobs<'a>(
        &self,
        raw: &'a RawManifest,
    ) -> impl Iterator<Item = (BlobRole, &'a Descriptor)> + use<'a, '_> {
        Graph::blobs_of(raw).into_iter().filter(|(_, blob)| self.carried_blob(blob) == Carried::Yes)
    }

    /// All manifests that roots declare as absent and that an index names. Their descriptors are all that is
    /// known of them.
    pub fn absent(&self) -> &[ManifestEntry] {
        &self.absent.entries
    }

    /// Where a manifest that is absent would stand.
    pub fn path_of_absent(&self, entry: &ManifestEntry) -> Vec<String> {
        let mut path = entry.parent.map(|parent| self.path_of_manifest(parent)).unwrap_or_default();
        path.push(entry.label.clone());
        path
    }

    /// The manifest of that digest, be it there or absent.
    pub fn find(&self, digest: &Digest) -> Option<&ManifestEntry> {
        let absent =
            || self.absent.positions.get(digest).and_then(|position| self.absent.entries.get(*position));
        self.manifest(digest).or_else(absent)
    }

    /// The manifest of that digest, where it is there.
    pub fn manifest(&self, digest: &Digest) -> Option<&ManifestEntry> {
        self.positions.get(digest).and_then(|position| self.manifests.get(*position))
    }

    /// Whether every manifest could be had, so that nothing of the graph is unknown.
    pub fn is_complete(&self) -> bool {
        self.manifests.iter().all(|manifest| manifest.raw.is_some())
    }

    /// Where a manifest stands: the root's name, then a label a level.
    pub fn path_of_manifest(&self, position: usize) -> Vec<String> {
        path(&self.manifests, &self.roots, position)
    }

    /// Where a blob stands at its first use.
    pub fn path_of_blob(&self, blob: &BlobEntry) -> Vec<String> {
        let mut path = self.path_of_manifest(blob.manifest);
        path.push(blob.role.to_string());
        path
    }

    /// The blobs that one manifest names, in order, each with its role (repeats included).
    pub fn blobs_of(raw: &RawManifest) -> Vec<(BlobRole, &Descriptor)> {
        match raw.node() {
            Node::Manifest { config, layers } => std::iter::once((BlobRole::Config, config.as_ref()))
                .chain(layers.iter().enumerate().map(|(i, layer)| (BlobRole::Layer(i + 1), layer)))
                .collect(),
            Node::Artifact(blobs) => {
                blobs.iter().enumerate().map(|(i, blob)| (BlobRole::Entry(i + 1), blob)).collect()
            }
            Node::Index(children) => children
                .iter()
                .enumerate()
                .filter(|(_, child)| child.kind() == Kind::Blob)
                .map(|(i, child)| (BlobRole::Entry(i + 1), child))
                .collect(),
        }
    }

    /// The manifests that one manifest names, in order (repeats included).
    pub fn children_of(raw: &RawManifest) -> Vec<&Descriptor> {
        match raw.node() {
            Node::Manifest { .. } | Node::Artifact(_) => Vec::new(),
            Node::Index(children) => children.iter().filter(|child| child.kind() != Kind::Blob).collect(),
        }
    }

    /// The manifests below a root, itself first, parents before children, each once.
    pub fn below(&self, root: &Digest) -> Vec<&ManifestEntry> {
        let mut seen = HashSet::from([*root]);
        let mut order: Vec<&ManifestEntry> = self.manifest(root).into_iter().collect();
        let mut next = 0;
        while let Some(entry) = order.get(next) {
            next += 1;
            for child in entry.raw.iter().flat_map(Graph::children_of) {
                if seen.insert(child.digest) {
                    order.extend(self.manifest(&child.digest));
                }
            }
        }
        order
    }
}

pub(super) fn path(manifests: &[ManifestEntry], roots: &[Root], position: usize) -> Vec<String> {
    let mut labels = Vec::new();
    let mut at = Some(position);
    while let Some(entry) = at.and_then(|position| manifests.get(position)) {
        if entry.parent.is_none() {
            labels.extend(roots.get(entry.root).map(Root::name));
        } else {
            labels.push(entry.label.clone());
        }
        at = entry.parent;
    }
    labels.reverse();
    labels
}
