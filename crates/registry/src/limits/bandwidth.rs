//! Our own limit of bytes per second: one bucket for all blobs of a transport, up and down.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Bytes that may pass at once after a quiet while, as time.
const BURST: Duration = Duration::from_millis(100);

/// A bucket that fills at a steady rate.
pub(crate) struct BandwidthLimit {
    bytes_per_second: u64,
    /// When everything that was let through so far is paid for.
    paid_until: Mutex<Option<Instant>>,
}

impl BandwidthLimit {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        BandwidthLimit { bytes_per_second: bytes_per_second.max(1), paid_until: Mutex::new(None) }
    }

    /// The largest piece to send at once, so that a slow rate is a trickle, not a piece a minute.
    pub(crate) fn piece(&self, largest: usize) -> usize {
        let quarter_second = usize::try_from(self.bytes_per_second / 4).unwrap_or(usize::MAX);
        quarter_second.clamp(1024.min(largest), largest)
    }

    /// Waits until `bytes` more may pass.
    pub(crate) async fn pass(&self, bytes: usize) {
        tokio::time::sleep_until(self.book(bytes)).await;
    }

    /// Books `bytes`; they may pass at the instant that is returned.
    pub(crate) fn book(&self, bytes: usize) -> Instant {
        self.book_at(bytes, Instant::now())
    }

    fn book_at(&self, bytes: usize, now: Instant) -> Instant {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let start = paid_until.map_or(now, |paid| paid.max(now - BURST.min(paid.elapsed())));
        let due = start + cost;
        *paid_until = Some(due);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_takers_share_one_rate() {
        let rate = BandwidthLimit::new(1000);
        let now = Instant::now();
        assert_eq!(rate.book_at(500, now), now + Duration::from_millis(500));
        assert_eq!(rate.book_at(500, now), now + Duration::from_secs(1));
        assert_eq!(rate.book_at(1000, now + Duration::from_millis(400)), now + Duration::from_secs(2));
    }

    #[test]
    fn slow_rates_take_small_pieces() {
        assert_eq!(BandwidthLimit::new(40_000).piece(256 * 1024), 10_000);
        assert_eq!(BandwidthLimit::new(1).piece(256 * 1024), 1024);
        assert_eq!(BandwidthLimit::new(u64::MAX).piece(256 * 1024), 256 * 1024);
    }
}
