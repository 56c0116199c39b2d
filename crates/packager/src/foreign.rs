//! Foreign layers: those whose descriptors name addresses (`urls`) beside their digest, as Windows base
//! images have them.
//!
//! A registry often has them all the same; then they are layers like any other. Where it hasn't, they stay
//! outside of the bundle, which says so in its `index.json`; the addresses are not followed unless that was
//! asked for, because the author of a manifest chooses them.

use std::collections::{BTreeSet, HashMap, HashSet};

use airlift_oci::graph::BlobEntry;
use airlift_oci::{Digest, Event, Graph, GraphError, Remedy, Root, contents};
use airlift_registry::{Error, Lookup};
use futures::{StreamExt, TryStreamExt};

use crate::error::PackError;
use crate::location::Location;
use crate::options::ForeignLayers;
use crate::origin::{Origin, RemoteOrigin};
use crate::walk::Walker;

/// Finds out which foreign layers the registries have. What they don't have is marked in the graph's roots as
/// outside, or gets its addresses as its origin. `locations` says where each root comes from. Layouts have
/// no addresses to go to: the network isn't used for them.
pub(crate) async fn find_foreign_layers(
    walker: &Walker<'_>,
    graph: Graph,
    locations: &[Location],
    layers: ForeignLayers,
) -> Result<(Graph, HashMap<Digest, Origin>), PackError> {
    let (mut origins, mut outside) = (HashMap::new(), HashSet::new());
    let is_foreign =
        |blob: &BlobEntry<'_>| blob.descriptor.has_urls() && blob.descriptor.read().data.is_none();
    let foreign: Vec<BlobEntry<'_>> = graph.blobs().filter(is_foreign).collect();
    if foreign.is_empty() {
        return Ok((graph, origins));
    }
    let carried: Vec<HashSet<Digest>> = graph.roots.iter().map(|root| blobs_of(&graph, root)).collect();
    let lookups = foreign.iter().map(|blob| {
        let digest = blob.descriptor.digest;
        let candidates = locations.iter().zip(&carried).filter(|(_, blobs)| blobs.contains(&digest));
        let mut candidates: Vec<&Location> = candidates.map(|(location, _)| location).collect();
        candidates.dedup();
        let path = || graph.path_of_blob(blob);
        async move {
            let holder = holder_of(walker, &candidates, blob).await;
            let mirror = || walker.source.mirror(candidates.first()?);
            let holder =
                holder.map_err(|source| PackError::Registry { path: path(), mirror: mirror(), source })?;
            Ok::<_, PackError>((blob, holder, candidates))
        }
    });
    let lookups: Vec<_> = lookups.collect();
    let mut answers = futures::stream::iter(lookups).buffered(walker.requests);
    while let Some((blob, holder, candidates)) = answers.try_next().await? {
        let digest = blob.descriptor.digest;
        let repository = candidates.iter().find_map(|location| location.repository());
        match (holder, repository, layers) {
            (Some(holder), ..) => drop(origins.insert(digest, Origin::from(holder))),
            (None, Some(repository), ForeignLayers::Fetch) => {
                let urls = blob.descriptor.read().urls;
                let origin = RemoteOrigin::Outside(repository.clone(), urls);
                origins.insert(digest, Origin::Remote(origin));
            }
            (None, ..) => {
                outside.insert(digest);
                let message = left_outside(&graph, blob);
                let remedy = repository.map(|_| Remedy::FetchForeignLayers);
                walker.observer.notice(Event::Warning { message, remedy });
            }
        }
    }
    drop(answers);
    Ok((without(graph, &carried, &outside)?, origins))
}

/// The first of these places that has a blob.
async fn holder_of(
    walker: &Walker<'_>,
    candidates: &[&Location],
    blob: &BlobEntry<'_>,
) -> Result<Option<Location>, Error> {
    let wanted = (blob.descriptor.digest, blob.descriptor.size);
    for location in candidates {
        let Location::Registry(repository) = location else {
            match walker.source.blobs.is_here(wanted.0, wanted.1) {
                true => return Ok(Some((*location).clone())),
                false => continue,
            }
        };
        let found = walker.source.registries.look_up_blob(repository, wanted);
        match found.await? {
            Lookup::There(()) => return Ok(Some((*location).clone())),
            Lookup::Absent => {}
            Lookup::Hidden(refusal) => return Err(Error::from(*refusal)),
        }
    }
    Ok(None)
}

/// Marks blobs as outside in each root that would carry them. `carried` has the blobs of each root.
fn without(
    graph: Graph,
    carried: &[HashSet<Digest>],
    outside: &HashSet<Digest>,
) -> Result<Graph, GraphError> {
    if outside.is_empty() {
        return Ok(graph);
    }
    let mut of_roots = carried.iter().map(|blobs| {
        let of_root: BTreeSet<Digest> = blobs.intersection(outside).copied().collect();
        of_root.into_iter().collect()
    });
    graph.leave_outside(|_| of_roots.next().unwrap_or_default())
}

fn blobs_of(graph: &Graph, root: &Root) -> HashSet<Digest> {
    contents::blobs_of_root(graph, root).map(|(_, _, blob)| blob.digest).collect()
}

fn left_outside(graph: &Graph, blob: &BlobEntry<'_>) -> String {
    let urls = blob.descriptor.read().urls;
    let urls: Vec<String> = urls.iter().map(|url| url.escape_debug().to_string()).collect();
    format!(
        "{} ({}) stays outside of the bundle: the source doesn't have it, and its manifest names {} instead",
        graph.path_of_blob(blob).join(" → "),
        blob.descriptor.digest,
        urls.join(", "),
    )
}
