//! The stall timer of an upload: it runs out where nothing moves, and not where our own bandwidth limit holds
//! the bytes back.

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
    moved: Mutex<Instant>,
}

impl StallTimer {
    pub(super) fn new(size: u64) -> Arc<Self> {
        Arc::new(StallTimer { sent: AtomicU64::new(0), size, moved: Mutex::new(Instant::now()) })
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
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = when;
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
            let due = *self.moved.lock().unwrap_or_else(PoisonError::into_inner) + limit;
            if Instant::now() >= due {
                return (waiting_for, limit);
            }
            tokio::time::sleep_until(due).await;
        }
    }
}
