//! The manifests below a root that are no indexes, and which of them a selection carries.

use std::collections::{HashMap, HashSet};

use super::lookup::Graph;
use crate::layout::Root;
use crate::manifest::is_image_config;
use crate::media_type::Kind;
use crate::{Carried, Descriptor, Digest, Node, Platform, RawManifest, Selection};

/// A manifest below a root that is no index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The manifest.
    pub digest: Digest,
    /// What it runs on, where an index says so; `None` also for artifacts and attestations.
    pub platform: Option<Platform>,
    /// Whether it is an image whose platform only its config names.
    pub platform_in_config: bool,
    /// Whether its config and layers are carried for this root. One that is absent may be an index: all that
    /// is known of it is its descriptor.
    pub carried: Carried,
}

/// The leaves below a root, in the order of their manifests, each once.
pub fn leaves(graph: &Graph, root: &Root) -> Vec<Leaf> {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    let mut level = vec![(root.descriptor.clone(), None)];
    // Level by level, as the archive has them. An index is walked again only where the platform that it
    // inherits can make a difference: with a platform or without, and with a chosen one or another. A
    // thousand ways to one index are not a thousand walks.
    while !level.is_empty() {
        let mut next = Vec::new();
        for (descriptor, inherited) in level {
            let platform = own_platform(&descriptor).or(inherited);
            let takes = |platform| root.selection.as_ref().is_none_or(|selection| selection.takes(platform));
            let (is_marked, is_attestation) = (descriptor.platform.is_some(), descriptor.is_attestation());
            if !seen.insert((descriptor.digest, platform.as_ref().map(takes), is_marked, is_attestation)) {
                continue;
            }
            if graph.carried(&descriptor.digest).is_absent() {
                found.add((absent_leaf(&descriptor, platform, root.selection.as_ref()), None));
                continue;
            }
            let raw = graph.manifest(&descriptor.digest).and_then(|entry| entry.raw.as_ref());
            match raw.map(RawManifest::node) {
                Some(Node::Index(children)) => {
                    let manifests = children.iter().filter(|child| child.kind() != Kind::Blob);
                    next.extend(manifests.map(|child| (child.read(), platform.clone())));
                }
                node => found.add(leaf(&descriptor, platform, node, root.selection.as_ref())),
            }
        }
        level = next;
    }
    settle_attestations(&mut found.leaves);
    found.leaves.into_iter().map(|(leaf, _)| leaf).collect()
}

/// The platform that a descriptor names. BuildKit's "unknown" names none.
fn own_platform(descriptor: &Descriptor) -> Option<Platform> {
    descriptor.platform.clone().filter(|platform| !platform.is_unknown())
}

/// One leaf, and for an attestation the manifest that it describes.
fn leaf(
    descriptor: &Descriptor,
    platform: Option<Platform>,
    node: Option<Node<'_>>,
    selection: Option<&Selection>,
) -> (Leaf, Option<Digest>) {
    let digest = descriptor.digest;
    if descriptor.is_attestation() {
        let subject = descriptor.attested();
        let leaf = Leaf { digest, platform: None, platform_in_config: false, carried: Carried::Yes };
        return (leaf, subject);
    }
    // A marker without a platform belongs to all platforms, and so does a manifest that is no image.
    // Both are always carried.
    let is_marked = descriptor.platform.is_some();
    let is_image =
        matches!(node, Some(Node::Manifest { config, .. }) if is_image_config(&config.media_type()));
    let platform_in_config = platform.is_none() && !is_marked && is_image;
    let is_chosen = match (selection, &platform) {
        (None, _) => true,
        (Some(selection), Some(platform)) => selection.takes(platform),
        (Some(selection), None) => {
            !platform_in_config || selection.manifests().binary_search(&digest).is_ok()
        }
    };
    let carried = if is_chosen { Carried::Yes } else { Carried::LeftOut };
    (Leaf { digest, platform, platform_in_config, carried }, None)
}

/// A manifest that the source didn't have. It is missing where it belongs to a chosen platform, or where all
/// was chosen. Attestations are never missing, because clean-up jobs remove them. A manifest without a
/// platform in its descriptor can't have been chosen, because only its config would name one.
fn absent_leaf(descriptor: &Descriptor, platform: Option<Platform>, selection: Option<&Selection>) -> Leaf {
    let digest = descriptor.digest;
    let is_attestation = descriptor.is_attestation();
    let platform = platform.filter(|_| !is_attestation);
    let is_chosen = match (selection, &platform) {
        _ if is_attestation => false,
        (None, _) => true,
        (Some(selection), Some(platform)) => selection.takes(platform),
        (Some(selection), None) => selection.manifests().binary_search(&digest).is_ok(),
    };
    let platform_in_config = platform.is_none() && descriptor.platform.is_none() && !is_attestation;
    let carried = if is_chosen { Carried::Missing } else { Carried::Absent };
    Leaf { digest, platform, platform_in_config, carried }
}

/// Leaves, each once, and for attestations the manifests that they describe.
#[derive(Default)]
struct Found {
    leaves: Vec<(Leaf, Option<Digest>)>,
    positions: HashMap<Digest, usize>,
}

impl Found {
    /// Adds a leaf; one that is reached in two ways is chosen if either way says so.
    fn add(&mut self, (leaf, subject): (Leaf, Option<Digest>)) {
        let position = *self.positions.entry(leaf.digest).or_insert(self.leaves.len());
        match self.leaves.get_mut(position) {
            Some((known, _)) => {
                if leaf.carried.is_chosen() {
                    known.carried = leaf.carried;
                }
                known.platform = known.platform.take().or(leaf.platform);
            }
            None => self.leaves.push((leaf, subject)),
        }
    }
}

/// An attestation is carried if the manifest that it describes is. An attestation of something outside of the
/// image is always carried.
fn settle_attestations(found: &mut [(Leaf, Option<Digest>)]) {
    let omitted: HashSet<Digest> =
        found.iter().filter(|(leaf, _)| !leaf.carried.is_chosen()).map(|(leaf, _)| leaf.digest).collect();
    for (leaf, subject) in found {
        if leaf.carried == Carried::Yes && subject.is_some_and(|subject| omitted.contains(&subject)) {
            leaf.carried = Carried::LeftOut;
        }
    }
}
