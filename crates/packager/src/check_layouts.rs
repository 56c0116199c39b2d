//! Whether layouts have the blobs of a plan that are to come from them.

use std::collections::HashMap;

use airlift_oci::{Digest, Graph};

use crate::error::PackError;
use crate::error_list::Several;
use crate::layouts::LayoutDamage;
use crate::location::{LayoutLocation, Location};
use crate::origin::Origin;
use crate::source::Source;

/// Refuses a plan with blobs that should be in layouts and are not. What is there is hashed when it is
/// copied.
pub(crate) fn check_layouts(
    source: &Source,
    graph: &Graph,
    locations: &[Location],
    origins: &HashMap<Digest, Origin>,
) -> Result<(), PackError> {
    let missing = graph.blobs().filter_map(|blob| {
        let (digest, size) = (blob.descriptor.digest, blob.descriptor.size);
        let root = graph.manifests.get(blob.manifest)?.root;
        let Location::Layout(LayoutLocation { layout, .. }) = locations.get(root)? else { return None };
        if origins.contains_key(&digest) || source.blobs.is_here(digest, size) {
            return None;
        }
        let (path, damage) = (graph.path_of_blob(&blob), source.blobs.layouts.damage(layout, &digest));
        Some(LayoutDamage { layout: layout.clone(), path, digest, damage })
    });
    Ok(Several::check(missing.collect())?)
}
