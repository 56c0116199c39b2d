//! Foreign layers: those whose descriptors name addresses (`urls`) beside their digest, as Windows base
//! images have them.
//!
//! A registry often has them all the same; then they are layers like any other. Where it hasn't, they stay
//! outside of the bundle, which says so in its `index.json`; the addresses are not followed unless that was
//! asked for, because whoever writes a manifest chooses them.

use std::collections::{BTreeSet, HashMap, HashSet};

use airlift_oci::graph::BlobEntry;
use airlift_oci::{Digest, Event, Graph, Observer, Remedy, Repository, contents};
use airlift_registry::{Access, Error, Lookup, Settles};

use crate::error::PackError;
use crate::options::ForeignLayers;
use crate::origin::Origin;
use crate::walk::Walker;

/// Finds out which foreign layers the registries have. What they don't have is marked in the graph's roots as
/// outside, or gets its addresses as its origin.
pub(crate) async fn settle(
    walker: &Walker<'_>,
    graph: Graph,
    sources: &[Repository],
    layers: ForeignLayers,
    observer: &dyn Observer,
) -> Result<(Graph, HashMap<Digest, Origin>), PackError> {
    let is_foreign = |blob: &&BlobEntry| !blob.descriptor.urls.is_empty() && blob.descriptor.data.is_none();
    let mut origins = HashMap::new();
    let mut absent: HashSet<Digest> = HashSet::new();
    let foreign: Vec<&BlobEntry> = graph.blobs.iter().filter(is_foreign).collect();
    if foreign.is_empty() {
        return Ok((graph, origins));
    }
    let carried: Vec<HashSet<Digest>> = graph.roots.iter().map(|root| blobs_of(&graph, root)).collect();
    for blob in foreign {
        let digest = blob.descriptor.digest;
        let places = sources.iter().zip(&carried).filter(|(_, blobs)| blobs.contains(&digest));
        let mut places: Vec<&Repository> = places.map(|(repository, _)| repository).collect();
        places.dedup();
        let mut holder = None;
        for repository in &places {
            let wanted = (digest, blob.descriptor.size);
            let found = walker.source.transport.look_up_blob(repository, wanted, Access::Pull, Settles::Yes);
            let found = match found.await {
                Ok(Lookup::There(())) => {
                    holder = Some(Origin::Registry((*repository).clone()));
                    break;
                }
                Ok(Lookup::Absent) => continue,
                Ok(Lookup::Hidden(refusal)) => Error::from(*refusal),
                Err(error) => error,
            };
            return Err(PackError::Registry { path: graph.path_of_blob(blob), source: found });
        }
        match (holder, places.first(), layers) {
            (Some(holder), ..) => drop(origins.insert(digest, holder)),
            (None, Some(repository), ForeignLayers::Fetch) => {
                let urls = blob.descriptor.urls.clone();
                origins.insert(digest, Origin::Outside((*repository).clone(), urls));
            }
            (None, ..) => {
                absent.insert(digest);
                let message = left_outside(&graph, blob);
                let remedy = Remedy::FetchForeignLayers;
                observer.notice(Event::AvoidableWarning { message, remedy });
            }
        }
    }
    let mut outside = carried.iter().map(|blobs| {
        let outside: BTreeSet<Digest> = blobs.intersection(&absent).copied().collect();
        outside.into_iter().collect()
    });
    let graph = graph.leave_outside(|_| outside.next().unwrap_or_default())?;
    Ok((graph, origins))
}

fn blobs_of(graph: &Graph, root: &airlift_oci::Root) -> HashSet<Digest> {
    contents::blobs_of_root(graph, root).into_iter().map(|(_, _, blob)| blob.digest).collect()
}

fn left_outside(graph: &Graph, blob: &BlobEntry) -> String {
    let urls: Vec<String> = blob.descriptor.urls.iter().map(|url| url.escape_debug().to_string()).collect();
    format!(
        "{} ({}) stays outside of the bundle: the registry doesn't have it and names {} instead",
        graph.path_of_blob(blob).join(" → "),
        blob.descriptor.digest,
        urls.join(", "),
    )
}
