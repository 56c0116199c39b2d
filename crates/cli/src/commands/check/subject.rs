//! What is checked: one image of a list, a lock, a bundle or a receipt.

use std::collections::HashSet;

use airlift_checker::{AttachedTag, Scope, TaggedAs};
use airlift_lists::lock::LockedImage;
use airlift_lists::receipt::{ReceiptFile, ReceiptImage, ReceiptTag};
use airlift_oci::graph::{Attachments, fallback_tag};
use airlift_oci::{Digest, Graph, RawManifest, Reference, Root, Selection, SourceReference, Tag, reference};
use airlift_packager::ImageChoice;

/// One image to check.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Its name at the source, as it is shown.
    pub(super) name: String,
    /// The same as a reference, by its tag where it has one. Layouts have images without.
    pub(super) reference: Option<Reference>,
    /// Its digest. Without one, what the tag stands for is checked.
    pub(super) digest: Option<Digest>,
    /// What its tag stood for before, as a lock remembers it.
    pub(super) before: Option<Digest>,
    /// Which manifests below it should be there.
    pub(super) scope: Scope,
    /// What is attached to it and should be there, too.
    pub(super) attached: Vec<Digest>,
    /// The tags by which that is found.
    pub(super) attached_tags: Vec<AttachedTag>,
    /// Its name at a target, as a receipt says.
    pub(super) target: Option<Reference>,
    /// Whether it came from a layout, so that no registry need have it under its name.
    pub(super) is_of_layout: bool,
    /// Its platforms, where what was read names them.
    pub(super) platforms: Vec<String>,
}

impl Subject {
    /// The whole image that a reference names.
    pub(super) fn named(reference: &Reference, choice: &ImageChoice) -> Self {
        let (digest, reference) = (reference.digest().copied(), reference.clone().by_tag());
        Subject { digest, scope: scope(choice, None), ..Subject::new(reference.to_string(), Some(reference)) }
    }

    /// An image of a lock.
    pub(super) fn locked(image: &LockedImage, choice: &ImageChoice) -> Self {
        let reference = match &image.reference {
            SourceReference::Registry(reference) => Some(reference.clone()),
            SourceReference::Layout(_) => None,
        };
        let platforms = image.chosen_platforms().into_iter().map(|platform| platform.platform.clone());
        Subject {
            digest: Some(image.digest),
            before: image.history.first().map(|past| past.digest),
            scope: scope(choice, Some(image)),
            is_of_layout: matches!(image.from, Some(airlift_lists::lock::FetchedFrom::Layout { .. })),
            platforms: platforms.collect(),
            ..Subject::new(image.reference.to_string(), reference)
        }
    }

    /// The images of a bundle: each with what is attached to it, without what the bundle leaves out.
    pub(super) fn of_bundle(graph: &Graph) -> Vec<Self> {
        let attachments = Attachments::new(graph);
        let carried = |root: &Root| -> Vec<Digest> {
            let below = graph.below(&root.descriptor.digest).into_iter();
            below.map(|entry| entry.descriptor.digest).filter(|digest| graph.carries(digest)).collect()
        };
        let image = |root: &Root| {
            let attached = attachments.to(root);
            let manifests = std::iter::once(root).chain(attached.iter().copied()).flat_map(carried);
            let name = root.reference.clone().unwrap_or_else(|| root.name());
            Subject {
                digest: Some(root.descriptor.digest),
                scope: Scope::Manifests(manifests.collect()),
                attached: attached.iter().flat_map(|root| graph.attached_manifests(root)).collect(),
                attached_tags: tags_in_bundle(graph, &attached),
                ..Subject::new(name, root.reference.as_deref().and_then(full_name))
            }
        };
        attachments.images().into_iter().map(image).collect()
    }

    /// The images of a receipt.
    pub(super) fn of_receipt(receipt: &ReceiptFile) -> Vec<Self> {
        receipt.images.iter().flat_map(Subject::received).collect()
    }

    /// One image of a receipt; its platforms, where only these were pushed.
    fn received(image: &ReceiptImage) -> Vec<Self> {
        let reference = full_name(&image.source);
        if image.status.is_there() && !image.selected_children.is_empty() {
            let child = |child: &ReceiptTag| {
                let tag = child.target.tag().and_then(|tag| tag.parse().ok());
                let named = reference.as_ref().zip(tag);
                Subject {
                    digest: Some(child.digest),
                    target: Some(child.target.clone()),
                    reference: named.map(|(all, tag)| Reference::tagged(all.repository().clone(), tag)),
                    ..Subject::new(child.target.to_string(), None)
                }
            };
            let mut children: Vec<Subject> = image.selected_children.iter().map(child).collect();
            if let Some(first) = children.first_mut() {
                first.attached = image.referrers.clone();
                first.attached_tags = attached_tags(image);
            }
            return children;
        }
        // Of what was not through, the receipt doesn't know all manifests.
        let scope = match image.status.is_there() {
            true => Scope::Manifests(image.children.iter().copied().collect::<HashSet<_>>()),
            false => Scope::Whole,
        };
        vec![Subject {
            digest: Some(image.digest),
            before: image.tag.and_then(|tag| tag.from).filter(|from| *from != image.digest),
            scope,
            attached: image.referrers.clone(),
            attached_tags: if image.status.is_there() { attached_tags(image) } else { Vec::new() },
            target: Some(image.target.clone()),
            ..Subject::new(image.source.clone(), reference)
        }]
    }

    fn new(name: String, reference: Option<Reference>) -> Self {
        Subject {
            name,
            reference,
            digest: None,
            before: None,
            scope: Scope::Whole,
            attached: Vec::new(),
            attached_tags: Vec::new(),
            target: None,
            is_of_layout: false,
            platforms: Vec::new(),
        }
    }

    /// The same as a line of a list: the reference with its digest, or a comment where it has none.
    pub(super) fn as_line(&self) -> String {
        match (&self.reference, self.digest) {
            (Some(reference), Some(digest)) => reference.clone().with_digest(digest).to_string(),
            (Some(reference), None) => reference.to_string(),
            (None, _) => format!("# {}", airlift_oci::text::harmless(&self.name)),
        }
    }
}

/// The tags that a push gives what is attached to an image of a bundle. A list of referrers gets other bytes
/// at the target, so one of the manifests in it stands for it.
fn tags_in_bundle(graph: &Graph, attached: &[&Root]) -> Vec<AttachedTag> {
    let own = |root: &&Root| {
        let tag = root.reference.as_deref().and_then(reference::tag_of)?.parse().ok()?;
        let tag = AttachedTag { tag, digest: root.descriptor.digest, tagged_as: TaggedAs::Itself };
        (!graph.is_list_of_referrers(root)).then_some(tag)
    };
    let mut tags: Vec<AttachedTag> = attached.iter().filter_map(own).collect();
    let mut listed = HashSet::new();
    for digest in attached.iter().flat_map(|root| graph.attached_manifests(root)) {
        let raw = graph.manifest(&digest).and_then(|entry| entry.raw.as_ref());
        let subject = raw.and_then(RawManifest::subject);
        let tag =
            subject.map(|subject| fallback_tag(&subject.digest)).and_then(|tag| tag.parse::<Tag>().ok());
        if let Some(tag) = tag.filter(|tag| listed.insert(tag.clone())) {
            tags.push(AttachedTag { tag, digest, tagged_as: TaggedAs::ListOfReferrers });
        }
    }
    tags
}

/// The tags of what a receipt says is attached.
fn attached_tags(image: &ReceiptImage) -> Vec<AttachedTag> {
    let own = image.referrer_tags.iter().map(|tag| (tag, TaggedAs::Itself));
    let lists = image.fallback_tags.iter().map(|tag| (tag, TaggedAs::ListOfReferrers));
    let attached_tag = |(receipt_tag, tagged_as): (&ReceiptTag, TaggedAs)| {
        let tag = receipt_tag.target.tag()?.parse().ok()?;
        Some(AttachedTag { tag, digest: receipt_tag.digest, tagged_as })
    };
    own.chain(lists).filter_map(attached_tag).collect()
}

/// A name with its repository. Layouts of other tools have bare tags.
fn full_name(name: &str) -> Option<Reference> {
    let is_full = name.contains(['/', ':', '@']);
    name.parse().ok().filter(|_| is_full).map(Reference::by_tag)
}

/// What a choice takes of an image. A lock says of which platform the manifests are.
fn scope(choice: &ImageChoice, locked: Option<&LockedImage>) -> Scope {
    if choice.platforms.is_empty() {
        return Scope::Whole;
    }
    let selection = Selection::new(choice.platforms.iter().cloned());
    let manifests = locked.map(LockedImage::chosen_platforms).unwrap_or_default().into_iter();
    Scope::Platforms(selection.with_manifests(manifests.map(|platform| platform.digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_list_names_the_digest() {
        let digest = Digest::sha256(b"x");
        let reference: Reference = format!("nginx:1.27@{digest}").parse().unwrap();
        let subject = Subject::named(&reference, &ImageChoice::default());
        assert_eq!(subject.name, "docker.io/library/nginx:1.27");
        assert_eq!(subject.as_line(), format!("docker.io/library/nginx:1.27@{digest}"));
        let unnamed = Subject::new("odd\nname".to_owned(), None);
        assert!(unnamed.as_line().starts_with("# odd") && !unnamed.as_line().contains('\n'));
        assert_eq!(full_name("1.27"), None);
        assert_eq!(full_name("r.example/a:1").unwrap().to_string(), "r.example/a:1");
    }
}
