//! How many blobs are read and sent at a time, over all images: large ones by one limit, and beside them
//! small ones by another.

use std::sync::Arc;

use airlift_registry::Concurrency;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Permits to read a blob. They are the last thing that a task waits for before it reads and sends.
pub(super) struct BlobPermits {
    large: Arc<Semaphore>,
    small: Arc<Semaphore>,
}

impl BlobPermits {
    pub(super) fn new(concurrency: Concurrency) -> Self {
        let large = Arc::new(Semaphore::new(concurrency.large_blobs));
        let small = match concurrency.is_sequential() {
            true => Arc::clone(&large),
            false => Arc::new(Semaphore::new(concurrency.small_blobs)),
        };
        BlobPermits { large, small }
    }

    /// Waits until a blob of so many bytes may be read.
    pub(super) async fn acquire(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        let permits = if Concurrency::is_large(bytes) { &self.large } else { &self.small };
        // Neither is ever closed.
        permits.acquire().await.ok()
    }
}
