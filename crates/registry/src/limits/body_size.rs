//! How much one request may carry to a registry, as far as that has shown.
//!
//! Proxies before registries limit the bodies of requests: they answer 413, or close the connection. What has
//! shown at one blob is kept for the registry, so that the next blob is sent in fitting pieces at once
//! (distribution-spec 1.1, "Pushing a blob in chunks").

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use airlift_oci::Host;

/// The largest piece that is tried where a larger body was refused.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Below this, the limit is none that a blob could go past.
const LEAST: u64 = 64 * 1024;
/// The size of pieces for a blob whose upload always breaks off: what nginx takes by default.
pub(crate) const CAUTIOUS: u64 = 1024 * 1024;

/// The body limits of all registries of a run.
#[derive(Default)]
pub(crate) struct BodyLimits(Mutex<HashMap<Host, Arc<BodyLimit>>>);

impl BodyLimits {
    pub(crate) fn of(&self, host: &Host) -> Arc<BodyLimit> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host.clone()).or_default())
    }
}

/// The limit of one registry.
pub(crate) struct BodyLimit {
    /// The most that a request should carry.
    fits: AtomicU64,
    /// The smallest body that was refused.
    refused: AtomicU64,
}

impl Default for BodyLimit {
    fn default() -> Self {
        BodyLimit { fits: AtomicU64::new(u64::MAX), refused: AtomicU64::new(u64::MAX) }
    }
}

impl BodyLimit {
    /// The most that a request should carry.
    pub(crate) fn fits(&self) -> u64 {
        self.fits.load(Ordering::Relaxed)
    }

    /// A body of that size was refused. Whether a smaller one may do, where pieces have at least `least`
    /// bytes.
    ///
    /// Sizes are halved, to powers of two, which limits are most often.
    pub(crate) fn refuse(&self, bytes: u64, least: u64) -> bool {
        self.refused.fetch_min(bytes, Ordering::Relaxed);
        let Some(smaller) = bytes.checked_sub(1).and_then(u64::checked_ilog2).map(|log| 1_u64 << log) else {
            return false;
        };
        let smaller = smaller.min(LARGEST);
        if smaller < least.max(LEAST) {
            return false;
        }
        self.fits.fetch_min(smaller, Ordering::Relaxed);
        true
    }

    /// Pieces of that size arrived where larger bodies only broke off.
    pub(crate) fn settle_for(&self, bytes: u64) {
        self.fits.fetch_min(bytes, Ordering::Relaxed);
    }

    /// What an operator has to know of the limit, where there is one.
    pub(crate) fn explanation(&self) -> Option<String> {
        let refused = self.refused.load(Ordering::Relaxed);
        (refused != u64::MAX).then(|| {
            format!(
                "a request with {refused} bytes was refused with 413: most likely a proxy before the registry has a limit for the size of a \
                 request's body (nginx: client_max_body_size, 1 MiB unless it is set; Cloudflare: 100 MB in most plans), which has to be raised \
                 there, or a way to the registry be used that doesn't lead through it"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_halved_within_bounds() {
        let limit = BodyLimit::default();
        assert_eq!((limit.fits(), limit.explanation()), (u64::MAX, None));
        let mut sizes = Vec::new();
        let mut body = 5 << 30;
        while limit.refuse(body, 0) {
            body = limit.fits();
            sizes.push(body >> 10);
        }
        assert_eq!(sizes, [65536, 32768, 16384, 8192, 4096, 2048, 1024, 512, 256, 128, 64]);
        assert!(limit.explanation().unwrap().contains("a request with 65536 bytes"));
        for (body, fits) in [(3_500_000, 2 << 20), (1 << 21, 1 << 20), ((1 << 20) + 1, 1 << 20)] {
            let limit = BodyLimit::default();
            assert!(limit.refuse(body, 0));
            assert_eq!(limit.fits(), fits, "{body}");
        }
        for (body, least) in [(0, 0), (1, 0), (65536, 0), (4 << 20, 5 << 20), (4 << 20, 4 << 20)] {
            let limit = BodyLimit::default();
            assert!(!limit.refuse(body, least), "{body} {least}");
            assert_eq!(limit.fits(), u64::MAX);
        }
    }

    #[test]
    fn what_has_shown_is_kept_for_the_host() {
        let (limits, host) = (BodyLimits::default(), "r.example".parse().unwrap());
        limits.of(&host).settle_for(CAUTIOUS);
        assert_eq!(limits.of(&host).fits(), CAUTIOUS);
        assert_eq!(limits.of(&"other.example".parse().unwrap()).fits(), u64::MAX);
    }
}
