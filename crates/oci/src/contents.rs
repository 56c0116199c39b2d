//! What one root carries: its platforms, its blobs and their size.

use std::collections::{HashMap, HashSet};

use crate::document::platform_of_config;
use crate::graph::{BlobRole, Graph, Leaf, leaves};
use crate::image_config::MAX_CONFIG;
use crate::layout::Root;
use crate::{Digest, DigestSet, ListedDescriptor, Node, Platform, RawManifest};

/// How the name of a platform begins that only a config names, which isn't there.
const UNNAMED: &str = "unnamed";

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
    mut config: impl FnMut(ListedDescriptor<'_>) -> Option<Vec<u8>>,
) -> Platforms {
    let mut platforms = Platforms::default();
    for leaf in leaves(graph, root) {
        let is_chosen = leaf.carried.is_chosen();
        let named = leaf.platform.clone().or_else(|| {
            let config = config_of(graph, &leaf).filter(|_| is_chosen).map(&mut config)??;
            platform_of_config(&config)
        });
        let list = if is_chosen { &mut platforms.carried } else { &mut platforms.omitted };
        let name = match named {
            Some(platform) => platform.shown(),
            // An attestation goes with its image and is no platform. An image's platform stands in its
            // config, which isn't there.
            None if leaf.platform_in_config && !is_chosen => format!("{UNNAMED} ({}…)", leaf.digest.short()),
            None => continue,
        };
        if !list.contains(&name) {
            list.push(name);
        }
    }
    platforms
}

/// One platform of an image, carried or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformContent {
    /// The platform's name.
    pub platform: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Bytes of its config and layers, each once. 0 for a manifest that the source didn't have.
    pub size: u64,
}

impl PlatformContent {
    /// Whether it may be the same content. The size of a manifest that isn't there is unknown, and a name
    /// that only its config says is too.
    pub(crate) fn agrees_with(&self, other: &PlatformContent) -> bool {
        let is_same_name = self.platform == other.platform || self.is_unnamed() || other.is_unnamed();
        self.digest == other.digest
            && is_same_name
            && (self.size == other.size || self.size == 0 || other.size == 0)
    }

    /// Whether nothing is known of it but its digest.
    pub(crate) fn says_nothing(&self) -> bool {
        self.is_unnamed() && self.size == 0
    }

    fn is_unnamed(&self) -> bool {
        self.platform.starts_with(UNNAMED)
    }
}

/// All platforms of the images below a root, in the order of their manifests. `config` reads configs that
/// alone name a platform.
pub fn platform_contents(
    graph: &Graph,
    root: &Root,
    mut config: impl FnMut(ListedDescriptor<'_>) -> Option<Vec<u8>>,
) -> Vec<PlatformContent> {
    contents_by(graph, root, |leaf| {
        let of_config = || platform_of_config(&config_of(graph, leaf).map(&mut config)??);
        leaf.platform.clone().or_else(of_config)
    })
}

/// As [`platform_contents`]; `platform_of` says of which platform a manifest is.
pub fn contents_by(
    graph: &Graph,
    root: &Root,
    mut platform_of: impl FnMut(&Leaf) -> Option<Platform>,
) -> Vec<PlatformContent> {
    let mut contents = Vec::new();
    for leaf in leaves(graph, root) {
        let platform = match platform_of(&leaf) {
            Some(platform) => platform.shown(),
            None if leaf.platform_in_config => format!("{UNNAMED} ({}…)", leaf.digest.short()),
            None => continue,
        };
        let raw = graph.manifest(&leaf.digest).and_then(|entry| entry.raw.as_ref());
        let blobs = raw.into_iter().flat_map(Graph::blobs_of).map(|(_, blob)| (blob.digest, blob.size));
        let size = sum(blobs.collect::<HashMap<_, _>>().into_values());
        contents.push(PlatformContent { platform, digest: leaf.digest, size });
    }
    contents
}

/// Bytes of the configs and layers that a root carries, each once.
pub fn blob_size_of(graph: &Graph, root: &Root) -> u64 {
    sum(blobs_of_root(graph, root).map(|(_, _, blob)| blob.size))
}

/// The same, if all that it would have is carried: `None` for an image with layers that may stay outside.
/// Some locks count these.
pub fn undisputed_size_of(graph: &Graph, root: &Root) -> Option<u64> {
    let has_foreign =
        || chosen_manifests(graph, root).any(|raw| Graph::blobs_of(raw).any(|(_, blob)| blob.has_urls()));
    (!has_foreign()).then(|| blob_size_of(graph, root))
}

/// The config that names a leaf's platform, where no index does and the config is not too large.
pub fn config_of<'a>(graph: &'a Graph, leaf: &Leaf) -> Option<ListedDescriptor<'a>> {
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
) -> impl Iterator<Item = (&'a RawManifest, BlobRole, ListedDescriptor<'a>)> + use<'a> {
    let raw = chosen_manifests(graph, root);
    let blobs = raw.flat_map(|raw| graph.carried_blobs(raw).map(move |(role, blob)| (raw, role, blob)));
    let mut seen = DigestSet::default();
    blobs.filter(move |(.., blob)| seen.insert(blob.digest, ()))
}

/// The manifests below a root, except those of platforms that were not chosen.
fn chosen_manifests<'a>(graph: &'a Graph, root: &Root) -> impl Iterator<Item = &'a RawManifest> + use<'a> {
    let others = leaves(graph, root).into_iter().filter(|leaf| !leaf.carried.is_chosen());
    let omitted: HashSet<Digest> = others.map(|leaf| leaf.digest).collect();
    let manifests = graph.below(&root.descriptor.digest).into_iter();
    let chosen = manifests.filter(move |entry| !omitted.contains(&entry.descriptor.digest));
    chosen.filter_map(|entry| entry.raw.as_ref())
}

/// The bytes that a root brings in: its manifests and the blobs that it carries, each digest once.
pub fn size_of(graph: &Graph, root: &Root) -> u64 {
    let manifests = graph.below(&root.descriptor.digest);
    let known: DigestSet = manifests.iter().map(|entry| entry.descriptor.digest).collect();
    let blobs = blobs_of_root(graph, root).map(|(_, _, blob)| blob);
    let blobs = blobs.filter(|blob| !known.contains(&blob.digest)).map(|blob| blob.size);
    sum(manifests.iter().map(|entry| entry.descriptor.size).chain(blobs))
}

fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}
