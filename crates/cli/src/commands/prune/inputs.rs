//! What locks and receipts say of a target: what is old there, and what is kept.

use std::path::{Path, PathBuf};

use airlift_lists::ReceiptFile;
use airlift_lists::lock::{Lock, LockedImage};
use airlift_lists::receipt::ReceiptImage;
use airlift_oci::{Descriptor, Digest, Reference, Root, SourceReference, Tag};
use airlift_pruner::{Kept, OldImage};
use airlift_pusher::{Destination, Options, target_name_of, target_names};

use crate::failure::{Failure, UsageError};
use crate::files::documents::Document;
use crate::ui::term::shown;

/// The images that are no longer needed, by their names at the target.
pub(super) fn old_images(
    paths: &[PathBuf],
    destination: &Destination,
    options: &Options,
) -> Result<Vec<OldImage>, Failure> {
    let (mut locked, mut old) = (Vec::new(), Vec::new());
    for path in paths {
        match Document::read(path)? {
            Document::Lock(lock) => locked.extend(lock.images().iter().cloned()),
            Document::Receipt(receipt) => {
                for image in receipt.images.iter().filter(|image| image.status.is_there()) {
                    old.extend(received(image, path, destination)?);
                }
            }
        }
    }
    let roots: Vec<Root> = locked.iter().map(root).collect();
    let names = if roots.is_empty() { Vec::new() } else { target_names(&roots, destination, options)? };
    let named = names.into_iter().filter_map(|(position, target)| {
        let image = locked.get(position)?;
        let below = image.chosen_platforms().into_iter().map(|platform| platform.digest);
        Some(at(&target, image.digest, below.collect()))
    });
    Ok(named.chain(old).collect())
}

fn at(target: &Reference, digest: Digest, below: Vec<Digest>) -> OldImage {
    OldImage { repository: target.repository().clone(), tag: tag_of(target), digest, below }
}

/// What a push brought to the target. A receipt of another one is a mistake.
fn received(
    image: &ReceiptImage,
    path: &Path,
    destination: &Destination,
) -> Result<Vec<OldImage>, UsageError> {
    let selected = image.selected_children.iter().map(|child| at(&child.target, child.digest, Vec::new()));
    let all: Vec<OldImage> =
        std::iter::once(at(&image.target, image.digest, image.children.clone())).chain(selected).collect();
    let is_here = |one: &OldImage| {
        let rest = one.repository.to_string();
        let rest = rest.strip_prefix(&destination.to_string()).map(str::to_owned);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match all.iter().find(|one| !is_here(one)) {
        Some(other) => Err(UsageError::OtherTarget {
            receipt: shown(path),
            repository: other.repository.to_string(),
            destination: destination.to_string(),
        }),
        None => Ok(all),
    }
}

/// What stays in any case.
pub(super) fn kept(paths: &[PathBuf], destination: &Destination, options: &Options) -> Result<Kept, Failure> {
    let mut kept = Kept::default();
    for path in paths {
        match Document::read(path)? {
            Document::Lock(lock) => keep_locked(&mut kept, &lock, destination, options),
            Document::Receipt(receipt) => keep_received(&mut kept, &receipt),
        }
    }
    Ok(kept)
}

fn keep_locked(kept: &mut Kept, lock: &Lock, destination: &Destination, options: &Options) {
    for image in lock.images() {
        kept.digests.insert(image.digest);
        kept.digests.extend(image.platforms.iter().map(|platform| platform.digest));
        // An image without a name there is kept by its digests.
        if let Ok(target) = target_name_of(&root(image), destination, options) {
            keep_at(kept, &target, image.digest);
        }
    }
}

/// All that a receipt names, whether it arrived or not.
fn keep_received(kept: &mut Kept, receipt: &ReceiptFile) {
    for image in &receipt.images {
        keep_at(kept, &image.target, image.digest);
        kept.digests.extend(image.children.iter().chain(&image.referrers));
        for other in image.fallback_tags.iter().chain(&image.selected_children) {
            keep_at(kept, &other.target, other.digest);
        }
    }
}

fn keep_at(kept: &mut Kept, target: &Reference, digest: Digest) {
    kept.digests.insert(digest);
    kept.tags.extend(tag_of(target).map(|tag| (target.repository().clone(), tag)));
}

fn tag_of(target: &Reference) -> Option<Tag> {
    target.tag().and_then(|tag| tag.parse().ok())
}

/// An image of a lock as a bundle would name it.
fn root(image: &LockedImage) -> Root {
    let name = match &image.reference {
        SourceReference::Registry(reference) => Some(reference.to_string()),
        SourceReference::Layout(layout) => layout.pattern.clone().filter(|name| !name.contains(':')),
    };
    Root::new(Descriptor::new(image.media_type.as_str(), image.digest, 0), name)
}
