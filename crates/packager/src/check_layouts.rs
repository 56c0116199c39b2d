//! Whether layouts have the blobs of a plan that are to come from them, and which images lack them.

use std::collections::HashMap;

use airlift_oci::{Digest, Graph, contents};

use crate::error::{BuildError, FetchError, PackError};
use crate::error_list::Several;
use crate::layouts::LayoutDamage;
use crate::location::{LayoutLocation, Location};
use crate::origin::Origin;
use crate::packing::Packing;
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

impl Packing {
    /// An error of blobs that layouts should have, about all images of these layouts that need them. A blob
    /// is written for the first image that needs it, and the others can't be had either.
    pub(crate) fn with_all_images(&self, error: BuildError) -> BuildError {
        match error {
            BuildError::Fetch(FetchError::Layout(damage)) => {
                let all = damage.iter().flat_map(|one| self.in_all_images(one)).collect();
                BuildError::Fetch(FetchError::Layout(Several::of(all).unwrap_or(damage)))
            }
            other => other,
        }
    }

    fn in_all_images(&self, damage: &LayoutDamage) -> Vec<LayoutDamage> {
        let graph = self.plan.graph();
        let is_of_layout = |location: &Location| match location {
            Location::Layout(location) => location.layout == damage.layout,
            Location::Registry(_) => false,
        };
        let roots = graph.roots.iter().zip(&self.locations);
        let roots = roots.filter(|(_, location)| is_of_layout(location)).map(|(root, _)| root);
        let all = roots.filter_map(|root| {
            let mut blobs = contents::blobs_of_root(graph, root);
            let (raw, role, _) = blobs.find(|(.., blob)| blob.digest == damage.digest)?;
            let below = graph.path_of(&raw.digest());
            let path =
                [vec![root.name()], below.into_iter().skip(1).collect(), vec![role.to_string()]].concat();
            Some(LayoutDamage { path, ..damage.clone() })
        });
        let all: Vec<LayoutDamage> = all.collect();
        if all.is_empty() { vec![damage.clone()] } else { all }
    }
}
