//! What is attached to what: signatures, SBOMs and other referrers of a graph's images.

use std::collections::{HashMap, HashSet};

use super::lookup::Graph;
use crate::Digest;
use crate::layout::Root;
use crate::reference::repository_of;

/// What cosign puts behind a digest to name the tag of what it attached: signatures, attestations, SBOMs.
pub const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// The tag under which registries without the referrers API keep the list of what is attached to `digest`
/// (distribution-spec 1.1, "Referrers Tag Schema"): at most 64 digits of it, whatever its algorithm.
pub fn fallback_tag(digest: &Digest) -> String {
    let mut hex = digest.hex();
    hex.truncate(64);
    format!("{}-{hex}", digest.algorithm())
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

    /// The roots that go by themselves. A root that is attached to one of them goes with it, and so does a
    /// root without a name that is a part of it.
    pub fn images(&self) -> Vec<&'a Root> {
        let parts = self.graph.parts_of_others();
        let images = self.graph.roots.iter().filter(|root| root.subject.is_none());
        let attached: HashSet<(Option<&str>, Digest)> =
            images.flat_map(|root| self.to(root)).map(Root::canonical_key).collect();
        let goes_along = |root: &Root| {
            let is_part = root.reference.is_none() && parts.contains(&root.descriptor.digest);
            is_part || attached.contains(&root.canonical_key())
        };
        self.graph.roots.iter().filter(|root| !goes_along(root)).collect()
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

#[cfg(test)]
mod tests {
    use super::fallback_tag;
    use crate::{Algorithm, Digest};

    #[test]
    fn fallback_tags_are_cut_to_what_tags_may_have() {
        let digest = Digest::sha256(b"x");
        assert_eq!(fallback_tag(&digest), format!("sha256-{}", digest.hex()));
        let long = Digest::of(Algorithm::Sha512, b"x");
        assert_eq!(fallback_tag(&long), format!("sha512-{}", &long.hex()[..64]));
    }
}
