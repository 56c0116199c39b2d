//! How many blobs are read and sent at a time, over all images: large ones by one limit, and beside them
//! small ones by their bytes.
//!
//! On a long line, a blob of a few MiB is sent in less time than its registry takes to answer. So such an
//! upload counts only while its bytes are read and sent: other blobs are sent while it waits for the answers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airlift_registry::{BlobPieces, BlobSource, Concurrency, UploadPermit};
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
    most_shares: usize,
    weight: ShareWeight,
}

/// How much each small blob weighs. On a slow line that breaks now and then, many uploads side by side are
/// all under way when it breaks. So after each upload that broke off, fewer are sent side by side, up to one
/// after the other; uploads that arrive make it more again. As long as there are fewer, each counts until it
/// is answered: a small blob fits into the system's buffers, and is sent long before it has left.
struct ShareWeight {
    factor: AtomicUsize,
    arrived: AtomicUsize,
}

impl ShareWeight {
    /// So many uploads that arrive in one attempt halve the weight.
    const ENOUGH: usize = 16;

    /// Whether uploads have broken off, and too few have arrived since.
    fn is_raised(&self) -> bool {
        self.factor.load(Ordering::Relaxed) > 1
    }

    fn double(&self, most: usize) {
        self.arrived.store(0, Ordering::Relaxed);
        let double = |factor: usize| Some((factor * 2).min(most));
        let _ = self.factor.fetch_update(Ordering::Relaxed, Ordering::Relaxed, double);
    }

    fn note_arrival(&self) {
        if (self.arrived.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(Self::ENOUGH) {
            let half = |factor: usize| Some((factor / 2).max(1));
            let _ = self.factor.fetch_update(Ordering::Relaxed, Ordering::Relaxed, half);
        }
    }
}

impl BlobPermits {
    pub(super) fn new(concurrency: Concurrency) -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        // What waits for its answer takes no share, so half of them are enough.
        let most_shares = concurrency.small_shares / 2;
        let weight = ShareWeight { factor: AtomicUsize::new(1), arrived: AtomicUsize::new(0) };
        let (uploads, reads) = (permits(MOST_SMALL_UPLOADS), permits(most_shares));
        let small = SmallBlobs { uploads, reads, most_shares, weight };
        let small = Some(small).filter(|_| !concurrency.is_sequential());
        BlobPermits { large: permits(concurrency.large_blobs), small }
    }

    /// Waits until a blob of so many bytes may be read.
    pub(super) async fn read(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let (permits, count) = match self.small(bytes) {
            Some(small) => (&small.reads, small.shares(bytes)),
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

    /// Takes notice of an upload of so many bytes that arrived in so many attempts.
    pub(super) fn note_arrival(&self, bytes: u64, attempts: usize) {
        if let Some(small) = self.small(bytes).filter(|_| attempts == 1) {
            small.weight.note_arrival();
        }
    }

    /// The permits of small blobs, if a blob of so many bytes is one.
    fn small(&self, bytes: u64) -> Option<&SmallBlobs> {
        self.small.as_ref().filter(|_| !Concurrency::is_large(bytes))
    }
}

impl SmallBlobs {
    /// The shares that a blob takes: at most all.
    fn shares(&self, bytes: u64) -> u32 {
        let weighted = Concurrency::shares(bytes) * self.weight.factor.load(Ordering::Relaxed);
        weighted.min(self.most_shares) as u32
    }
}

/// A blob whose upload has begun.
pub(super) struct UploadedBlob<'a> {
    pub(super) content: &'a dyn BlobSource,
    pub(super) size: u64,
    pub(super) permits: &'a BlobPermits,
    /// Attempts so far.
    pub(super) attempts: AtomicUsize,
}

impl BlobSource for UploadedBlob<'_> {
    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        self.content.open()
    }

    fn permit(&self) -> BoxFuture<'_, UploadPermit> {
        let is_again = self.attempts.fetch_add(1, Ordering::Relaxed) > 0;
        async move {
            let Some(small) = self.permits.small(self.size) else { return UploadPermit::UNCOUNTED };
            if is_again {
                small.weight.double(small.most_shares);
            }
            let permit = self.permits.read(self.size).await;
            match small.weight.is_raised() {
                true => UploadPermit::until_answered(permit),
                false => UploadPermit::until_sent(permit),
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
    async fn uploads_that_break_off_are_sent_again_one_after_the_other() {
        struct Content;
        impl BlobSource for Content {
            fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
                Ok(Box::new(bytes::Bytes::new()))
            }
        }
        let permits = BlobPermits::new(Concurrency::new(4));
        let side_by_side = || {
            let reads = std::iter::from_fn(|| permits.read(1).now_or_never());
            reads.take(100).collect::<Vec<_>>().len()
        };
        assert_eq!(side_by_side(), 16);
        let attempts = AtomicUsize::new(0);
        let blob = UploadedBlob { content: &Content, size: 1, permits: &permits, attempts };
        for expected in [16, 8, 4, 2, 1, 1] {
            let permit = blob.permit().await;
            let is_broken_line = expected < 16;
            assert_eq!(format!("{permit:?}").contains("Answered"), is_broken_line, "{permit:?}");
            drop(permit);
            assert_eq!(side_by_side(), expected);
        }
        for _ in 0..ShareWeight::ENOUGH {
            permits.note_arrival(1, 1);
        }
        assert_eq!(side_by_side(), 2);
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
