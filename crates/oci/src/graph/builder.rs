//! The walk itself: says which manifests it wants, takes them, and goes on below.

use std::collections::HashSet;

use super::absent::Absent;
use super::entries::ManifestEntry;
use super::labels::Labels;
use super::limits::{GraphError, Limits};
use super::lookup::{Graph, descriptor_of, path};
use super::select_blobs::check_work;
use crate::layout::Root;
use crate::media_type::Kind;
use crate::{BareDescriptor, Carried, Descriptor, DigestMap, Node, RawManifest, media_type};

/// Walks from roots to blobs, a level at a time.
#[derive(Debug)]
pub struct GraphBuilder {
    limits: Limits,
    roots: Vec<Root>,
    manifests: Vec<ManifestEntry>,
    positions: DigestMap<usize>,
    absent: Absent,
    per_root: Vec<usize>,
    /// What all manifests are said to have.
    bytes: u64,
    /// Manifests before this one are settled; the rest is the current level, which is wanted.
    settled: usize,
}

impl GraphBuilder {
    /// Starts at `roots`, which are in `index.json`'s order.
    ///
    /// # Errors
    /// If there are too many roots, or one of them is no manifest or disagrees with another on its digest's
    /// size or type.
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
            positions: DigestMap::default(),
            settled: 0,
            roots: Vec::new(),
        };
        for (root, entry) in roots.iter().enumerate() {
            let label = || entry.name();
            let origin = Origin { root, parent: None, listed: 0, level: 0, label };
            builder.discover(&entry.descriptor, origin, &roots)?;
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

    /// How a wanted manifest's parent, or its root, names it.
    pub fn descriptor_of(&self, wanted: &ManifestEntry) -> Descriptor {
        descriptor_of(&self.manifests, &self.roots, wanted)
    }

    /// Takes the answers for all that was wanted, in that order; `None` for what can't be had.
    ///
    /// # Errors
    /// If the graph passes a limit, or a descriptor in it can't be followed: the graph is refused then.
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
        let children = children.read();
        let labels = Labels::of(&children);
        for (number, child) in children.iter().enumerate() {
            if child.kind() == Kind::Blob && !child.media_type.is_empty() && spelling_of(child).is_none() {
                continue;
            }
            let label = || labels.label(number);
            let origin = Origin { root, parent: Some(position), listed: number, level, label };
            self.discover(child, origin, roots)?;
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
        check_kind(descriptor, path)?;
        if origin.parent.is_some() && self.absent.digests.contains(&descriptor.digest) {
            return self.note_absent(descriptor, origin);
        }
        if let Some(known) = self.positions.get(&descriptor.digest) {
            return check_repeat(&self.manifests[*known].descriptor, descriptor, path);
        }
        if origin.level > self.limits.depth {
            return Err(GraphError::Depth { path: path(), limit: self.limits.depth });
        }
        self.count(descriptor, origin.root, roots)?;
        self.positions.insert(descriptor.digest, self.manifests.len());
        self.manifests.push(origin.entry(descriptor, Carried::Yes));
        Ok(())
    }

    /// Counts a manifest that is met for the first time, and refuses it where it is one too many.
    fn count(&mut self, descriptor: &Descriptor, root: usize, roots: &[Root]) -> Result<(), GraphError> {
        let Limits { manifests_per_root, entries, manifest_bytes, .. } = self.limits;
        self.per_root[root] += 1;
        if self.per_root[root] > manifests_per_root {
            return Err(GraphError::Manifests { root: roots[root].name(), limit: manifests_per_root });
        }
        if self.manifests.len() >= entries {
            return Err(GraphError::Entries { limit: entries });
        }
        self.bytes = self.bytes.saturating_add(descriptor.size);
        if self.bytes > manifest_bytes {
            return Err(GraphError::Bytes { limit: manifest_bytes });
        }
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
        self.absent.positions.insert(descriptor.digest, self.absent.entries.len());
        self.absent.entries.push(origin.entry(descriptor, Carried::Absent));
        Ok(())
    }

    /// Collects the blobs that the roots' selections carry. Whatever is still wanted counts as not to be had.
    ///
    /// # Errors
    /// If the graph passes a limit, or two descriptors of one blob name different sizes.
    pub fn finish(self) -> Result<Graph, GraphError> {
        let GraphBuilder { limits, roots, manifests, positions, absent, .. } = self;
        let (blobs, external) = (Vec::new(), HashSet::new());
        let graph = Graph { roots, manifests, blobs, positions, absent, external, limits };
        check_work(&graph)?;
        graph.with_carried()
    }
}

/// Refuses descriptors that name no manifest, or not in the way that all readers understand.
fn check_kind(descriptor: &Descriptor, path: impl Fn() -> Vec<String>) -> Result<(), GraphError> {
    match descriptor.kind() {
        Kind::Index | Kind::Manifest => Ok(()),
        Kind::Schema1 => Err(GraphError::Schema1 { path: path() }),
        Kind::Blob => {
            let (path, media_type) = (path(), descriptor.media_type.clone());
            Err(match spelling_of(descriptor) {
                Some(known) => GraphError::Spelling { path, media_type, known },
                None => GraphError::MediaType { path, media_type },
            })
        }
    }
}

/// Refuses a second descriptor of a digest that differs from the `first`: one of them is wrong.
fn check_repeat(
    first: &BareDescriptor,
    second: &Descriptor,
    path: impl Fn() -> Vec<String>,
) -> Result<(), GraphError> {
    let digest = first.digest;
    if first.size != second.size {
        let (first, second) = (first.size, second.size);
        return Err(GraphError::Sizes { digest, first, second, path: path() });
    }
    if first.media_type != second.media_type {
        let (first, second) = (first.media_type.to_string(), second.media_type.clone());
        return Err(GraphError::MediaTypes { digest, first, second, path: path() });
    }
    Ok(())
}

/// The manifest's type that a descriptor spells in another way.
fn spelling_of(descriptor: &Descriptor) -> Option<&'static str> {
    media_type::respelled(&descriptor.media_type)
}

/// How the walk came to a manifest.
struct Origin<L> {
    root: usize,
    parent: Option<usize>,
    /// The position among all that the parent lists.
    listed: usize,
    level: usize,
    /// Made where it is needed: most descriptors of a hostile index are repeats.
    label: L,
}

impl<L: Fn() -> String> Origin<L> {
    fn entry(self, descriptor: &Descriptor, carried: Carried) -> ManifestEntry {
        let Origin { root, parent, listed, level, label } = self;
        // A manifest of 4 MiB lists fewer.
        let (listed, label) = (listed as u32, label());
        ManifestEntry {
            descriptor: descriptor.into(),
            raw: None,
            root,
            parent,
            listed,
            level,
            carried,
            label,
        }
    }
}
