//! Sets of locks, receipts, and of the graphs of bundles and layouts.

use airlift_oci::graph::leaves;
use airlift_oci::{
    Digest, DigestSet, Graph, ListedDescriptor, Reference, Root, SourceReference, Tag, contents,
};

use super::image_name::ImageName;
use super::types::{ImageSet, SetAttached, SetBlob, SetImage, SetPlatform};
use crate::lock::{Lock, LockedImage};
use crate::receipt::{ReceiptFile, ReceiptImage, ReceiptTag};

impl ImageSet {
    /// What a lock says: names, digests and platforms.
    pub fn of_lock(lock: &Lock) -> Self {
        ImageSet { images: lock.images().iter().map(of_locked).collect(), attached: None }
    }

    /// What a receipt says of the images that arrived, by their names at the source.
    pub fn of_receipt(receipt: &ReceiptFile) -> Self {
        let arrived = || receipt.images.iter().filter(|image| image.status.is_there());
        let mut seen = DigestSet::default();
        let attached = arrived().flat_map(|image| &image.referrers).filter(|one| seen.insert(**one, ()));
        let attached = attached.map(|digest| SetAttached { digest: *digest, blobs: None });
        ImageSet { attached: Some(attached.collect()), images: arrived().flat_map(of_received).collect() }
    }

    /// What a bundle or a layout carries. `config` reads configs that alone name a platform.
    pub fn of_graph(graph: &Graph, mut config: impl FnMut(ListedDescriptor<'_>) -> Option<Vec<u8>>) -> Self {
        let mut set = ImageSet { images: Vec::new(), attached: Some(Vec::new()) };
        let mut seen = DigestSet::default();
        for root in &graph.roots {
            let digest = root.descriptor.digest;
            if root.subject.is_none() {
                set.images.push(of_root(graph, root, &mut config));
            } else if seen.insert(digest, ()) {
                let blobs = Some(blobs_of(graph, root));
                set.attached.get_or_insert_default().push(SetAttached { digest, blobs });
            }
        }
        set
    }
}

fn of_locked(image: &LockedImage) -> SetImage {
    let platforms = image.chosen_platforms().into_iter();
    let platforms = platforms.map(|locked| SetPlatform {
        name: locked.platform.clone(),
        digest: locked.digest,
        size: locked.size,
    });
    SetImage {
        name: match &image.reference {
            SourceReference::Registry(reference) => ImageName::of_reference(reference),
            SourceReference::Layout(layout) => ImageName::Layout(layout.clone()),
        },
        digest: image.digest,
        platforms: Some(platforms.collect()),
        blobs: None,
    }
}

/// An image of a receipt; its platforms, where only these were pushed: its own digest is not there then.
fn of_received(image: &ReceiptImage) -> Vec<SetImage> {
    let set_image = |name, digest| SetImage { name, digest, platforms: None, blobs: None };
    if image.selected_children.is_empty() {
        let name = Some(image.source.as_str()).filter(|source| !source.is_empty());
        return vec![set_image(ImageName::of_text(name, image.digest), image.digest)];
    }
    let children = image.selected_children.iter();
    children.map(|child| set_image(name_of_platform(image, child), child.digest)).collect()
}

/// The name that a platform without its index would have at the source.
fn name_of_platform(image: &ReceiptImage, child: &ReceiptTag) -> ImageName {
    let source = Some(&image.source).filter(|source| source.contains('/'));
    let source = source.and_then(|source| source.parse::<Reference>().ok());
    match (source, child.target.tag().and_then(|tag| tag.parse::<Tag>().ok())) {
        (Some(source), Some(tag)) => {
            ImageName::of_reference(&Reference::tagged(source.repository().clone(), tag))
        }
        _ => ImageName::of_text(Some(&child.target.to_string()), child.digest),
    }
}

fn of_root(
    graph: &Graph,
    root: &Root,
    config: impl FnMut(ListedDescriptor<'_>) -> Option<Vec<u8>>,
) -> SetImage {
    let leaves = leaves(graph, root).into_iter();
    let chosen: DigestSet = leaves.filter(|leaf| leaf.carried.is_chosen()).map(|leaf| leaf.digest).collect();
    let platforms = contents::platform_contents(graph, root, config).into_iter();
    let platforms = platforms.filter(|one| chosen.contains(&one.digest));
    let digest = root.descriptor.digest;
    SetImage {
        name: name_of(root, digest),
        digest,
        platforms: Some(
            platforms
                .map(|one| SetPlatform { name: one.platform, digest: one.digest, size: one.size })
                .collect(),
        ),
        blobs: Some(blobs_of(graph, root)),
    }
}

fn name_of(root: &Root, digest: Digest) -> ImageName {
    ImageName::of_text(root.reference.as_deref().filter(|name| !name.is_empty()), digest)
}

fn blobs_of(graph: &Graph, root: &Root) -> Vec<SetBlob> {
    let blobs = contents::blobs_of_root(graph, root);
    blobs.map(|(_, _, blob)| SetBlob { digest: blob.digest, size: blob.size }).collect()
}
