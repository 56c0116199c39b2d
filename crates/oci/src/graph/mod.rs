//! The graph below a bundle's roots, walked level by level without doing any I/O.
//!
//! A [`GraphBuilder`] says which manifests it wants next; whoever drives it gets them, from a registry or an
//! archive, and supplies them. Walks iterate and never recurse, visit a digest once, and stop at [`Limits`].

mod adopt;
mod builder;
mod leaves;
mod limits;

use std::collections::{HashMap, HashSet};

pub use adopt::fallback_tag;
pub use builder::GraphBuilder;
pub use leaves::{Leaf, leaves};
pub use limits::{GraphError, Limits};

use crate::Selection;
use crate::layout::Root;
use crate::media_type::Kind;
use crate::{Descriptor, Digest, Node, RawManifest};

/// What a blob is to the manifest that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The config.
    Config,
    /// The layer of that number, counted from 1.
    Layer(usize),
    /// The entry of an index, counted from 1, that is no manifest (build caches have such), or of an artifact
    /// manifest.
    Entry(usize),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Part::Config => f.write_str("config"),
            Part::Layer(number) => write!(f, "layer {number}"),
            Part::Entry(number) => write!(f, "blob {number}"),
        }
    }
}

/// A manifest of the graph, at its first place.
#[derive(Clone, Debug)]
pub struct ManifestEntry {
    /// How its parent, or `index.json`, names it.
    pub descriptor: Descriptor,
    /// Its bytes; `None` where they could not be had, so that what lies below is unknown.
    pub raw: Option<RawManifest>,
    /// The root, by position, that led here first.
    pub root: usize,
    /// The manifest, by position, that names it first; `None` for a root.
    pub parent: Option<usize>,
    /// Levels below the root.
    pub level: usize,
    /// Its name among its siblings, for people: a platform, "attestation of linux/amd64", "manifest 3".
    pub label: String,
}

/// A blob of the graph, at its first use.
#[derive(Clone, Debug)]
pub struct BlobEntry {
    /// How the manifest names it.
    pub descriptor: Descriptor,
    /// The manifest, by position, that names it first.
    pub manifest: usize,
    /// What it is there.
    pub part: Part,
}

/// All that a set of roots reaches: manifests level by level, blobs by first use, each digest once.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The roots, in `index.json`'s order.
    pub roots: Vec<Root>,
    /// The manifests: all roots, then all their children, and so on.
    pub manifests: Vec<ManifestEntry>,
    /// The blobs, in the order in which the manifests name them.
    pub blobs: Vec<BlobEntry>,
    positions: HashMap<Digest, usize>,
    /// Manifests that the source didn't have. They are not among `manifests`.
    absent: builder::Absent,
    /// Manifests whose blobs no root carries.
    omitted: HashSet<Digest>,
    /// Layers that some root leaves outside.
    external: HashSet<Digest>,
    limits: Limits,
}

impl Graph {
    /// The same manifests with what `choose` makes of each root: another selection, and so other blobs.
    pub fn select(mut self, choose: impl FnMut(&Root) -> Option<Selection>) -> Result<Self, GraphError> {
        let selections: Vec<Option<Selection>> = self.roots.iter().map(choose).collect();
        for (root, selection) in self.roots.iter_mut().zip(selections) {
            root.selection = selection;
        }
        self.with_blobs()
    }

    /// The same manifests with what `choose` leaves outside of each root.
    pub fn leave_outside(mut self, choose: impl FnMut(&Root) -> Vec<Digest>) -> Result<Self, GraphError> {
        let external: Vec<Vec<Digest>> = self.roots.iter().map(choose).collect();
        for (root, external) in self.roots.iter_mut().zip(external) {
            root.external = external;
        }
        self.with_blobs()
    }

    /// Whether a blob is left outside: a root says so, and its descriptor says where else it may be had.
    pub fn is_external(&self, blob: &Descriptor) -> bool {
        !blob.urls.is_empty() && self.external.contains(&blob.digest)
    }

    /// The layers that are left outside, each once, at their first place.
    pub fn external_layers(&self) -> Vec<BlobEntry> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        if self.external.is_empty() {
            return found;
        }
        for (position, entry) in self.manifests.iter().enumerate() {
            if !self.carries(&entry.descriptor.digest) {
                continue;
            }
            for (part, blob) in entry.raw.iter().flat_map(Graph::blobs_of) {
                if self.is_external(blob) && seen.insert(blob.digest) {
                    found.push(BlobEntry { descriptor: blob.clone(), manifest: position, part });
                }
            }
        }
        found
    }

    /// Refuses graphs in which looking at each root would take for ever.
    fn check_work(&self) -> Result<(), GraphError> {
        let limit = self.limits.descriptors;
        let mut known: HashMap<Digest, usize> = HashMap::new();
        let mut work: usize = 0;
        for root in &self.roots {
            let digest = root.descriptor.digest;
            let one = *known.entry(digest).or_insert_with(|| {
                let descriptors = |entry: &ManifestEntry| match entry.raw.as_ref().map(RawManifest::node) {
                    Some(Node::Index(children)) => 1 + children.len(),
                    Some(Node::Manifest { layers, .. }) => 2 + layers.len(),
                    Some(Node::Artifact(blobs)) => 1 + blobs.len(),
                    None => 1,
                };
                self.below(&digest).into_iter().map(descriptors).sum()
            });
            // A selection holds each leaf against each of its platforms.
            let times = 1 + root.selection.as_ref().map_or(0, |selection| selection.platforms().len());
            work = work.saturating_add(one.saturating_mul(times));
            if work > limit {
                return Err(GraphError::Work { limit });
            }
        }
        Ok(())
    }

    /// Collects the blobs of all manifests that some root carries.
    fn with_blobs(mut self) -> Result<Self, GraphError> {
        let omitted = self.find_omitted();
        self.external = self.roots.iter().flat_map(|root| root.external.iter().copied()).collect();
        let mut blobs: Vec<BlobEntry> = Vec::new();
        let mut sizes: HashMap<Digest, u64> =
            self.manifests.iter().map(|entry| (entry.descriptor.digest, entry.descriptor.size)).collect();
        for (position, entry) in self.manifests.iter().enumerate() {
            let carried = !omitted.contains(&entry.descriptor.digest);
            for (part, descriptor) in entry.raw.iter().flat_map(Graph::blobs_of) {
                let place = || {
                    let mut path = self.path_of_manifest(position);
                    path.push(part.to_string());
                    path
                };
                match sizes.get(&descriptor.digest) {
                    Some(first) if *first != descriptor.size => {
                        let (digest, first, second) = (descriptor.digest, *first, descriptor.size);
                        return Err(GraphError::Sizes { digest, first, second, path: place() });
                    }
                    Some(_) => {}
                    None if !carried || self.is_external(descriptor) => {}
                    None if sizes.len() >= self.limits.entries => {
                        return Err(GraphError::Entries { limit: self.limits.entries });
                    }
                    None => {
                        sizes.insert(descriptor.digest, descriptor.size);
                        blobs.push(BlobEntry { descriptor: descriptor.clone(), manifest: position, part });
                    }
                }
            }
        }
        self.blobs = blobs;
        self.omitted = omitted;
        Ok(self)
    }

    /// The manifests whose blobs no root carries.
    fn find_omitted(&self) -> HashSet<Digest> {
        let (mut omitted, mut carried) = (HashSet::new(), HashSet::new());
        if self.roots.iter().all(|root| root.selection.is_none()) {
            return omitted;
        }
        for root in &self.roots {
            if root.selection.is_none() {
                carried
                    .extend(self.below(&root.descriptor.digest).iter().map(|entry| entry.descriptor.digest));
                continue;
            }
            for leaf in leaves(self, root) {
                if leaf.carried {
                    carried.insert(leaf.digest)
                } else {
                    omitted.insert(leaf.digest)
                };
            }
        }
        omitted.difference(&carried).copied().collect()
    }

    /// Whether the blobs of a manifest are carried, for whichever root.
    pub fn carries(&self, manifest: &Digest) -> bool {
        !self.omitted.contains(manifest) && self.absent(manifest).is_none()
    }

    /// A manifest that an index names and that roots declare as absent: its descriptor is all that is known
    /// of it.
    pub fn absent(&self, digest: &Digest) -> Option<&ManifestEntry> {
        self.absent.positions.get(digest).and_then(|position| self.absent.entries.get(*position))
    }

    /// All that is declared absent and that an index names.
    pub fn all_absent(&self) -> &[ManifestEntry] {
        &self.absent.entries
    }

    /// Manifests that are declared absent, although a root needs them: because they belong to what was
    /// chosen, or because that root doesn't declare it. Each once.
    pub fn lacking(&self) -> Vec<&ManifestEntry> {
        let mut lacking = HashSet::new();
        if !self.absent.entries.is_empty() {
            for root in &self.roots {
                let absent = leaves(self, root).into_iter().filter(|leaf| leaf.absent);
                let needed =
                    absent.filter(|leaf| leaf.carried || root.absent.binary_search(&leaf.digest).is_err());
                lacking.extend(needed.map(|leaf| leaf.digest));
            }
        }
        self.absent.entries.iter().filter(|entry| lacking.contains(&entry.descriptor.digest)).collect()
    }

    /// Where a manifest that is absent would stand.
    pub fn path_of_absent(&self, entry: &ManifestEntry) -> Vec<String> {
        let mut path = entry.parent.map(|parent| self.path_of_manifest(parent)).unwrap_or_default();
        path.push(entry.label.clone());
        path
    }

    /// The manifest of that digest.
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
        path.push(blob.part.to_string());
        path
    }

    /// The blobs that one manifest names, in order, each with its part (repeats included).
    pub fn blobs_of(raw: &RawManifest) -> Vec<(Part, &Descriptor)> {
        match raw.node() {
            Node::Manifest { config, layers } => std::iter::once((Part::Config, config.as_ref()))
                .chain(layers.iter().enumerate().map(|(i, layer)| (Part::Layer(i + 1), layer)))
                .collect(),
            Node::Artifact(blobs) => {
                blobs.iter().enumerate().map(|(i, blob)| (Part::Entry(i + 1), blob)).collect()
            }
            Node::Index(children) => children
                .iter()
                .enumerate()
                .filter(|(_, child)| child.kind() == Kind::Blob)
                .map(|(i, child)| (Part::Entry(i + 1), child))
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

impl Graph {
    /// The manifests below a root in the order in which a registry takes them: those that need no other
    /// first, then those whose children and subject have all gone before, the root last. Those of one step
    /// don't depend on each other.
    pub fn upload_steps(&self, root: &Digest) -> Vec<Vec<&ManifestEntry>> {
        let below = self.below(root);
        let known: HashSet<Digest> = below.iter().map(|entry| entry.descriptor.digest).collect();
        let mut missing: HashMap<Digest, usize> = HashMap::new();
        let mut needed_by: HashMap<Digest, Vec<&ManifestEntry>> = HashMap::new();
        for entry in &below {
            let needs = needs_of(entry, &known);
            missing.insert(entry.descriptor.digest, needs.len());
            needs.into_iter().for_each(|need| needed_by.entry(need).or_default().push(entry));
        }
        let mut steps = Vec::new();
        let is_free = |entry: &&ManifestEntry| missing.get(&entry.descriptor.digest) == Some(&0);
        let mut step: Vec<&ManifestEntry> = below.into_iter().filter(is_free).collect();
        while !step.is_empty() {
            let mut next = Vec::new();
            for entry in step.iter().filter_map(|entry| needed_by.get(&entry.descriptor.digest)).flatten() {
                if let Some(count) = missing.get_mut(&entry.descriptor.digest) {
                    *count -= 1;
                    next.extend((*count == 0).then_some(*entry));
                }
            }
            steps.push(std::mem::replace(&mut step, next));
        }
        steps
    }
}

/// Which of the `known` manifests have to be at a registry before it takes this one: its children, and its
/// subject. The specification has a subject come in either order; not every registry does.
fn needs_of(entry: &ManifestEntry, known: &HashSet<Digest>) -> HashSet<Digest> {
    let children = entry.raw.iter().flat_map(Graph::children_of);
    let subject = entry.raw.as_ref().and_then(RawManifest::subject);
    let needs = children.chain(subject).map(|need| need.digest);
    needs.filter(|need| *need != entry.descriptor.digest && known.contains(need)).collect()
}

fn path(manifests: &[ManifestEntry], roots: &[Root], position: usize) -> Vec<String> {
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
