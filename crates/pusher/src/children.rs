//! The platforms' manifests of an image that goes without its index, and their tags.

use std::collections::{HashMap, HashSet};

use airlift_oci::graph::leaves;
use airlift_oci::{Digest, Reference, Root, Selector, Tag};

use crate::plan::PlannedImage;
use crate::source::ContentSource;

/// One platform's manifest that goes without its index.
pub(crate) struct Child {
    pub(crate) digest: Digest,
    /// What it is for, where anything says so.
    pub(crate) platform: Option<String>,
    /// Its tag, or its digest where the image has no tag either.
    pub(crate) selector: Selector,
}

/// The manifests of an image that go where its index doesn't. Attestations speak of their image within the
/// index and nowhere else, so they would be found by nobody: they stay behind.
pub(crate) fn children_of(source: &dyn ContentSource, image: &PlannedImage, root: &Root) -> Vec<Child> {
    let graph = source.graph();
    let mut tags = HashSet::new();
    let mut children = Vec::new();
    // In the order in which a registry takes them: one may be the subject of another.
    let steps = graph.upload_steps(&root.descriptor.digest).into_iter().enumerate();
    let step: HashMap<Digest, usize> = steps
        .flat_map(|(at, step)| step.into_iter().map(move |entry| (entry.descriptor.digest, at)))
        .collect();
    let mut leaves = leaves(graph, root);
    leaves.sort_by_key(|leaf| step.get(&leaf.digest).copied());
    for leaf in leaves {
        let is_attestation =
            graph.manifest(&leaf.digest).is_some_and(|entry| entry.descriptor.is_attestation());
        if !leaf.carried.is_chosen() || is_attestation {
            continue;
        }
        let platform = source.platform_of(&leaf).map(|platform| platform.shown());
        let selector = child_tag(&image.target, platform.as_deref(), &leaf.digest, &mut tags)
            .map_or(Selector::Digest(leaf.digest), Selector::Tag);
        children.push(Child { digest: leaf.digest, platform, selector });
    }
    children
}

/// The tag of one platform's manifest: `1.27-linux-arm-v7`; with the digest's start where that is taken or
/// says nothing.
fn child_tag(
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
            |platform, digest| child_tag(&target, platform, digest, &mut taken).unwrap().to_string();
        assert_eq!(tag(Some("linux/arm/v7"), &one), "1.27-linux-arm-v7");
        assert_eq!(tag(Some("windows(10.0.17763.1)/amd64"), &one), "1.27-windows-10.0.17763.1-amd64");
        assert_eq!(tag(Some("linux/arm/v7"), &two), format!("1.27-linux-arm-v7-{}", two.short()));
        assert_eq!(tag(None, &one), format!("1.27-{}", one.short()));
        let long: Reference = format!("r.example/team/web:{}", "x".repeat(128)).parse().unwrap();
        let tag = child_tag(&long, Some("linux/amd64"), &one, &mut HashSet::new()).unwrap();
        assert_eq!(tag.to_string(), format!("airlift-{}", one.short()));
        let pinned = Reference::pinned(target.repository().clone(), one);
        assert!(child_tag(&pinned, Some("linux/amd64"), &one, &mut HashSet::new()).is_none());
    }
}
