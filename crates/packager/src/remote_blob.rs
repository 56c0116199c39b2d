//! A blob that only the network has.

use std::fmt;

use airlift_oci::reference::AskedBy;
use airlift_oci::{Descriptor, HashedPrefix, Repository};
use airlift_registry::{BlobSink, Error};

use crate::origin::RemoteOrigin;
use crate::registries::Registries;

/// What it takes to fetch a blob.
#[derive(Clone)]
pub struct RemoteBlob {
    pub(crate) registries: Registries,
    pub(crate) origin: RemoteOrigin,
    pub(crate) descriptor: Descriptor,
}

impl RemoteBlob {
    /// Fetches the blob into `sink`, which has the start that was `begun`; says how many bytes came.
    ///
    /// # Errors
    /// If no place that may be asked gives the blob, or the sink fails.
    pub async fn fetch(&self, begun: Option<HashedPrefix>, sink: &mut dyn BlobSink) -> Result<u64, Error> {
        let fetched = self.origin.fetch(&self.registries, &self.descriptor, begun, sink).await;
        fetched.map(|fetched| fetched.downloaded)
    }

    /// The repository that is asked first for it: a mirror, where one is to be asked.
    pub fn repository(&self) -> Repository {
        let (RemoteOrigin::Registry(repository) | RemoteOrigin::Outside(repository, _)) = &self.origin;
        self.registries.first_place(repository)
    }

    /// The mirror from which an error of [`RemoteBlob::fetch`] comes; `None` where no mirror is asked last.
    pub(crate) fn mirror(&self) -> Option<Repository> {
        let RemoteOrigin::Registry(repository) = &self.origin else { return None };
        self.registries.last_mirror(repository, AskedBy::Digest)
    }
}

impl fmt::Debug for RemoteBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteBlob").field("origin", &self.origin).finish_non_exhaustive()
    }
}
