//! What goes wrong before a build has a plan: several of a kind at once, and the hint for each.

use std::path::PathBuf;

use airlift_packager::{AttachedError, Kind, MissingManifest, ResolveError, Several};
use airlift_registry::Error as RegistryError;

/// A malformed reference.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadReference {
    /// On the command line.
    #[error(transparent)]
    Argument(airlift_oci::ReferenceError),
    /// In a file.
    #[error("{}, line {line}", .file.display())]
    Line {
        file: PathBuf,
        line: usize,
        #[source]
        source: airlift_oci::ReferenceError,
    },
}

impl Kind for BadReference {
    fn of(count: usize) -> String {
        format!("{count} references can't be read")
    }
}

pub(super) fn hint_of_resolve(error: &ResolveError) -> Option<String> {
    match error {
        ResolveError::NotFound(_) => Some(
            "check the name and the tag; some registries answer like this where a login is missing"
                .to_owned(),
        ),
        ResolveError::Registry { source, .. } => hint_of_registry(source),
        ResolveError::NoRegistry { source, .. } => Some(
            hint_of_registry(source)
                .unwrap_or("check host and port; a registry answers at /v2/ of its host".to_owned()),
        ),
        _ => None,
    }
}

/// What is left of an image can be had.
pub(super) fn hint_of_missing(missing: &Several<MissingManifest>) -> &'static str {
    if missing.iter().all(|missing| missing.is_attached) {
        "the images alone, without signatures and all else that is attached, can be had with --referrers none"
    } else if missing.iter().any(|missing| missing.there.is_empty()) {
        "name another source that has the platforms: of what is below the index, this one has nothing"
    } else {
        "--platform carries what is there, with the index as it is; for several images with different platforms, add --allow-missing-platform"
    }
}

/// Whatever is wrong with what is attached, the image alone can be had.
pub(super) fn hint_of_attached(error: &AttachedError) -> String {
    let alone = "the images alone, without signatures and all else that is attached, can be had with --referrers none";
    let source = match error {
        AttachedError::Registry { source, .. } => hint_of_registry(source),
        _ => None,
    };
    source.map_or(alone.to_owned(), |hint| format!("{hint}; {alone}"))
}

/// Nothing for a single error, which speaks for itself.
pub(super) fn parts_of<E: std::error::Error>(errors: &Several<E>) -> Vec<String> {
    let part = |error: &E| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    };
    let parts: Vec<String> = errors.iter().map(part).collect();
    if parts.len() > 1 { parts } else { Vec::new() }
}

pub(super) fn hint_of_registry(error: &RegistryError) -> Option<String> {
    error.hint().map(str::to_owned)
}
