//! The list of references, printed or in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use airlift_lists::SetKind;
use airlift_lists::refresh::{
    FoundImage, Refreshed, fresh_images_file, fresh_plain, refresh_images_file, refresh_plain,
};
use airlift_oci::{Reference, SourceReference};
use airlift_workloads::Place;

use crate::failure::Failure;
use crate::files::replaced::{replace, replaced_file};
use crate::ui::term::shown;
use crate::usage_error::UsageError;

/// The references, one a line, sorted, each once.
pub(super) fn plain(places: &[Place]) -> String {
    let references: BTreeSet<String> = places.iter().map(|place| in_list(&place.reference)).collect();
    references.into_iter().map(|reference| reference + "\n").collect()
}

/// A reference as `-f` takes it: one that a list would take for a layout has its full name.
fn in_list(reference: &str) -> String {
    match (reference.parse(), reference.parse::<Reference>()) {
        (Ok(SourceReference::Layout(_)), Ok(full)) => full.to_string(),
        _ => reference.to_owned(),
    }
}

/// Writes the list into a file, or refreshes the one that is there.
pub(super) fn write(output: &Path, places: &[Place]) -> Result<Refreshed, Failure> {
    let found = found_images(places);
    let name = shown(output);
    let is_images_file = SetKind::of(&name, b"") == SetKind::Images;
    let old = old_content(output).map_err(|source| Failure::File {
        doing: "read",
        path: output.to_owned(),
        source,
    })?;
    let refreshed = match (old, is_images_file) {
        (None, true) => fresh_images_file(&found),
        (None, false) => fresh_plain(&found),
        (Some(old), true) => refresh_images_file(&name, &old, &found).map_err(UsageError::Lists)?,
        (Some(old), false) => refresh_plain(&name, &old, &found).map_err(UsageError::Lists)?,
    };
    replace(output, &refreshed.text).map_err(|source| Failure::File {
        doing: "write",
        path: output.to_owned(),
        source,
    })?;
    Ok(refreshed)
}

/// What is in the file so far; nothing if there is none, it is empty, or it is no regular file.
fn old_content(output: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = replaced_file(output)? else { return Ok(None) };
    match fs::read(file) {
        Ok(old) => Ok(Some(old).filter(|old| !old.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn found_images(places: &[Place]) -> Vec<FoundImage> {
    let mut images: BTreeMap<String, FoundImage> = BTreeMap::new();
    for place in places {
        if let Ok(reference) = place.reference.parse::<Reference>() {
            let written = place.reference.clone();
            let image = images.entry(reference.to_string());
            let image = image.or_insert_with(|| FoundImage { written, reference, files: BTreeSet::new() });
            image.files.insert(place.file.to_string());
        }
    }
    images.into_values().collect()
}
