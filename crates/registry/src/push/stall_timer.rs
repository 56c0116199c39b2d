//! The stall timer of an upload: it runs out where nothing moves, and not where our own bandwidth limit or
//! the blob's source holds the bytes back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::http::time_limits::TimeLimits;

/// Watches over the body of one request.
pub(super) struct StallTimer {
    sent: AtomicU64,
    /// Bytes to send.
    size: u64,
    /// When something moved last. `None`: the source is waited for.
    moved: Mutex<Option<Instant>>,
}

impl StallTimer {
    pub(super) fn new(size: u64) -> Arc<Self> {
        Arc::new(StallTimer { sent: AtomicU64::new(0), size, moved: Mutex::new(Some(Instant::now())) })
    }

    /// Bytes that went up.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// So many bytes more went up.
    pub(super) fn count(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Something moves at `when`: now, or as soon as the rate limit lets it.
    pub(super) fn touch(&self, when: Instant) {
        self.set_moved(Some(when));
    }

    /// The next bytes are waited for, which is no fault of the registry. Time counts again from the next
    /// [`touch`](Self::touch) on.
    pub(super) fn wait_for_source(&self) {
        self.set_moved(None);
    }

    fn set_moved(&self, moved: Option<Instant>) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = moved;
    }

    /// Returns when nothing has moved for too long, or, once all is sent, when the registry hasn't answered
    /// for too long.
    pub(super) async fn stalled(&self, limits: TimeLimits) -> (&'static str, Duration) {
        loop {
            let (waiting_for, limit) = if self.sent() >= self.size {
                ("no answer to the upload", limits.answer)
            } else {
                ("no byte went", limits.idle)
            };
            let now = Instant::now();
            let moved = *self.moved.lock().unwrap_or_else(PoisonError::into_inner);
            let due = moved.unwrap_or(now) + limit;
            if now >= due {
                return (waiting_for, limit);
            }
            tokio::time::sleep_until(due).await;
        }
    }
}
