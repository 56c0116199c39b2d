//! The walk itself: says which manifests it wants, takes them, and goes on below.

use std::collections::{HashMap, HashSet};

use super::{Graph, GraphError, Limits, ManifestEntry, path};
use crate::layout::Root;
use crate::media_type::Kind;
use crate::{Descriptor, Digest, Node, RawManifest};

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
