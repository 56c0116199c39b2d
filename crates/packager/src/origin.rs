//! Where a blob comes from that neither memory nor local content has.

use airlift_oci::{Descriptor, HashedPrefix, Repository};
use airlift_registry::{BlobSink, Error, FetchedBlob};

use crate::location::{LayoutPath, Location};
use crate::registries::Registries;

/// Where a blob comes from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// The network.
    Remote(RemoteOrigin),
    /// A layout. It is among the places that are searched first, so a blob that was not found there can't be
    /// had.
    Layout(LayoutPath),
}

impl From<Location> for Origin {
    fn from(location: Location) -> Self {
        match location {
            Location::Registry(repository) => Origin::Remote(RemoteOrigin::Registry(repository)),
            Location::Layout(location) => Origin::Layout(location.layout),
        }
    }
}

/// Where a blob is fetched from.
#[derive(Clone, Debug)]
pub(crate) enum RemoteOrigin {
    /// A repository.
    Registry(Repository),
    /// The addresses that an image of this repository names.
    Outside(Repository, Vec<String>),
}

impl RemoteOrigin {
    /// Fetches a blob into `sink`, which has the start that was `begun`; of several addresses, from the first
    /// that has it.
    pub(crate) async fn fetch(
        &self,
        registries: &Registries,
        descriptor: &Descriptor,
        begun: Option<HashedPrefix>,
        sink: &mut dyn BlobSink,
    ) -> Result<FetchedBlob, Error> {
        let (repository, urls) = match self {
            RemoteOrigin::Registry(repository) => {
                return registries.fetch_blob(repository, descriptor, begun, sink).await;
            }
            RemoteOrigin::Outside(repository, urls) => (repository, urls),
        };
        let Some((last, others)) = urls.split_last() else {
            return registries.fetch_blob(repository, descriptor, begun, sink).await;
        };
        if begun.is_some() {
            sink.restart().map_err(|source| Error::Sink { digest: descriptor.digest, source })?;
        }
        for url in others {
            if let Ok(fetched) = registries.fetch_external(repository, url, descriptor, sink).await {
                return Ok(fetched);
            }
            sink.restart().map_err(|source| Error::Sink { digest: descriptor.digest, source })?;
        }
        registries.fetch_external(repository, last, descriptor, sink).await
    }
}
