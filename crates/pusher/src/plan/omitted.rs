//! Children of an index that the bundle doesn't carry.

use airlift_oci::graph::{Leaf, leaves};
use airlift_oci::{Digest, Graph, Platform, Root};

/// A child of an index that the bundle doesn't carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedChild {
    /// The manifest.
    pub digest: Digest,
    /// What people call it: its platform, "attestation of linux/arm64", "manifest 3".
    pub label: String,
    /// What the index says of its platform, the "unknown" of attestations included.
    pub platform: Option<Platform>,
}

/// What the bundle leaves out of an image.
pub(crate) fn omitted_of(graph: &Graph, root: &Root) -> Vec<OmittedChild> {
    let left_out = leaves(graph, root).into_iter().filter(|leaf| !graph.carries(&leaf.digest));
    let child = |leaf: Leaf| {
        let entry = graph.find(&leaf.digest);
        let label = match (&leaf.platform, entry) {
            (Some(platform), _) => platform.shown(),
            (None, Some(entry)) => entry.label.clone(),
            (None, None) => format!("{}…", leaf.digest.short()),
        };
        let own = entry.and_then(|entry| graph.descriptor_of(entry).platform);
        OmittedChild { digest: leaf.digest, label, platform: leaf.platform.or(own) }
    };
    left_out.map(child).collect()
}
