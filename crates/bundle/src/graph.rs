//! The graph below a bundle's roots, walked level by level without doing any I/O.
//!
//! A [`GraphBuilder`] says which manifests it wants next; whoever drives it gets them, from a registry or an archive, and
//! supplies them. Walks iterate and never recurse, visit a digest once, and stop at [`Limits`].

use std::collections::{HashMap, HashSet};

use crate::layout::Root;
use crate::media_type::Kind;
use crate::selection::{self, Selection};
use crate::{Descriptor, Digest, Node, RawManifest};

/// How large a graph may be before it is taken for an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Levels of manifests below a root.
    pub depth: usize,
    /// Manifests that one root brings in.
    pub manifests_per_root: usize,
    /// Manifests and blobs in all.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 8, manifests_per_root: 4_096, entries: 1_000_000 }
    }
}

/// Why a graph was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Indexes within indexes without end.
    #[error("{} nests deeper than {limit} levels of indexes", .path.join(" → "))]
    Depth {
        /// Where the walk stood.
        path: Vec<String>,
        /// The limit.
        limit: usize,
    },
    /// A root with absurdly many manifests.
    #[error("{root} has more than {limit} manifests")]
    Manifests {
        /// The root.
        root: String,
        /// The limit.
        limit: usize,
    },
    /// Absurdly many entries in all.
    #[error("the images hold more than {limit} manifests and blobs")]
    Entries {
        /// The limit.
        limit: usize,
    },
    /// Two descriptors name the same digest with different sizes, so one of them is wrong.
    #[error("{digest} is said to have {first} bytes in one place and {second} in another ({})", .path.join(" → "))]
    Sizes {
        /// The content.
        digest: Digest,
        /// The size met first.
        first: u64,
        /// The other one.
        second: u64,
        /// Where the other one stands.
        path: Vec<String>,
    },
    /// Two descriptors name the same manifest with different media types, so one of them is wrong.
    #[error("{digest} is said to be '{}' in one place and '{}' in another ({})", .first.escape_debug(), .second.escape_debug(), .path.join(" → "))]
    MediaTypes {
        /// The manifest.
        digest: Digest,
        /// The type met first.
        first: String,
        /// The other one.
        second: String,
        /// Where the other one stands.
        path: Vec<String>,
    },
    /// A child that no tool could carry unchanged.
    #[error("{} is of Docker's schema 1, which has no stable digest and can't be carried", .path.join(" → "))]
    Schema1 {
        /// Where it stands.
        path: Vec<String>,
    },
    /// A root or child whose descriptor doesn't say what it is.
    #[error("{} is of type '{}', which is neither an image index nor a manifest", .path.join(" → "), .media_type.escape_debug())]
    MediaType {
        /// Where it stands.
        path: Vec<String>,
        /// What it calls itself.
        media_type: String,
    },
}

/// What a blob is to the manifest that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The config.
    Config,
    /// The layer of that number, counted from 1.
    Layer(usize),
    /// The entry of an index, counted from 1, that is no manifest (build caches have such).
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
    /// Manifests whose blobs no root carries.
    omitted: HashSet<Digest>,
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

    /// Collects the blobs of all manifests that some root carries.
    fn with_blobs(mut self) -> Result<Self, GraphError> {
        let omitted = self.find_omitted();
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
                    None if !carried => {}
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
            for leaf in selection::leaves(self, root) {
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
        !self.omitted.contains(manifest)
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
            Node::Manifest { .. } => Vec::new(),
            Node::Index(children) => children.iter().filter(|child| child.kind() != Kind::Blob).collect(),
        }
    }

    /// The manifests below a root, itself first, parents before children, each once.
    pub fn below(&self, root: &Digest) -> Vec<&ManifestEntry> {
        let mut seen = std::collections::HashSet::from([*root]);
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
    /// The manifests below a root in the order in which a registry takes them: those without children first, then those
    /// whose children have all gone before, the root last. Those of one step don't depend on each other.
    pub fn upload_steps(&self, root: &Digest) -> Vec<Vec<&ManifestEntry>> {
        let below = self.below(root);
        let mut heights: HashMap<Digest, usize> = HashMap::new();
        // Each pass settles at least one more level, and the walk's depth is limited.
        for _ in 0..=below.len() {
            let mut changed = false;
            for entry in below.iter().rev() {
                let children = entry.raw.iter().flat_map(Graph::children_of);
                let height = children
                    .filter(|child| child.digest != entry.descriptor.digest)
                    .map(|child| heights.get(&child.digest).map_or(0, |height| height + 1))
                    .max()
                    .unwrap_or(0);
                changed |= heights.insert(entry.descriptor.digest, height) != Some(height);
            }
            if !changed {
                break;
            }
        }
        let mut steps: Vec<Vec<&ManifestEntry>> = Vec::new();
        for entry in below {
            let height = heights.get(&entry.descriptor.digest).copied().unwrap_or(0);
            steps.resize_with(steps.len().max(height + 1), Vec::new);
            steps[height].push(entry);
        }
        steps
    }
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

/// Walks from roots to blobs, a level at a time.
#[derive(Debug)]
pub struct GraphBuilder {
    limits: Limits,
    roots: Vec<Root>,
    manifests: Vec<ManifestEntry>,
    positions: HashMap<Digest, usize>,
    per_root: Vec<usize>,
    /// Manifests before this one are settled; the rest is the current level, which is wanted.
    settled: usize,
}

impl GraphBuilder {
    /// Starts at `roots`, which are in `index.json`'s order.
    pub fn new(roots: Vec<Root>, limits: Limits) -> Result<Self, GraphError> {
        let mut builder = GraphBuilder {
            limits,
            per_root: vec![0; roots.len()],
            manifests: Vec::new(),
            positions: HashMap::new(),
            settled: 0,
            roots: Vec::new(),
        };
        for (root, entry) in roots.iter().enumerate() {
            let label = entry.name();
            builder.discover(
                entry.descriptor.clone(),
                Origin { root, parent: None, level: 0, label },
                &roots,
            )?;
        }
        builder.roots = roots;
        Ok(builder)
    }

    /// The manifests that are needed next; empty when the walk is over.
    pub fn wanted(&self) -> &[ManifestEntry] {
        self.manifests.get(self.settled..).unwrap_or_default()
    }

    /// Where a wanted manifest stands, for messages.
    pub fn path_of(&self, wanted: usize) -> Vec<String> {
        path(&self.manifests, &self.roots, self.settled + wanted)
    }

    /// Takes the answers for all that was wanted, in that order; `None` for what can't be had.
    pub fn supply(&mut self, answers: Vec<Option<RawManifest>>) -> Result<(), GraphError> {
        let (start, end) = (self.settled, self.manifests.len());
        for (entry, answer) in self.manifests[start..end].iter_mut().zip(answers) {
            entry.raw = answer;
        }
        self.settled = end;
        let roots = std::mem::take(&mut self.roots);
        let outcome = (start..end).try_for_each(|position| self.descend(position, &roots));
        self.roots = roots;
        outcome
    }

    fn descend(&mut self, position: usize, roots: &[Root]) -> Result<(), GraphError> {
        let parent = &self.manifests[position];
        let Some(Node::Index(children)) = parent.raw.as_ref().map(RawManifest::node) else {
            return Ok(());
        };
        let (root, level) = (parent.root, parent.level + 1);
        let children = children.clone();
        for (number, child) in children.iter().enumerate() {
            if child.kind() == Kind::Blob && !child.media_type.is_empty() {
                continue;
            }
            let label = label(&children, number);
            self.discover(child.clone(), Origin { root, parent: Some(position), level, label }, roots)?;
        }
        Ok(())
    }

    fn discover(&mut self, descriptor: Descriptor, origin: Origin, roots: &[Root]) -> Result<(), GraphError> {
        let path = |origin: &Origin| {
            let mut labels = origin.parent.map(|p| path(&self.manifests, roots, p)).unwrap_or_default();
            labels.push(origin.label.clone());
            labels
        };
        match descriptor.kind() {
            Kind::Schema1 => return Err(GraphError::Schema1 { path: path(&origin) }),
            Kind::Blob => {
                return Err(GraphError::MediaType { path: path(&origin), media_type: descriptor.media_type });
            }
            Kind::Index | Kind::Manifest => {}
        }
        if let Some(known) = self.positions.get(&descriptor.digest) {
            let first = &self.manifests[*known].descriptor;
            let (digest, path) = (descriptor.digest, path(&origin));
            if first.size != descriptor.size {
                return Err(GraphError::Sizes { digest, first: first.size, second: descriptor.size, path });
            }
            if first.media_type != descriptor.media_type {
                let (first, second) = (first.media_type.clone(), descriptor.media_type);
                return Err(GraphError::MediaTypes { digest, first, second, path });
            }
            return Ok(());
        }
        if origin.level > self.limits.depth {
            return Err(GraphError::Depth { path: path(&origin), limit: self.limits.depth });
        }
        self.per_root[origin.root] += 1;
        if self.per_root[origin.root] > self.limits.manifests_per_root {
            let root = roots[origin.root].name();
            return Err(GraphError::Manifests { root, limit: self.limits.manifests_per_root });
        }
        if self.manifests.len() >= self.limits.entries {
            return Err(GraphError::Entries { limit: self.limits.entries });
        }
        self.positions.insert(descriptor.digest, self.manifests.len());
        let Origin { root, parent, level, label } = origin;
        self.manifests.push(ManifestEntry { descriptor, raw: None, root, parent, level, label });
        Ok(())
    }

    /// Collects the blobs that the roots' selections carry. Whatever is still wanted counts as not to be had.
    pub fn finish(self) -> Result<Graph, GraphError> {
        let GraphBuilder { limits, roots, manifests, positions, .. } = self;
        Graph { roots, manifests, blobs: Vec::new(), positions, omitted: HashSet::new(), limits }.with_blobs()
    }
}

/// How the walk came to a manifest.
struct Origin {
    root: usize,
    parent: Option<usize>,
    level: usize,
    label: String,
}

/// A child's name among its siblings, for people.
fn label(siblings: &[Descriptor], number: usize) -> String {
    let child = &siblings[number];
    let platform_of = |descriptor: &Descriptor| {
        descriptor
            .platform
            .as_ref()
            .filter(|platform| !platform.is_unknown())
            .map(|platform| platform.normalised().to_string())
    };
    if child.is_attestation() {
        let subject: Option<Digest> =
            child.annotations.get(crate::descriptor::REFERENCE_DIGEST).and_then(|text| text.parse().ok());
        let of = siblings.iter().find(|sibling| subject == Some(sibling.digest));
        return match of.and_then(platform_of) {
            Some(platform) => format!("attestation of {}", platform.escape_debug()),
            None => format!("attestation {}", number + 1),
        };
    }
    match (platform_of(child), child.kind()) {
        (Some(platform), _) => platform.escape_debug().to_string(),
        (None, Kind::Index) => format!("index {}", number + 1),
        (None, _) => format!("manifest {}", number + 1),
    }
}
