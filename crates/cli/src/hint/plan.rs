//! Advice before a build has a plan.

use std::path::Path;

use airlift_oci::reference;
use airlift_packager::{AttachedError, MissingManifest, ResolveError, Several};

use super::{layout, registry};
use crate::asked::select_error::SelectError;

/// The next step where the time of an image was up.
pub(super) const TIME_UP: &str = "--image-timeout gives images more time";

/// The next step for a reference that could not be looked up.
pub(super) fn of_resolve(error: &ResolveError) -> Option<String> {
    if let Some(hint) = error.references().iter().find_map(|reference| of_named_file(reference)) {
        return Some(hint);
    }
    match error {
        ResolveError::NotFound(_) => Some(
            "check the name and the tag; some registries answer like this where a login is missing"
                .to_owned(),
        ),
        ResolveError::NotAtMirror { .. } => with_fallback(None, true),
        ResolveError::Manifest { mirror, .. } => with_fallback(None, mirror.is_some()),
        ResolveError::TimeUp { .. } => Some(TIME_UP.to_owned()),
        ResolveError::Registry { mirror, source, .. } => {
            with_fallback(registry::of_error(source), mirror.is_some())
        }
        ResolveError::Layout(failure) => layout::of_error(&failure.error),
        ResolveError::NoRegistry { mirror, source, .. } => {
            let hint = registry::of_error(source)
                .unwrap_or("check host and port; a registry answers at /v2/ of its host".to_owned());
            with_fallback(Some(hint), mirror.is_some())
        }
        ResolveError::LockedIsGone { from: Some(_), .. } => {
            Some("give the rule of that mirror again: --mirror FROM=TO, or `mirrors` in a file".to_owned())
        }
        _ => None,
    }
}

/// The next step where a selector selects nothing.
pub(super) fn of_select(error: &SelectError) -> Option<String> {
    match error {
        SelectError::Tags { mirror, source, .. } => {
            with_fallback(registry::of_error(source), mirror.is_some())
        }
        SelectError::Selection { mirror, .. } => with_fallback(None, mirror.is_some()),
    }
}

/// Adds the way around a mirror to a hint, where a mirror failed.
pub(super) fn with_fallback(hint: Option<String>, is_at_mirror: bool) -> Option<String> {
    let fallback = "with --mirror-fallback, the original registry is asked for what a mirror can't give";
    match (hint, is_at_mirror) {
        (hint, false) => hint,
        (None, true) => Some(fallback.to_owned()),
        (Some(hint), true) => Some(format!("{hint}; {fallback}")),
    }
}

/// The next step where a file has the name that was taken for an image's.
fn of_named_file(reference: &str) -> Option<String> {
    let name = reference::familiar(reference);
    let name = name.strip_suffix(":latest").unwrap_or(name);
    Path::new(name).exists().then(|| {
        format!("there is a file or folder {name}: oci-archive:{name} or oci:{name} names the images in it")
    })
}

/// The next step where the source lacks manifests that an index names.
pub(super) fn of_missing(missing: &Several<MissingManifest>) -> Option<String> {
    let hint = without_missing(missing).to_owned();
    with_fallback(Some(hint), missing.iter().any(|missing| missing.is_at_mirror))
}

fn without_missing(missing: &Several<MissingManifest>) -> &'static str {
    if missing.iter().all(|missing| missing.is_attached) {
        "the images alone, without signatures and all else that is attached, can be had with --referrers none"
    } else if missing.iter().any(|missing| missing.there.is_empty()) {
        "name another source that has the platforms: of what is below the index, this one has nothing"
    } else {
        "--platform carries what is there, with the index as it is; for several images with different platforms, add --allow-missing-platform"
    }
}

/// The next step for an error of a signature or the like: to carry the image alone.
pub(super) fn of_attached(error: &AttachedError) -> String {
    let alone = "the images alone, without signatures and all else that is attached, can be had with --referrers none";
    let hint = match error {
        AttachedError::Registry { mirror, source, .. } => {
            with_fallback(registry::of_error(source), mirror.is_some())
        }
        AttachedError::Manifest { mirror, .. } => with_fallback(None, mirror.is_some()),
        _ => None,
    };
    hint.map_or(alone.to_owned(), |hint| format!("{hint}; {alone}"))
}
