//! What an image is made of, in the terms that people ask for.

use crate::document::platform_of_config;
use crate::graph::{Graph, ManifestEntry};
use crate::manifest::is_image_config;
use crate::{Descriptor, Digest, Node, Platform};

/// A config larger than this is not read for its platform.
pub const MAX_CONFIG: u64 = 4 << 20;

/// The platform of one manifest: as its index names it, else as its config does, which `config` reads. `None` for
/// indexes, attestations and artifacts.
pub fn platform_of(
    entry: &ManifestEntry,
    config: impl FnOnce(&Descriptor) -> Option<Vec<u8>>,
) -> Option<Platform> {
    let Some(Node::Manifest { config: descriptor, .. }) = entry.raw.as_ref().map(crate::RawManifest::node)
    else {
        return None;
    };
    if entry.descriptor.is_attestation() {
        return None;
    }
    match &entry.descriptor.platform {
        Some(platform) if platform.is_unknown() => None,
        Some(platform) => Some(platform.clone()),
        None if is_image_config(&descriptor.media_type) && descriptor.size <= MAX_CONFIG => {
            platform_of_config(&config(descriptor)?)
        }
        None => None,
    }
}

/// The platforms of all images below a root, each once, in the order of their manifests.
pub fn platforms_of(
    graph: &Graph,
    root: &Digest,
    mut config: impl FnMut(&Descriptor) -> Option<Vec<u8>>,
) -> Vec<Platform> {
    let mut platforms = Vec::new();
    for entry in graph.below(root) {
        if let Some(platform) = platform_of(entry, &mut config)
            && !platforms.contains(&platform)
        {
            platforms.push(platform);
        }
    }
    platforms
}

/// The bytes that a root brings in: its manifests and their blobs, each digest once.
pub fn size_of(graph: &Graph, root: &Digest) -> u64 {
    let mut seen = std::collections::HashSet::new();
    let mut size = 0_u64;
    for entry in graph.below(root) {
        if seen.insert(entry.descriptor.digest) {
            size = size.saturating_add(entry.descriptor.size);
        }
        for (_, blob) in entry.raw.iter().flat_map(Graph::blobs_of) {
            if seen.insert(blob.digest) {
                size = size.saturating_add(blob.size);
            }
        }
    }
    size
}
