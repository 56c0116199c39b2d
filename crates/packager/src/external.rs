//! Foreign layers: those whose descriptors name addresses (`urls`) beside their digest, as Windows base
//! images have them.
//!
//! A registry often has them all the same; then they are layers like any other. Where it hasn't, they stay
//! outside of the bundle, which says so in its `index.json`; the addresses are not followed unless that was
//! asked for, because whoever writes a manifest chooses them.

use std::collections::{BTreeSet, HashMap, HashSet};

use airlift_oci::graph::BlobEntry;
use airlift_oci::{Descriptor, Digest, Event, Graph, HashedPrefix, Observer, Remedy, Repository, contents};
use airlift_registry::{Access, BlobSink, Error, FetchedBlob, Lookup, Settles, Transport};

use crate::plan::PackError;
use crate::walk::Walker;

/// What to do with foreign layers that the source's registry doesn't have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignLayers {
    /// Leave them outside, with a warning.
    #[default]
    LeaveOutside,
    /// Fetch them from their addresses: by https, without credentials.
    Fetch,
}

/// Where a blob is fetched from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A repository.
    Registry(Repository),
    /// The addresses that an image of this repository names.
    Outside(Repository, Vec<String>),
}

impl Origin {
    /// Fetches a blob into `sink`, which has the start that was `begun`; of several addresses, from the first
    /// that has it.
    pub(crate) async fn fetch(
        &self,
        transport: &Transport,
        descriptor: &Descriptor,
        begun: Option<HashedPrefix>,
        sink: &mut dyn BlobSink,
    ) -> Result<FetchedBlob, Error> {
        let (repository, urls) = match self {
            Origin::Registry(repository) => {
                return transport.resume_blob(repository, descriptor, begun, sink).await;
            }
            Origin::Outside(repository, urls) => (repository, urls),
        };
        let Some((last, others)) = urls.split_last() else {
            return transport.resume_blob(repository, descriptor, begun, sink).await;
        };
        if begun.is_some() {
            sink.restart().map_err(|source| Error::Sink { digest: descriptor.digest, source })?;
        }
        for url in others {
            if let Ok(fetched) = transport.fetch_external(repository, url, descriptor, sink).await {
                return Ok(fetched);
            }
            sink.restart().map_err(|source| Error::Sink { digest: descriptor.digest, source })?;
        }
        transport.fetch_external(repository, last, descriptor, sink).await
    }
}

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
