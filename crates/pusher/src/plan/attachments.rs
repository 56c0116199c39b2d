//! What is attached to an image, and where it goes.

use airlift_oci::{Graph, Repository, Root, Selector, Tag, reference};

use crate::plan::manifest_tree::{ContentsFinder, ManifestTree};
use crate::plan::planned_image::PlannedAttached;

/// Plans what is attached to an image. It goes to the image's `repository`.
pub(crate) fn plan_attached(
    graph: &Graph,
    image: &Root,
    attached: Vec<&Root>,
    repository: &Repository,
    contents: &mut ContentsFinder<'_>,
) -> Vec<PlannedAttached> {
    let mut planned = Vec::new();
    for root in attached {
        for digest in graph.attached_manifests(root) {
            let is_listed = digest != root.descriptor.digest;
            let selector = if is_listed { Selector::Digest(digest) } else { selector(root) };
            let tree = ManifestTree {
                digest,
                repository: repository.clone(),
                selector,
                name: format!("{} (attached)", image.name()),
                contents: contents.of(&digest),
            };
            let raw = graph.manifest(&digest).and_then(|entry| entry.raw.as_ref());
            planned.push(PlannedAttached {
                target: tree.target(),
                digest,
                subject: root.subject,
                artifact_type: raw.and_then(|raw| raw.artifact_type()).map(str::to_owned),
                tree,
            });
        }
    }
    planned
}

/// Where something attached goes: to its own tag if it has one, as cosign's signatures have, else to its
/// digest.
fn selector(root: &Root) -> Selector {
    let tag = root.reference.as_deref().and_then(reference::tag_of).and_then(|tag| tag.parse::<Tag>().ok());
    tag.map_or(Selector::Digest(root.descriptor.digest), Selector::Tag)
}
