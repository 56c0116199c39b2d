//! The platforms' manifests of an image that goes without its index, and their tags.

use std::collections::{HashMap, HashSet};

use airlift_oci::graph::leaves;
use airlift_oci::{Digest, Graph, Reference, Root, Selector, Tag};

use crate::plan::manifest_tree::{ContentsFinder, ManifestTree};
use crate::plan::planned_image::{PlannedPlatform, WithoutIndex};
use crate::source::ContentSource;

/// Plans an image that goes without its index. `target` and `name` are those of the image.
///
/// Attestations speak of their image within the index and nowhere else. No client would find them without it,
/// so they stay behind.
pub(crate) fn without_index(
    source: &dyn ContentSource,
    root: &Root,
    (target, name): (&Reference, &str),
    contents: &mut ContentsFinder<'_>,
) -> WithoutIndex {
    let graph = source.graph();
    let mut tags = HashSet::new();
    let mut planned = WithoutIndex::default();
    // In the order in which a registry takes them: one may be the subject of another.
    let step = upload_step_of(graph, &root.descriptor.digest);
    let mut leaves = leaves(graph, root);
    leaves.sort_by_key(|leaf| step.get(&leaf.digest).copied());
    for leaf in leaves.into_iter().filter(|leaf| leaf.carried.is_chosen()) {
        let digest = leaf.digest;
        if graph.manifest(&digest).is_some_and(|entry| graph.descriptor_of(entry).is_attestation()) {
            planned.attestations.push(digest);
            continue;
        }
        let platform = source.platform_of(&leaf).map(|platform| platform.shown());
        let selector = platform_tag(target, platform.as_deref(), &digest, &mut tags)
            .map_or(Selector::Digest(digest), Selector::Tag);
        let label = platform.clone().unwrap_or_else(|| format!("{}…", digest.short()));
        let tree = ManifestTree {
            digest,
            repository: target.repository().clone(),
            selector,
            name: format!("{name} {label}"),
            contents: contents.of(&digest),
        };
        planned.platforms.push(PlannedPlatform { tree, platform });
    }
    planned
}

/// The step of the upload in which each manifest below a root goes.
fn upload_step_of(graph: &Graph, root: &Digest) -> HashMap<Digest, usize> {
    let steps = graph.upload_steps(root).into_iter().enumerate();
    steps.flat_map(|(at, step)| step.into_iter().map(move |entry| (entry.descriptor.digest, at))).collect()
}

/// The tag of one platform's manifest: `1.27-linux-arm-v7`; with the digest's start where that is taken or
/// says nothing.
fn platform_tag(
    target: &Reference,
    platform: Option<&str>,
    digest: &Digest,
    taken: &mut HashSet<String>,
) -> Option<Tag> {
    let base = target.tag()?;
    let words =
        platform.unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let named = std::iter::once(base).chain(words.iter().copied()).collect::<Vec<_>>().join("-");
    let by_digest = format!("{named}-{}", digest.short());
    let tries = if words.is_empty() { vec![by_digest] } else { vec![named, by_digest] };
    let last = format!("airlift-{}", digest.short());
    let mut free = tries.into_iter().chain([last]).filter(|tag| !taken.contains(tag));
    let tag = free.find_map(|tag| tag.parse::<Tag>().ok())?;
    taken.insert(tag.to_string());
    Some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_child_gets_a_tag_of_its_own() {
        let target: Reference = "r.example/team/web:1.27".parse().unwrap();
        let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
        let mut taken = HashSet::new();
        let mut tag =
            |platform, digest| platform_tag(&target, platform, digest, &mut taken).unwrap().to_string();
        assert_eq!(tag(Some("linux/arm/v7"), &one), "1.27-linux-arm-v7");
        assert_eq!(tag(Some("windows(10.0.17763.1)/amd64"), &one), "1.27-windows-10.0.17763.1-amd64");
        assert_eq!(tag(Some("linux/arm/v7"), &two), format!("1.27-linux-arm-v7-{}", two.short()));
        assert_eq!(tag(None, &one), format!("1.27-{}", one.short()));
        let long: Reference = format!("r.example/team/web:{}", "x".repeat(128)).parse().unwrap();
        let tag = platform_tag(&long, Some("linux/amd64"), &one, &mut HashSet::new()).unwrap();
        assert_eq!(tag.to_string(), format!("airlift-{}", one.short()));
        let pinned = Reference::pinned(target.repository().clone(), one);
        assert!(platform_tag(&pinned, Some("linux/amd64"), &one, &mut HashSet::new()).is_none());
    }
}
