//! How many requests are under way at a time.

use std::sync::Mutex;

/// Counts requests from the end of their headers to the last byte of their answers, or the first byte of a
/// refusal.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    now: usize,
    most: usize,
}

impl UnderWay {
    /// One more is under way, until the result is dropped.
    pub(super) fn begin(&self) -> Turn<'_> {
        let mut counts = self.0.lock().unwrap();
        counts.now += 1;
        counts.most = counts.most.max(counts.now);
        Turn(self)
    }

    /// The most so far.
    pub(super) fn most(&self) -> usize {
        self.0.lock().unwrap().most
    }
}

/// A request that is under way.
pub(super) struct Turn<'a>(&'a UnderWay);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().now -= 1;
    }
}
