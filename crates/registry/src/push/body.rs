//! The bodies of an upload: read on a thread of their own, sent piece by piece, watched for stalls.
//!
//! The last piece is held back until the source has said that it is through: a source that finds its content
//! corrupt at the very end still keeps the registry from getting all of it. Where the registry has a part
//! already, that part is read and not sent, so that the source proves the whole.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use airlift_oci::{Digest, Event};
use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::Instant;

use crate::push::blob_source::{BlobSource, UploadPermit};
use crate::push::read_loop::{ReadLoop, UploadRange};
use crate::push::stall_timer::StallTimer;
use crate::transport::Inner;

/// Bytes read and sent at once: few calls, and all of it in the L2 cache.
const PIECE: usize = 256 * 1024;
/// A reader has some pieces in memory, and small blobs are read many at a time: their pieces are smaller.
const SMALLEST_PIECE: usize = 64 * 1024;
/// Pieces of a small blob.
const PIECES: usize = 16;

/// A source that is read on a thread of its own. Requests take their bodies out of it, one after the other.
pub(super) struct BlobReader {
    inner: Arc<Inner>,
    digest: Digest,
    unsent: Arc<AsyncMutex<UnsentBytes>>,
    failure: Arc<Mutex<Option<io::Error>>>,
}

/// What was read and not sent.
struct UnsentBytes {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    /// Of a piece, what a request left for the next one.
    rest: Bytes,
}

impl UnsentBytes {
    /// The next bytes, at most `most`. `None`: there are no more.
    async fn next(&mut self, most: u64) -> Option<io::Result<Bytes>> {
        if self.rest.is_empty() {
            match self.receiver.recv().await? {
                Ok(piece) => self.rest = piece,
                Err(error) => return Some(Err(error)),
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        Some(Ok(self.rest.split_to(most)))
    }
}

/// A request's body on its way.
struct BodyStream {
    unsent: Arc<AsyncMutex<UnsentBytes>>,
    timer: Arc<StallTimer>,
    inner: Arc<Inner>,
    digest: Digest,
    left: u64,
    permit: UploadPermit,
}

impl BodyStream {
    async fn next(mut self) -> Option<(io::Result<Bytes>, BodyStream)> {
        if self.left == 0 {
            return None;
        }
        self.timer.wait_for_source();
        let piece = self.unsent.lock().await.next(self.left).await;
        self.timer.touch(Instant::now());
        let piece = piece?;
        if let Ok(piece) = &piece {
            if let Some(rate) = &self.inner.bandwidth {
                let due = rate.book(piece.len());
                // Waiting for our own limit is no stall.
                self.timer.touch(due);
                tokio::time::sleep_until(due).await;
            }
            let bytes = piece.len() as u64;
            self.left -= bytes;
            if self.left == 0 {
                self.permit = UploadPermit::UNCOUNTED;
            }
            self.timer.touch(Instant::now());
            self.timer.count(bytes);
            self.inner.observer.notice(Event::Advanced { digest: self.digest, bytes });
        }
        Some((piece, self))
    }
}

impl BlobReader {
    /// Opens `source` for `range`. It ends in an error unless exactly `range.size` bytes come and the source
    /// is content. Returns when there is something to send.
    pub(super) async fn open(
        inner: &Arc<Inner>,
        range: UploadRange,
        source: &dyn BlobSource,
    ) -> io::Result<Self> {
        let content = source.open()?;
        let size = usize::try_from(range.size).unwrap_or(usize::MAX);
        let largest = (size / PIECES).clamp(SMALLEST_PIECE, PIECE).min(size.max(1));
        let piece = inner.bandwidth.as_ref().map_or(largest, |rate| rate.piece(largest));
        let (sender, receiver) = mpsc::channel(2);
        let (skipped, there) = oneshot::channel();
        let failure = Arc::<Mutex<Option<io::Error>>>::default();
        let kept = Arc::clone(&failure);
        let reading = tokio::task::spawn_blocking(move || {
            let outcome = ReadLoop { content, piece, sender: &sender }.run(range, || {
                // No one waits for it any more if the upload was given up.
                let _ = skipped.send(());
            });
            if let Err(error) = outcome {
                let text = error.to_string();
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // Ends the request before its length is reached, so the registry can't take it as complete.
                let _ = sender.blocking_send(Err(io::Error::other(text)));
            }
        });
        // An error means that reading ended early: its failure is looked at next.
        let _ = there.await;
        if range.rest() == 0 {
            // A body of no length is never polled, so the source's error is looked for here.
            reading.await.map_err(io::Error::other)?;
        }
        let unsent = Arc::new(AsyncMutex::new(UnsentBytes { receiver, rest: Bytes::new() }));
        let reader = BlobReader { inner: Arc::clone(inner), digest: range.digest, unsent, failure };
        match reader.failure() {
            Some(failure) => Err(failure),
            None => Ok(reader),
        }
    }

    /// A body of the next `length` bytes, and what watches over it. The permit is held until all are taken.
    pub(super) fn body(&self, length: u64, permit: UploadPermit) -> (reqwest::Body, Arc<StallTimer>) {
        let timer = StallTimer::new(length);
        let stream = BodyStream {
            unsent: Arc::clone(&self.unsent),
            timer: Arc::clone(&timer),
            inner: Arc::clone(&self.inner),
            digest: self.digest,
            left: length,
            permit,
        };
        (reqwest::Body::wrap_stream(futures::stream::unfold(stream, BodyStream::next)), timer)
    }

    /// What the source failed with, if it did.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
