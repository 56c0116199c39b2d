//! The least rate of a response's body: a peer that sends a byte now and then would hold a run for ever, and
//! never let it time out.

use std::time::Duration;

/// Watches over one body. Only waiting counts: what a rate limit or a slow disk takes is not the peer's
/// fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinimumRate {
    /// Bytes per second.
    minimum: u64,
    /// How long must be waited before the average says something.
    window: Duration,
    waited: Duration,
    bytes: u64,
}

/// What came in a whole window, where that is too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSlow {
    pub(crate) bytes: u64,
    pub(crate) after: Duration,
    pub(crate) minimum: u64,
}

impl MinimumRate {
    /// At least `minimum` bytes per second, on the average of each `window` of waiting. 0: any.
    pub(crate) fn new(minimum: u64, window: Duration) -> Self {
        MinimumRate { minimum, window, waited: Duration::ZERO, bytes: 0 }
    }

    /// Takes notice of `bytes` that were waited for; says so when it has become too slow.
    pub(crate) fn took(&mut self, waited: Duration, bytes: usize) -> Result<(), TooSlow> {
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.waited < self.window {
            return Ok(());
        }
        let slow = TooSlow { bytes: self.bytes, after: self.waited, minimum: self.minimum };
        let needed = self.minimum as f64 * self.waited.as_secs_f64();
        let enough = self.bytes as f64 >= needed;
        *self = MinimumRate::new(self.minimum, self.window);
        if enough { Ok(()) } else { Err(slow) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_average_below_the_minimum_is_too_slow() {
        let mut rate = MinimumRate::new(1000, 10 * SECOND);
        for _ in 0..9 {
            rate.took(SECOND, 1).unwrap();
        }
        let slow = rate.took(SECOND, 1).unwrap_err();
        assert_eq!(slow, TooSlow { bytes: 10, after: 10 * SECOND, minimum: 1000 });
    }

    #[test]
    fn each_window_counts_for_itself_and_only_waiting_counts() {
        let mut rate = MinimumRate::new(1000, 10 * SECOND);
        rate.took(10 * SECOND, 1_000_000).unwrap();
        assert!(rate.took(10 * SECOND, 9_999).is_err());
        for _ in 0..1000 {
            rate.took(Duration::ZERO, 1).unwrap();
        }
        MinimumRate::new(0, SECOND).took(10 * SECOND, 0).unwrap();
    }
}
