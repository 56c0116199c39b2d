//! What is said beside the list.

use std::collections::BTreeSet;
use std::path::Path;

use airlift_lists::refresh::Refreshed;

use super::search::Searched;
use crate::ui::size::count;
use crate::ui::term::shown;

/// How much was found.
pub(super) fn totals(searched: &Searched) -> String {
    let places = &searched.found.places;
    let images: BTreeSet<&str> = places.iter().map(|place| place.reference.as_str()).collect();
    format!(
        "{} at {} in {}\n",
        count(images.len(), "image"),
        count(places.len(), "place"),
        count(searched.files, "file")
    )
}

/// What became of the file.
pub(super) fn written(output: &Path, refreshed: &Refreshed) -> String {
    format!("{}: {} added, {} removed\n", shown(output), refreshed.added, refreshed.removed)
}
