//! What an image is made of, in the terms that people ask for.

use std::collections::{HashMap, HashSet};

use crate::document::platform_of_config;
use crate::graph::{Graph, Leaf, leaves};
use crate::image_config::MAX_CONFIG;
use crate::layout::{Root, repository_of};
use crate::{Descriptor, Digest, Node, Platform, RawManifest};

/// An image's platforms, by name, each once, in the order of their manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platforms {
    /// Those whose configs and layers are carried.
    pub carried: Vec<String>,
    /// Those that were left out by choice.
    pub omitted: Vec<String>,
}

/// The platforms of the images below a root. `config` reads configs that alone name a platform; it is only
/// asked for those that are carried.
pub fn platforms_of(
    graph: &Graph,
    root: &Root,
    mut config: impl FnMut(&Descriptor) -> Option<Vec<u8>>,
) -> Platforms {
    let mut platforms = Platforms::default();
    for leaf in leaves(graph, root) {
        let named = leaf.platform.clone().or_else(|| {
            let config = config_of(graph, &leaf).filter(|_| leaf.carried).map(&mut config)??;
            platform_of_config(&config)
        });
        let list = if leaf.carried { &mut platforms.carried } else { &mut platforms.omitted };
        let name = match named {
            Some(platform) => display(&platform),
            // An attestation goes with its image and is no platform; of an image's, only the config would
            // tell.
            None if leaf.platform_in_config && !leaf.carried => format!("unnamed ({}…)", leaf.digest.short()),
            None => continue,
        };
        if !list.contains(&name) {
            list.push(name);
        }
    }
    platforms
}

/// A platform for people: normalised, control characters escaped.
pub fn display(platform: &Platform) -> String {
    platform.normalised().to_string().escape_debug().to_string()
}

/// The config that names a leaf's platform, where no index does and it is small enough to be one.
pub fn config_of<'a>(graph: &'a Graph, leaf: &Leaf) -> Option<&'a Descriptor> {
    let raw = graph.manifest(&leaf.digest).filter(|_| leaf.platform_in_config)?.raw.as_ref()?;
    match raw.node() {
        Node::Manifest { config, .. } if config.size <= MAX_CONFIG => Some(config),
        _ => None,
    }
}

/// The blobs that a root carries, each once, with the manifest that names it first.
pub fn blobs_of_root<'a>(
    graph: &'a Graph,
    root: &Root,
) -> Vec<(&'a RawManifest, crate::graph::Part, &'a Descriptor)> {
    let omitted: HashSet<Digest> =
        leaves(graph, root).into_iter().filter(|leaf| !leaf.carried).map(|leaf| leaf.digest).collect();
    let mut seen = HashSet::new();
    let mut blobs = Vec::new();
    for entry in graph.below(&root.descriptor.digest) {
        let Some(raw) = entry.raw.as_ref().filter(|_| !omitted.contains(&entry.descriptor.digest)) else {
            continue;
        };
        for (part, blob) in Graph::blobs_of(raw) {
            if !graph.is_external(blob) && seen.insert(blob.digest) {
                blobs.push((raw, part, blob));
            }
        }
    }
    blobs
}

/// The bytes that a root brings in: its manifests and the blobs that it carries, each digest once.
pub fn size_of(graph: &Graph, root: &Root) -> u64 {
    let manifests = graph.below(&root.descriptor.digest);
    let known: HashSet<Digest> = manifests.iter().map(|entry| entry.descriptor.digest).collect();
    let blobs = blobs_of_root(graph, root).into_iter().map(|(_, _, blob)| blob);
    let blobs = blobs.filter(|blob| !known.contains(&blob.digest)).map(|blob| blob.size);
    manifests.iter().map(|entry| entry.descriptor.size).chain(blobs).fold(0, u64::saturating_add)
}

/// The roots that are attached to an image, directly or not: see [`Attachments::to`].
pub fn attached_to<'a>(graph: &'a Graph, image: &Root) -> Vec<&'a Root> {
    Attachments::new(graph).to(image)
}

/// What is attached to what.
pub struct Attachments<'a> {
    graph: &'a Graph,
    /// By subject: a chain of attachments, each of the one before, takes as many steps as it has links.
    by_subject: HashMap<Digest, Vec<(usize, &'a Root)>>,
}

impl<'a> Attachments<'a> {
    /// Gathers it from the roots.
    pub fn new(graph: &'a Graph) -> Self {
        let mut by_subject: HashMap<Digest, Vec<(usize, &Root)>> = HashMap::new();
        for (position, root) in graph.roots.iter().enumerate() {
            if let Some(subject) = root.subject {
                by_subject.entry(subject).or_default().push((position, root));
            }
        }
        Attachments { graph, by_subject }
    }

    /// The roots that are attached to an image, directly or not, each after what it is attached to: those
    /// whose subject is one of its manifests, or a manifest of one of those, and that are of the same
    /// repository, or name none.
    pub fn to(&self, image: &Root) -> Vec<&'a Root> {
        if self.by_subject.is_empty() {
            return Vec::new();
        }
        let home = image.reference.as_deref().and_then(repository_of);
        let belongs = |root: &Root| {
            let repository = root.reference.as_deref().and_then(repository_of);
            repository.is_none() || repository == home
        };
        let manifests_of = |root: &Root| {
            self.graph.below(&root.descriptor.digest).into_iter().map(|entry| entry.descriptor.digest)
        };
        let mut subjects: Vec<Digest> = manifests_of(image).collect();
        let (mut found, mut asked) = (Vec::new(), HashSet::new());
        loop {
            let fresh = subjects.iter().filter(|subject| asked.insert(**subject));
            let reached = fresh.filter_map(|subject| self.by_subject.get(subject)).flatten();
            let mut reached: Vec<(usize, &Root)> =
                reached.filter(|(_, root)| belongs(root)).copied().collect();
            if reached.is_empty() {
                break;
            }
            reached.sort_by_key(|(position, _)| *position);
            subjects = reached.iter().flat_map(|(_, root)| manifests_of(root)).collect();
            found.extend(reached);
        }
        found.into_iter().map(|(_, root)| root).collect()
    }
}
