//! How many blobs are read and sent at a time, over all images: large ones by one limit, and beside them
//! small ones by their bytes.
//!
//! On a long line, a blob of a few MiB is sent in less time than its registry takes to answer. So such an
//! upload counts only while its bytes are read and sent: other blobs are sent while it waits for the answers.

use std::io;
use std::sync::Arc;

use airlift_registry::{BlobSource, Concurrency, UploadPermit};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Uploads of small blobs that are under way at a time. Most of them wait for an answer.
const MOST_SMALL_UPLOADS: usize = 40;

/// Permits to upload a blob, and to read it. That for reading is the last thing that a task waits for before
/// it reads and sends.
pub(super) struct BlobPermits {
    large: Arc<Semaphore>,
    /// `None` where one thing is done at a time: then `large` is for all blobs.
    small: Option<SmallBlobs>,
}

/// Small blobs, whose uploads wait for answers most of the time.
struct SmallBlobs {
    uploads: Arc<Semaphore>,
    /// Shares of what is read and sent, which is in memory.
    reads: Arc<Semaphore>,
}

impl BlobPermits {
    pub(super) fn new(concurrency: Concurrency) -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        // What waits for its answer takes no share, so half of them are enough.
        let reads = concurrency.small_shares / 2;
        let small = SmallBlobs { uploads: permits(MOST_SMALL_UPLOADS), reads: permits(reads) };
        let small = Some(small).filter(|_| !concurrency.is_sequential());
        BlobPermits { large: permits(concurrency.large_blobs), small }
    }

    /// Waits until a blob of so many bytes may be read.
    pub(super) async fn read(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let (permits, count) = match self.small(bytes) {
            Some(small) => (&small.reads, Concurrency::shares(bytes) as u32),
            None => (&self.large, 1),
        };
        // None of them is ever closed.
        Arc::clone(permits).acquire_many_owned(count).await.ok()
    }

    /// Waits until the upload of a blob of so many bytes may begin. Its source is then [`UploadedBlob`].
    pub(super) async fn upload(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        match self.small(bytes) {
            Some(small) => Arc::clone(&small.uploads).acquire_owned().await.ok(),
            None => self.read(bytes).await,
        }
    }

    /// The permits of small blobs, if a blob of so many bytes is one.
    fn small(&self, bytes: u64) -> Option<&SmallBlobs> {
        self.small.as_ref().filter(|_| !Concurrency::is_large(bytes))
    }
}

/// A blob whose upload has begun.
pub(super) struct UploadedBlob<'a> {
    pub(super) content: &'a dyn BlobSource,
    pub(super) size: u64,
    pub(super) permits: &'a BlobPermits,
}

impl BlobSource for UploadedBlob<'_> {
    fn open(&self) -> io::Result<Box<dyn io::Read + Send>> {
        self.content.open()
    }

    fn permit(&self) -> BoxFuture<'_, UploadPermit> {
        async move {
            match self.permits.small(self.size) {
                Some(_) => UploadPermit::until_sent(self.permits.read(self.size).await),
                None => UploadPermit::UNCOUNTED,
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: u64 = 8 << 20;

    /// How many uploads of so many bytes may begin.
    async fn uploads(permits: &BlobPermits, bytes: u64) -> usize {
        let mut begun = Vec::new();
        while begun.len() < 100
            && let Some(permit) = permits.upload(bytes).now_or_never()
        {
            begun.push(permit);
        }
        begun.len()
    }

    #[tokio::test]
    async fn uploads_of_small_blobs_wait_beside_those_that_are_read() {
        let permits = BlobPermits::new(Concurrency::new(4));
        assert_eq!(uploads(&permits, LARGE).await, 4);
        assert_eq!(uploads(&permits, LARGE - 1).await, MOST_SMALL_UPLOADS);
        let mut reads = Vec::new();
        while let Some(read) = permits.read(LARGE - 1).now_or_never() {
            reads.push(read);
        }
        assert_eq!(reads.len() * Concurrency::shares(LARGE - 1), Concurrency::new(4).small_shares / 2);
        assert_eq!(uploads(&permits, LARGE).await, 4);
    }

    #[tokio::test]
    async fn one_job_means_one_blob_at_a_time() {
        let permits = BlobPermits::new(Concurrency::new(1));
        let one = permits.upload(1).await;
        for bytes in [1, 2 << 20, LARGE] {
            assert_eq!(uploads(&permits, bytes).await, 0);
        }
        drop(one);
        assert_eq!(uploads(&permits, 2 << 20).await, 1);
    }
}
