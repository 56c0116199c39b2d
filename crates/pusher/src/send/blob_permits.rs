//! How many blobs are read and sent at a time, over all images: large ones by their number, and beside them
//! small ones by their bytes.

use std::sync::Arc;

use airlift_registry::Concurrency;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Permits to read a blob. They are the last thing that a task waits for before it reads and sends.
pub(super) struct BlobPermits {
    large: Arc<Semaphore>,
    small: Arc<Semaphore>,
    is_sequential: bool,
}

impl BlobPermits {
    pub(super) fn new(concurrency: Concurrency) -> Self {
        let large = Arc::new(Semaphore::new(concurrency.large_blobs));
        let is_sequential = concurrency.is_sequential();
        let small = match is_sequential {
            true => Arc::clone(&large),
            false => Arc::new(Semaphore::new(concurrency.small_shares)),
        };
        BlobPermits { large, small, is_sequential }
    }

    /// Waits until a blob of so many bytes may be read.
    pub(super) async fn acquire(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        let (permits, count) = match Concurrency::is_large(bytes) {
            true => (&self.large, 1),
            false if self.is_sequential => (&self.small, 1),
            false => (&self.small, Concurrency::shares(bytes) as u32),
        };
        // Neither is ever closed.
        permits.acquire_many(count).await.ok()
    }
}
