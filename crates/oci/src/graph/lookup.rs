//! The graph, and how things are found in it.

use std::collections::HashSet;

use super::absent::Absent;
use super::entries::{BlobEntry, BlobPlace, BlobRole, ManifestEntry};
use super::limits::Limits;
use crate::layout::Root;
use crate::media_type::Kind;
use crate::{
    BareDescriptor, Carried, Descriptor, Digest, DigestMap, DigestSet, ListedDescriptor, Node, RawManifest,
};

/// All that a set of roots reaches: manifests level by level, blobs by first use, each digest once.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The roots, in `index.json`'s order.
    pub roots: Vec<Root>,
    /// The manifests: all roots, then all their children, and so on.
    pub manifests: Vec<ManifestEntry>,
    /// The blobs, in the order in which the manifests name them.
    pub(super) blobs: Vec<BlobPlace>,
    pub(super) positions: DigestMap<usize>,
    /// Manifests that the source didn't have. They are not among `manifests`.
    pub(super) absent: Absent,
    /// Layers that some root leaves outside.
    pub(super) external: HashSet<Digest>,
    pub(super) limits: Limits,
}

impl Graph {
    /// The blobs, in the order in which the manifests name them.
    pub fn blobs(&self) -> impl Iterator<Item = BlobEntry<'_>> + Clone {
        (0..self.blobs.len()).filter_map(|position| self.blob(position))
    }

    /// How many blobs there are.
    pub fn blob_count(&self) -> usize {
        self.blobs.len()
    }

    /// The blob at that position.
    pub fn blob(&self, position: usize) -> Option<BlobEntry<'_>> {
        let BlobPlace { manifest, listed } = *self.blobs.get(position)?;
        let (manifest, listed) = (manifest as usize, listed as usize);
        let raw = self.manifests.get(manifest)?.raw.as_ref()?;
        let (role, descriptor) = Graph::blob_of(raw, listed)?;
        Some(BlobEntry { descriptor, manifest, role })
    }

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
    pub fn carried_blob(&self, blob: &ListedDescriptor<'_>) -> Carried {
        let is_external = blob.has_urls() && self.external.contains(&blob.digest);
        if is_external { Carried::External } else { Carried::Yes }
    }

    /// The blobs of one carried manifest that are carried with it, in order, each with its role (repeats
    /// included).
    pub fn carried_blobs<'a>(
        &self,
        raw: &'a RawManifest,
    ) -> impl Iterator<Item = (BlobRole, ListedDescriptor<'a>)> + use<'a, '_> {
        Graph::blobs_of(raw).filter(|(_, blob)| self.carried_blob(blob) == Carried::Yes)
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

    /// How the parent of a manifest, or its root, names it.
    pub fn descriptor_of(&self, entry: &ManifestEntry) -> Descriptor {
        descriptor_of(&self.manifests, &self.roots, entry)
    }

    /// Whether every manifest could be had, so that nothing of the graph is unknown.
    pub fn is_complete(&self) -> bool {
        self.manifests.iter().all(|manifest| manifest.raw.is_some())
    }

    /// Where a manifest stands: the root's name, then a label a level.
    pub fn path_of_manifest(&self, position: usize) -> Vec<String> {
        path(&self.manifests, &self.roots, position)
    }

    /// Where the manifest of that digest stands; empty if it is not there.
    pub fn path_of(&self, manifest: &Digest) -> Vec<String> {
        self.positions.get(manifest).map(|position| self.path_of_manifest(*position)).unwrap_or_default()
    }

    /// Where a blob stands at its first use.
    pub fn path_of_blob(&self, blob: &BlobEntry<'_>) -> Vec<String> {
        let mut path = self.path_of_manifest(blob.manifest);
        path.push(blob.role.to_string());
        path
    }

    /// The blobs that one manifest names, in order, each with its role (repeats included).
    pub fn blobs_of(raw: &RawManifest) -> impl Iterator<Item = (BlobRole, ListedDescriptor<'_>)> {
        Graph::places_of(raw).map(|(_, role, blob)| (role, blob))
    }

    /// The blob at that position among all that a manifest lists, with its role.
    pub fn blob_of(raw: &RawManifest, listed: usize) -> Option<(BlobRole, ListedDescriptor<'_>)> {
        raw.listed().get(listed).map(|blob| (role(&raw.node(), listed), blob))
    }

    /// The blobs that one manifest names, each with its position among all that the manifest lists.
    pub fn places_of(raw: &RawManifest) -> impl Iterator<Item = (usize, BlobRole, ListedDescriptor<'_>)> {
        let node = raw.node();
        let is_index = matches!(node, Node::Index(_));
        let blobs = raw.listed().iter().enumerate();
        let blobs = blobs.filter(move |(_, listed)| !is_index || listed.kind() == Kind::Blob);
        blobs.map(move |(position, listed)| (position, role(&node, position), listed))
    }

    /// The manifests that one manifest names, in order (repeats included).
    pub fn children_of(raw: &RawManifest) -> impl Iterator<Item = ListedDescriptor<'_>> {
        let children = match raw.node() {
            Node::Manifest { .. } | Node::Artifact(_) => None,
            Node::Index(children) => Some(children),
        };
        children.into_iter().flat_map(|children| children.iter()).filter(|child| child.kind() != Kind::Blob)
    }

    /// The manifests below a root, itself first, parents before children, each once.
    pub fn below(&self, root: &Digest) -> Vec<&ManifestEntry> {
        let mut seen = DigestSet::from_iter([*root]);
        let mut order: Vec<&ManifestEntry> = self.manifest(root).into_iter().collect();
        let mut next = 0;
        while let Some(entry) = order.get(next) {
            next += 1;
            for child in entry.raw.iter().flat_map(Graph::children_of) {
                if seen.insert(child.digest, ()) {
                    order.extend(self.manifest(&child.digest));
                }
            }
        }
        order
    }
}

/// What the listed content at a position is to its manifest, if it is a blob.
fn role(node: &Node<'_>, position: usize) -> BlobRole {
    match node {
        Node::Manifest { .. } if position == 0 => BlobRole::Config,
        Node::Manifest { .. } => BlobRole::Layer(position),
        Node::Artifact(_) | Node::Index(_) => BlobRole::Entry(position + 1),
    }
}

pub(super) fn descriptor_of(
    manifests: &[ManifestEntry],
    roots: &[Root],
    entry: &ManifestEntry,
) -> Descriptor {
    let read = match entry.parent {
        None => roots.get(entry.root).map(|root| root.descriptor.clone()),
        Some(parent) => {
            let raw = manifests.get(parent).and_then(|parent| parent.raw.as_ref());
            raw.and_then(|raw| raw.listed().get(entry.listed as usize)).map(|listed| listed.read())
        }
    };
    let BareDescriptor { media_type, digest, size } = &entry.descriptor;
    // Each entry is in one of the two.
    read.unwrap_or_else(|| Descriptor::new(media_type.as_ref(), *digest, *size))
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
