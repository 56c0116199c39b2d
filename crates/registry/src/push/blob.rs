//! Blobs up, by an upload.

use airlift_oci::{Digest, Repository};

use crate::error::Error;
use crate::push::blob_source::BlobSource;
use crate::push::upload::Upload;
use crate::transport::Transport;

/// An upload that the registry acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutBlob {
    /// Bytes that were sent, those of attempts that failed among them.
    pub uploaded: u64,
}

impl Transport {
    /// Uploads a blob of `size` bytes.
    ///
    /// An upload that breaks goes on where the registry says that it is, and starts over in a new session
    /// where the registry can't say, or where that came to nothing. Where a request is too large for
    /// something on the way, the blob goes in pieces. Sends `Advanced` and `Rewound`, not `Started` and
    /// `Finished`; a failure takes back all that was reported.
    ///
    /// # Errors
    /// If the registry doesn't take it, or the source doesn't give it.
    pub async fn put_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        source: &dyn BlobSource,
    ) -> Result<PutBlob, Error> {
        let mut upload = Upload::new(self, repository, (*digest, size), source);
        upload.run(self.inner.retry(format!("{repository} blob {digest}"))).await?;
        Ok(PutBlob { uploaded: upload.uploaded })
    }
}
