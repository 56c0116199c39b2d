//! The lock of a bundle: what references stand for in it.

use std::path::Path;

use airlift_lists::lock::{AnsweredImage, Lock, LockedImage, LockedPlatform, ResolvedImage, WantedImage};
use airlift_lists::{Choice, Timestamp};
use airlift_oci::{Graph, LayoutForm, Root, SourceReference, contents};
use airlift_verifier::Examined;

use crate::locks::names::name_in_lock;
use crate::usage_error::UsageError;

/// The lock of a bundle. An image of `old` that has the same digest and platforms in the bundle stays as it
/// is, with its time and history.
pub(super) fn lock_of(
    examined: &Examined,
    graph: &Graph,
    old: &Lock,
    at: Timestamp,
) -> Result<Lock, UsageError> {
    let mut images = Vec::new();
    for root in graph.roots.iter().filter(|root| root.subject.is_none()) {
        let reference = reference(examined.archive().path(), root)?;
        let image = resolved(examined, graph, root);
        let known = old.find(&reference);
        let same = known.filter(|known| {
            known.digest == image.digest && has_platforms(known, &examined.platforms(graph, root).carried)
        });
        let wanted = WantedImage {
            reference,
            digest: Some(image.digest),
            from: None,
            choice: same.map_or_else(|| choice(root), |known| known.choice.clone()),
            groups: known.map(|known| known.groups.clone()).unwrap_or_default(),
            selectors: known.map(|known| known.selectors.clone()).unwrap_or_default(),
        };
        images.push(AnsweredImage { wanted, answer: same.is_none().then_some(image) });
    }
    let bundle = examined.archive().path();
    old.update(&images, at, None)
        .map_err(|source| UsageError::BundleNotLocked { bundle: bundle.to_owned(), source })
}

/// What a bundle says of an image.
fn resolved(examined: &Examined, graph: &Graph, root: &Root) -> ResolvedImage {
    let platforms = contents::platform_contents(graph, root, |config| examined.small_blob(&config.digest));
    let locked = |one: contents::PlatformContent| LockedPlatform {
        platform: one.platform,
        digest: one.digest,
        size: one.size,
    };
    ResolvedImage {
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
        size: contents::blob_size_of(graph, root),
        platforms: platforms.into_iter().map(locked).collect(),
        from: None,
    }
}

fn choice(root: &Root) -> Choice {
    let platforms = root.selection.as_ref().map(|selection| selection.platforms().to_vec());
    Choice { platforms: platforms.unwrap_or_default(), referrers: None }
}

/// Whether these are the platforms that a lock chooses.
fn has_platforms(known: &LockedImage, carried: &[String]) -> bool {
    let chosen = known.chosen_platforms();
    chosen.iter().all(|one| carried.contains(&one.platform))
        && carried.iter().all(|name| chosen.iter().any(|one| one.platform == *name))
}

/// The name of an image. One that is no full name is that of a place in the bundle.
fn reference(bundle: &Path, root: &Root) -> Result<SourceReference, UsageError> {
    let form = if bundle.is_dir() { LayoutForm::Folder } else { LayoutForm::Archive };
    let path = bundle.to_str().filter(|path| !path.contains(|c: char| c == ':' || c.is_control()));
    let name = root.reference.as_deref();
    let name = name_in_lock(form, path.unwrap_or_default(), name, &root.descriptor.digest);
    match (&name, path) {
        (SourceReference::Layout(_), None) => {
            Err(UsageError::NoPlace { bundle: bundle.to_owned(), image: root.name() })
        }
        _ => Ok(name),
    }
}
