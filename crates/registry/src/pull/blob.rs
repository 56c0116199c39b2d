//! Blobs down, from a repository.

use airlift_oci::{Descriptor, HashedPrefix, Repository};

use crate::error::Error;
use crate::pull::blob_sink::BlobSink;
use crate::pull::download::{Download, FetchedBlob};
use crate::pull::location::BlobLocation;
use crate::transport::Transport;

impl Transport {
    /// Fetches a blob into `sink`, which has all of it, and nothing else, when this returns.
    ///
    /// Broken connections are resumed by `Range`; where that is ignored, refused or answered wrongly, all of
    /// it is fetched again. A resumed blob with the wrong digest is fetched once more as a whole. Sends
    /// `Advanced` and `Rewound`, not `Started` and `Finished`; a failure takes back all that was reported.
    ///
    /// # Errors
    /// If the blob isn't there, isn't what the descriptor says, doesn't come, or the sink fails.
    pub async fn fetch_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        sink: &mut dyn BlobSink,
    ) -> Result<FetchedBlob, Error> {
        self.resume_blob(repository, descriptor, None, sink).await
    }

    /// The same for a blob of which `sink` has a start already: from an earlier run, unproven. If the digest
    /// turns out to be another one in the end, the sink starts over, and all of it is fetched.
    /// `Found` is sent for the start.
    ///
    /// # Errors
    /// As [`fetch_blob`](Self::fetch_blob).
    pub async fn resume_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        begun: Option<HashedPrefix>,
        sink: &mut dyn BlobSink,
    ) -> Result<FetchedBlob, Error> {
        let retry = self.inner.retry(format!("{repository} blob {}", descriptor.digest));
        let mut download = Download::new(&self.inner, BlobLocation::Registry(repository), descriptor, sink);
        if let Some(begun) = begun {
            download.go_on_from(begun)?;
        }
        download.run(retry).await
    }
}
