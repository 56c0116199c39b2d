//! How fast bytes leave, over all connections of a direction.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The rate of one direction.
pub(super) struct Rate {
    bytes_per_second: Option<u64>,
    /// When all bytes that were booked so far have left.
    free: Mutex<Instant>,
}

impl Rate {
    pub(super) fn new(bytes_per_second: Option<u64>) -> Self {
        Rate { bytes_per_second, free: Mutex::new(Instant::now()) }
    }

    /// Books the line for so many bytes that are there `now`; gives the time when the last of them has left.
    pub(super) fn book(&self, bytes: usize, now: Instant) -> Instant {
        let Some(rate) = self.bytes_per_second else { return now };
        let takes = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let mut free = self.free.lock().unwrap();
        *free = (*free).max(now) + takes;
        *free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_one_after_the_other_and_idle_time_is_lost() {
        let rate = Rate::new(Some(1000));
        let start = Instant::now() + Duration::from_secs(1);
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(rate.book(1000, start), after(1));
        assert_eq!(rate.book(2000, start), after(3));
        assert_eq!(rate.book(1000, after(10)), after(11));
    }

    #[test]
    fn without_a_rate_bytes_leave_at_once() {
        let now = Instant::now();
        assert_eq!(Rate::new(None).book(usize::MAX, now), now);
    }
}
