//! The walk itself: says which manifests it wants, takes them, and goes on below.

use std::collections::{HashMap, HashSet};

use super::{Graph, GraphError, Limits, ManifestEntry, path};
use crate::layout::{Root, shown};
use crate::media_type::Kind;
use crate::{Descriptor, Digest, Node, RawManifest, media_type};

/// Walks from roots to blobs, a level at a time.
#[derive(Debug)]
pub struct GraphBuilder {
    limits: Limits,
    roots: Vec<Root>,
    manifests: Vec<ManifestEntry>,
    positions: HashMap<Digest, usize>,
    absent: Absent,
    per_root: Vec<usize>,
    /// What all manifests are said to have.
    bytes: u64,
    /// Manifests before this one are settled; the rest is the current level, which is wanted.
    settled: usize,
}

impl GraphBuilder {
    /// Starts at `roots`, which are in `index.json`'s order.
    pub fn new(roots: Vec<Root>, limits: Limits) -> Result<Self, GraphError> {
        if roots.len() > limits.images {
            return Err(GraphError::Images { count: roots.len(), limit: limits.images });
        }
        let mut builder = GraphBuilder {
            limits,
            absent: Absent::of(&roots),
            per_root: vec![0; roots.len()],
            bytes: 0,
            manifests: Vec::new(),
            positions: HashMap::new(),
            settled: 0,
            roots: Vec::new(),
        };
        for (root, entry) in roots.iter().enumerate() {
            let label = || entry.name();
            builder.discover(&entry.descriptor, Origin { root, parent: None, level: 0, label }, &roots)?;
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
        let labels = Labels::of(&children);
        for (number, child) in children.iter().enumerate() {
            if child.kind() == Kind::Blob && !child.media_type.is_empty() && spelling_of(child).is_none() {
                continue;
            }
            let label = || labels.label(number);
            self.discover(child, Origin { root, parent: Some(position), level, label }, roots)?;
        }
        Ok(())
    }

    fn discover<L: Fn() -> String>(
        &mut self,
        descriptor: &Descriptor,
        origin: Origin<L>,
        roots: &[Root],
    ) -> Result<(), GraphError> {
        let path = || {
            let mut labels = origin.parent.map(|p| path(&self.manifests, roots, p)).unwrap_or_default();
            labels.push((origin.label)());
            labels
        };
        match descriptor.kind() {
            Kind::Schema1 => return Err(GraphError::Schema1 { path: path() }),
            Kind::Blob => {
                let (path, media_type) = (path(), descriptor.media_type.clone());
                return Err(match spelling_of(descriptor) {
                    Some(known) => GraphError::Spelling { path, media_type, known },
                    None => GraphError::MediaType { path, media_type },
                });
            }
            Kind::Index | Kind::Manifest => {}
        }
        if origin.parent.is_some() && self.absent.digests.contains(&descriptor.digest) {
            return self.note_absent(descriptor, origin);
        }
        if let Some(known) = self.positions.get(&descriptor.digest) {
            let first = &self.manifests[*known].descriptor;
            let digest = descriptor.digest;
            if first.size != descriptor.size {
                let (first, second) = (first.size, descriptor.size);
                return Err(GraphError::Sizes { digest, first, second, path: path() });
            }
            if first.media_type != descriptor.media_type {
                let (first, second) = (first.media_type.clone(), descriptor.media_type.clone());
                return Err(GraphError::MediaTypes { digest, first, second, path: path() });
            }
            return Ok(());
        }
        if origin.level > self.limits.depth {
            return Err(GraphError::Depth { path: path(), limit: self.limits.depth });
        }
        self.per_root[origin.root] += 1;
        if self.per_root[origin.root] > self.limits.manifests_per_root {
            let root = roots[origin.root].name();
            return Err(GraphError::Manifests { root, limit: self.limits.manifests_per_root });
        }
        if self.manifests.len() >= self.limits.entries {
            return Err(GraphError::Entries { limit: self.limits.entries });
        }
        self.bytes = self.bytes.saturating_add(descriptor.size);
        if self.bytes > self.limits.manifest_bytes {
            return Err(GraphError::Bytes { limit: self.limits.manifest_bytes });
        }
        self.positions.insert(descriptor.digest, self.manifests.len());
        let Origin { root, parent, level, label } = origin;
        let (descriptor, label) = (descriptor.clone(), label());
        self.manifests.push(ManifestEntry { descriptor, raw: None, root, parent, level, label });
        Ok(())
    }

    /// A manifest that isn't there on purpose: it is known by its descriptor alone.
    fn note_absent<L: Fn() -> String>(
        &mut self,
        descriptor: &Descriptor,
        origin: Origin<L>,
    ) -> Result<(), GraphError> {
        if self.absent.positions.contains_key(&descriptor.digest) {
            return Ok(());
        }
        if self.manifests.len() + self.absent.entries.len() >= self.limits.entries {
            return Err(GraphError::Entries { limit: self.limits.entries });
        }
        let Origin { root, parent, level, label } = origin;
        self.absent.positions.insert(descriptor.digest, self.absent.entries.len());
        let (descriptor, label) = (descriptor.clone(), label());
        self.absent.entries.push(ManifestEntry { descriptor, raw: None, root, parent, level, label });
        Ok(())
    }

    /// Collects the blobs that the roots' selections carry. Whatever is still wanted counts as not to be had.
    pub fn finish(self) -> Result<Graph, GraphError> {
        let GraphBuilder { limits, roots, manifests, positions, absent, .. } = self;
        let (omitted, external) = (HashSet::new(), HashSet::new());
        let graph =
            Graph { roots, manifests, blobs: Vec::new(), positions, absent, omitted, external, limits };
        graph.check_work()?;
        graph.with_blobs()
    }
}

/// The manifest's type that a descriptor spells in another way.
fn spelling_of(descriptor: &Descriptor) -> Option<&'static str> {
    media_type::respelled(&descriptor.media_type)
}

/// Manifests that roots declare as absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Absent {
    digests: HashSet<Digest>,
    /// Those that were met, at their first place.
    pub(super) entries: Vec<ManifestEntry>,
    pub(super) positions: HashMap<Digest, usize>,
}

impl Absent {
    /// What is a root itself is there.
    fn of(roots: &[Root]) -> Self {
        let mut digests: HashSet<Digest> =
            roots.iter().flat_map(|root| root.absent.iter().copied()).collect();
        roots.iter().for_each(|root| {
            digests.remove(&root.descriptor.digest);
        });
        Absent { digests, ..Self::default() }
    }
}

/// How the walk came to a manifest.
struct Origin<L> {
    root: usize,
    parent: Option<usize>,
    level: usize,
    /// Made where it is needed: most descriptors of a hostile index are repeats.
    label: L,
}

/// The children of one index, by what people call them.
struct Labels<'a> {
    siblings: &'a [Descriptor],
    positions: HashMap<Digest, usize>,
}

impl<'a> Labels<'a> {
    fn of(siblings: &'a [Descriptor]) -> Self {
        let mut positions = HashMap::new();
        if siblings.iter().any(Descriptor::is_attestation) {
            for (position, sibling) in siblings.iter().enumerate() {
                positions.entry(sibling.digest).or_insert(position);
            }
        }
        Labels { siblings, positions }
    }

    /// A child's name among its siblings.
    fn label(&self, number: usize) -> String {
        let child = &self.siblings[number];
        let platform_of = |descriptor: &Descriptor| {
            let platform = descriptor.platform.as_ref().filter(|platform| !platform.is_unknown())?;
            Some(shown(&platform.normalised().to_string()))
        };
        if child.is_attestation() {
            let of = child.attested().and_then(|subject| self.positions.get(&subject));
            return match of.and_then(|position| platform_of(&self.siblings[*position])) {
                Some(platform) => format!("attestation of {platform}"),
                None => format!("attestation {}", number + 1),
            };
        }
        match (platform_of(child), child.kind()) {
            (Some(platform), _) => platform,
            (None, Kind::Index) => format!("index {}", number + 1),
            (None, _) => format!("manifest {}", number + 1),
        }
    }
}
