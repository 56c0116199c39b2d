//! What locks and receipts say of a target: what is old there, and what is kept.

use std::path::{Path, PathBuf};

use airlift_lists::ReceiptFile;
use airlift_lists::lock::{Lock, LockedImage};
use airlift_lists::receipt::ReceiptImage;
use airlift_oci::{Descriptor, Digest, Reference, Root, SourceReference, Tag};
use airlift_pruner::{Kept, OldImage};
use airlift_pusher::{Destination, Options, separate_target_names, target_name_of};

use crate::args::mapping::MappingArgs;
use crate::failure::Failure;
use crate::files::documents::Document;
use crate::ui::term::shown;
use crate::usage_error::UsageError;

/// What is read of a target, before it is asked.
#[derive(Default)]
pub(super) struct PruneInputs {
    old_locked: Vec<LockedImage>,
    old_receipts: Vec<(PathBuf, ReceiptFile)>,
    kept_locked: Vec<LockedImage>,
    kept_receipts: Vec<ReceiptFile>,
    has_lock: bool,
}

impl PruneInputs {
    /// Reads the locks and receipts of what is old, and of what is kept.
    ///
    /// # Errors
    /// If one of them can't be read, or is something else.
    pub(super) fn read(old: &[PathBuf], kept: &[PathBuf]) -> Result<Self, Failure> {
        let mut inputs = PruneInputs::default();
        for path in old {
            match Document::read(path)? {
                Document::Lock(lock) => inputs.take_lock(&lock, |inputs| &mut inputs.old_locked),
                Document::Receipt(receipt) => inputs.old_receipts.push((path.clone(), receipt)),
            }
        }
        for path in kept {
            match Document::read(path)? {
                Document::Lock(lock) => inputs.take_lock(&lock, |inputs| &mut inputs.kept_locked),
                // What they are called at the target would have to stay.
                Document::Receipt(receipt) if !receipt.failed.is_empty() => {
                    let (receipt, failed) = (shown(path), receipt.failed.len());
                    return Err(UsageError::UnnamedFailures { receipt, failed }.into());
                }
                Document::Receipt(receipt) => inputs.kept_receipts.push(receipt),
            }
        }
        Ok(inputs)
    }

    fn take_lock(&mut self, lock: &Lock, images: impl Fn(&mut Self) -> &mut Vec<LockedImage>) {
        self.has_lock = true;
        images(self).extend(lock.images().iter().cloned());
    }

    /// Refuses options that would change nothing of what is deleted. Receipts have the names at the target.
    ///
    /// # Errors
    /// If there is such an option.
    pub(super) fn check_mapping(&self, mapping: &MappingArgs) -> Result<(), UsageError> {
        if mapping.has_only() && !self.old_receipts.is_empty() {
            let why =
                "--only takes a part of an old lock, and not of a receipt: leave it out, or give the lock";
            return Err(UsageError::Combination(why));
        }
        if mapping.is_given() && !self.has_lock {
            let why =
                "--only, --keep-host, --map and --no-tag don't change what a receipt names: leave them out";
            return Err(UsageError::Combination(why));
        }
        Ok(())
    }

    /// The images that are no longer needed, by their names at the target.
    ///
    /// # Errors
    /// If a lock's images can't have names there, or a receipt is of another target.
    pub(super) fn old_images(
        &self,
        destination: &Destination,
        options: &Options,
    ) -> Result<Vec<OldImage>, Failure> {
        let roots = |images: &[LockedImage]| images.iter().map(root).collect::<Vec<Root>>();
        let (old, kept) = (roots(&self.old_locked), roots(&self.kept_locked));
        let names = separate_target_names(&old, &kept, destination, options)?;
        let named = names.into_iter().filter_map(|(position, target)| {
            let image = self.old_locked.get(position)?;
            let below = image.chosen_platforms().into_iter().map(|platform| platform.digest);
            Some(at(&target, image.digest, below.collect()))
        });
        let mut all: Vec<OldImage> = named.collect();
        for (path, receipt) in &self.old_receipts {
            for image in receipt.images.iter().filter(|image| image.status.is_there()) {
                all.extend(received(image, path, destination)?);
            }
        }
        Ok(all)
    }

    /// What stays in any case.
    pub(super) fn kept(&self, destination: &Destination, options: &Options) -> Kept {
        let mut kept = Kept::default();
        self.kept_locked.iter().for_each(|image| keep_locked(&mut kept, image, destination, options));
        self.kept_receipts.iter().for_each(|receipt| keep_received(&mut kept, receipt));
        kept
    }
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

fn keep_locked(kept: &mut Kept, image: &LockedImage, destination: &Destination, options: &Options) {
    kept.digests.insert(image.digest);
    kept.digests.extend(image.platforms.iter().map(|platform| platform.digest));
    // An image without a name there is kept by its digests.
    if let Ok(target) = target_name_of(&root(image), destination, options) {
        keep_at(kept, &target, image.digest);
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
