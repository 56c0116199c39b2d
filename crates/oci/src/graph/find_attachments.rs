//! Finds out what is attached to what in other tools' layouts. Their `index.json` doesn't say it, ours does.
//!
//! | tool | an attached root has |
//! |---|---|
//! | oras, and others that copy referrers | a `subject` in its manifest, mostly no name |
//! | regctl | a `subject`; and the list of referrers is a root, too, under the name of the fallback tag |
//! | a copy of all tags | cosign's tag for its name: `sha256-<hex>.sig`, `.att`, `.sbom` |
//! | `cosign save` | the image's name, or none like the image, and signatures or attestations as layers |

use std::collections::{HashMap, HashSet};

use super::attachments::{COSIGN_SUFFIXES, fallback_tag};
use super::lookup::Graph;
use crate::layout::Root;
use crate::reference::{repository_of, tag_of};
use crate::{Digest, Node};

/// The layers of what `cosign save` puts beside an image, with the suffix of the tag from which it came.
const COSIGN_LAYERS: [(&str, &str); 2] = [
    ("application/vnd.dev.cosign.simplesigning.v1+json", "sig"),
    ("application/vnd.dsse.envelope.v1+json", "att"),
];

impl Graph {
    /// The same graph, with a subject for each root that is attached to one of its manifests. For layouts of
    /// other tools: our own name the subjects themselves.
    pub fn adopt_attached(mut self) -> Self {
        let adopter = Adopter::new(&self);
        let adopted: Vec<Option<Root>> = self.roots.iter().map(|root| adopter.adopted(root)).collect();
        for (root, adopted) in self.roots.iter_mut().zip(adopted) {
            if let Some(adopted) = adopted {
                *root = adopted;
            }
        }
        self
    }

    /// Whether a root is an index of manifests that are attached to `subject`, and of nothing else.
    fn lists_referrers(&self, root: &Root, subject: &Digest) -> bool {
        let raw = self.manifest(&root.descriptor.digest).and_then(|entry| entry.raw.as_ref());
        let Some(Node::Index(children)) = raw.map(|raw| raw.node()) else { return false };
        let is_attached = |child: &Digest| {
            let raw = self.manifest(child).and_then(|entry| entry.raw.as_ref());
            raw.and_then(|raw| raw.subject()).is_some_and(|found| found.digest == *subject)
        };
        root.descriptor.digest != *subject && children.iter().all(|child| is_attached(&child.digest))
    }

    fn cosign_suffix(&self, root: &Root) -> Option<&'static str> {
        let raw = self.manifest(&root.descriptor.digest)?.raw.as_ref()?;
        let Node::Manifest { layers, .. } = raw.node() else { return None };
        let first = layers.get(0)?;
        let first = first.media_type();
        let (media_type, suffix) = COSIGN_LAYERS.iter().find(|(known, _)| first == *known)?;
        layers.iter().all(|layer| layer.media_type() == *media_type).then_some(*suffix)
    }

    /// Whether a root is no more than the list of what is attached to its subject, as regctl keeps it in a
    /// layout. A registry has a list of its own.
    pub fn is_list_of_referrers(&self, root: &Root) -> bool {
        root.subject.is_some_and(|subject| {
            let tag = root.reference.as_deref().and_then(tag_of);
            tag == Some(fallback_tag(&subject).as_str()) && self.lists_referrers(root, &subject)
        })
    }

    /// The manifests that an attached root brings to a registry: itself; or those in it, if it is no more
    /// than a list of referrers.
    pub fn attached_manifests(&self, root: &Root) -> Vec<Digest> {
        let digest = root.descriptor.digest;
        if !self.is_list_of_referrers(root) {
            return vec![digest];
        }
        let list = self.manifest(&digest).and_then(|entry| entry.raw.as_ref());
        list.into_iter().flat_map(Graph::children_of).map(|child| child.digest).collect()
    }

    /// Roots without a name that are part of other roots, or are there with a name, too: some tools list
    /// every manifest (oras does).
    pub fn parts_of_others(&self) -> HashSet<Digest> {
        let roots = self.roots.iter().filter(|root| root.reference.is_none());
        let unnamed: HashSet<Digest> = roots.map(|root| root.descriptor.digest).collect();
        let children = self.manifests.iter().flat_map(|entry| &entry.raw).flat_map(Graph::children_of);
        let named = self.roots.iter().filter(|root| root.reference.is_some());
        let named = named.map(|root| root.descriptor.digest);
        children.map(|child| child.digest).chain(named).filter(|digest| unnamed.contains(digest)).collect()
    }
}

/// Finds the subjects of roots. What is looked up for each root is gathered once: a hostile layout has many.
struct Adopter<'a> {
    graph: &'a Graph,
    /// The manifests by the tags that are made of their digests: the fallback tag, and cosign's without its
    /// suffix.
    by_tag: HashMap<String, Digest>,
    /// By name, the first root that is none of cosign's; of those without a name, the only one.
    by_name: HashMap<Option<&'a str>, Digest>,
}

impl<'a> Adopter<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut by_tag = HashMap::new();
        let has_digest = |root: &Root| root.reference.as_deref().and_then(tag_of).and_then(stem).is_some();
        if graph.roots.iter().any(has_digest) {
            for digest in graph.manifests.iter().map(|entry| entry.descriptor.digest) {
                by_tag.insert(fallback_tag(&digest), digest);
                by_tag.insert(format!("{}-{}", digest.algorithm(), digest.hex()), digest);
            }
        }
        Adopter { graph, by_tag, by_name: images_by_name(graph) }
    }

    fn adopted(&self, root: &Root) -> Option<Root> {
        if root.subject.is_some() {
            return None;
        }
        let subject = self.subject_by_manifest(root).or_else(|| self.subject_by_tag(root));
        match subject {
            Some(subject) => Some(Root { subject: Some(subject), ..root.clone() }),
            None => self.named_like_its_subject(root),
        }
    }

    fn subject_by_manifest(&self, root: &Root) -> Option<Digest> {
        let raw = self.graph.manifest(&root.descriptor.digest)?.raw.as_ref()?;
        let subject = raw.subject()?.digest;
        self.graph.manifest(&subject).map(|_| subject)
    }

    fn subject_by_tag(&self, root: &Root) -> Option<Digest> {
        let tag = tag_of(root.reference.as_deref()?)?;
        let stem = stem(tag)?;
        let subject = *self.by_tag.get(stem)?;
        let is_tag_of_cosign = stem.len() < tag.len();
        (is_tag_of_cosign || self.graph.lists_referrers(root, &subject)).then_some(subject)
    }

    /// `cosign save` gives an image and what is attached to it one name; then the tag is made again under
    /// which it was.
    fn named_like_its_subject(&self, root: &Root) -> Option<Root> {
        let reference = root.reference.as_deref();
        let suffix = self.graph.cosign_suffix(root)?;
        let subject = *self.by_name.get(&reference)?;
        let tag = format!("{}-{}.{suffix}", subject.algorithm(), subject.hex());
        let repository = reference.and_then(repository_of);
        let name = repository.map_or(tag.clone(), |repository| format!("{repository}:{tag}"));
        Some(Root { subject: Some(subject), reference: Some(name), ..root.clone() })
    }
}

/// The roots that are none of cosign's, by name: the first of each; of those without a name, the only one.
fn images_by_name(graph: &Graph) -> HashMap<Option<&str>, Digest> {
    let parts = graph.parts_of_others();
    let mut by_name = HashMap::new();
    let mut unnamed = 0;
    for root in graph.roots.iter().filter(|root| graph.cosign_suffix(root).is_none()) {
        let name = root.reference.as_deref();
        let is_image = name.is_some() || !parts.contains(&root.descriptor.digest);
        if is_image {
            unnamed += usize::from(name.is_none());
            by_name.entry(name).or_insert(root.descriptor.digest);
        }
    }
    if unnamed > 1 {
        by_name.remove(&None);
    }
    by_name
}

/// A tag that is made of a digest, without cosign's suffix.
fn stem(tag: &str) -> Option<&str> {
    let stem = match tag.rsplit_once('.') {
        Some((stem, suffix)) if COSIGN_SUFFIXES.contains(&suffix) => stem,
        _ => tag,
    };
    let (_, hex) = stem.split_once('-')?;
    (hex.len() >= 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(stem)
}
