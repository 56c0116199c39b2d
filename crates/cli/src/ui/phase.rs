//! A phase of known length: how much of it is done, how fast, and the lines that report it.
//!
//! Bytes that were there already count towards the length, but not towards the speed: after a resume, or with
//! a registry that has most of the content, rate and time left are those of the bytes that are moved.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use airlift_oci::Digest;

use crate::ui::size;

/// Between two lines of the plain form: this long, or [`STEP`] of the whole.
const PAUSE: Duration = Duration::from_secs(10);
/// A tenth.
const STEP: u64 = 10;
/// Lines for tenths come no faster than this.
const SHORTEST: Duration = Duration::from_secs(1);

/// How bytes came to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// They went by in this phase.
    Moved,
    /// They were there.
    Found,
}

/// Bytes of one piece of content, from the first on that were there.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    moved: u64,
    found: u64,
}

/// A phase of known length that is going on.
#[derive(Debug)]
pub(crate) struct Phase {
    name: &'static str,
    total: u64,
    done: u64,
    /// The bytes that are done because they were there; shared with the bars.
    found: Arc<AtomicU64>,
    /// The pieces of which bytes were there. Of the others, nothing has to be known to take bytes back.
    pieces: HashMap<Digest, Counted>,
    started: Instant,
    reported: u64,
    reported_at: Instant,
}

impl Phase {
    pub(crate) fn new(name: &'static str, total: u64) -> Self {
        let now = Instant::now();
        let (found, pieces) = (Arc::default(), HashMap::new());
        Phase { name, total, done: 0, found, pieces, started: now, reported: 0, reported_at: now }
    }

    /// The count of the bytes that were there.
    pub(crate) fn found(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.found)
    }

    pub(crate) fn advance(&mut self, digest: Digest, bytes: u64, which: Bytes) {
        self.done = self.done.saturating_add(bytes);
        match which {
            Bytes::Moved => {
                if let Some(piece) = self.pieces.get_mut(&digest) {
                    piece.moved = piece.moved.saturating_add(bytes);
                }
            }
            Bytes::Found => {
                let piece = self.pieces.entry(digest).or_default();
                piece.found = piece.found.saturating_add(bytes);
                self.found.fetch_add(bytes, Ordering::Relaxed);
            }
        }
    }

    /// Takes back bytes of a piece that were counted: first those that were moved, then those that were
    /// there.
    pub(crate) fn rewind(&mut self, digest: Digest, bytes: u64) {
        self.done = self.done.saturating_sub(bytes);
        self.reported = self.reported.min(self.done);
        let Some(piece) = self.pieces.get_mut(&digest) else { return };
        let moved = piece.moved.min(bytes);
        let found = piece.found.min(bytes - moved);
        (piece.moved, piece.found) = (piece.moved - moved, piece.found - found);
        self.found.fetch_sub(found, Ordering::Relaxed);
    }

    pub(crate) fn lengthen(&mut self, bytes: u64) {
        self.total = self.total.saturating_add(bytes);
    }

    pub(crate) fn shorten(&mut self, bytes: u64) {
        self.total = self.total.saturating_sub(bytes);
    }

    /// A line, where it is time for one.
    pub(crate) fn news(&mut self, now: Instant) -> Option<String> {
        let silent = now.saturating_duration_since(self.reported_at);
        let much = (self.done - self.reported).saturating_mul(STEP) >= self.total;
        if silent < SHORTEST || !(much || silent >= PAUSE) || self.done >= self.total {
            return None;
        }
        (self.reported, self.reported_at) = (self.done, now);
        let percent = u128::from(self.done) * 100 / u128::from(self.total.max(1));
        let (done, total) = (size::human(self.done), size::human(self.total));
        let mut line = format!("{} {done} of {total} ({percent} %)", self.name);
        let elapsed = now.saturating_duration_since(self.started);
        if let Some(pace) = Pace::of(self.done, self.found.load(Ordering::Relaxed), self.total, elapsed) {
            line.push_str(&format!(", {}, {} left", pace.rate, size::duration(pace.left)));
        }
        line.push('\n');
        Some(line)
    }

    /// The line that stays when the phase is over, be it that all of it was done or not. None where there was
    /// nothing to do.
    pub(crate) fn summary(&self, now: Instant) -> Option<String> {
        if self.total == 0 {
            return None;
        }
        let elapsed = now.saturating_duration_since(self.started);
        let (name, done, time) = (self.name, size::human(self.done), size::duration(elapsed));
        if self.done < self.total {
            return Some(format!("{name} {done} of {} in {time}\n", size::human(self.total)));
        }
        let found = self.found.load(Ordering::Relaxed);
        let moved = self.done.saturating_sub(found);
        let rate = size::rate(moved, elapsed).filter(|_| moved > 0);
        let rate = rate.map(|rate| format!(", {rate}")).unwrap_or_default();
        Some(match found {
            0 => format!("{name} {done} in {time}{rate}\n"),
            _ => {
                let (moved, found) = (size::human(moved), size::human(found));
                format!("{name} {moved} in {time}{rate}; {found} were there already\n")
            }
        })
    }
}

/// How fast a phase is.
pub(crate) struct Pace {
    /// Bytes a second, in words.
    pub(crate) rate: String,
    /// How long the rest takes at this rate.
    pub(crate) left: Duration,
}

impl Pace {
    /// The pace of a phase after `elapsed`; `None` where nothing was moved yet.
    pub(crate) fn of(done: u64, found: u64, total: u64, elapsed: Duration) -> Option<Self> {
        let moved = done.saturating_sub(found);
        let rate = size::rate(moved, elapsed).filter(|_| moved > 0)?;
        let left = elapsed.as_secs_f64() * total.saturating_sub(done) as f64 / moved as f64;
        Some(Pace { rate, left: Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn after(phase: &Phase, seconds: u64) -> Instant {
        phase.started + Duration::from_secs(seconds)
    }

    fn piece(number: u8) -> Digest {
        Digest::sha256(&[number])
    }

    #[test]
    fn plain_lines_come_by_tenths_and_by_time() {
        let mut phase = Phase::new("fetch", 1000 * MIB);
        phase.advance(piece(1), 99 * MIB, Bytes::Moved);
        assert_eq!(phase.news(after(&phase, 2)), None);
        phase.advance(piece(1), MIB, Bytes::Moved);
        let line = phase.news(after(&phase, 2)).unwrap();
        assert_eq!(line, "fetch 100.0 MiB of 1000.0 MiB (10 %), 50.0 MiB/s, 18 s left\n");
        assert_eq!(phase.news(after(&phase, 11)), None);
        assert!(phase.news(after(&phase, 12)).is_some(), "ten seconds without a line");
        phase.advance(piece(1), 900 * MIB, Bytes::Moved);
        assert_eq!(phase.news(after(&phase, 60)), None, "the summary says so");
    }

    #[test]
    fn a_phase_that_was_cut_short_says_so() {
        let mut phase = Phase::new("fetch", 4 * MIB);
        phase.advance(piece(1), MIB, Bytes::Moved);
        assert_eq!(phase.summary(after(&phase, 2)).unwrap(), "fetch 1.0 MiB of 4.0 MiB in 2.0 s\n");
        phase.advance(piece(1), 3 * MIB, Bytes::Moved);
        assert_eq!(phase.summary(after(&phase, 2)).unwrap(), "fetch 4.0 MiB in 2.0 s, 2.0 MiB/s\n");
    }

    #[test]
    fn what_was_there_is_no_speed() {
        let mut phase = Phase::new("fetch", 1000 * MIB);
        phase.advance(piece(1), 500 * MIB, Bytes::Found);
        let line = phase.news(after(&phase, 2)).unwrap();
        assert_eq!(line, "fetch 500.0 MiB of 1000.0 MiB (50 %)\n", "nothing is known of the speed yet");
        phase.advance(piece(1), 100 * MIB, Bytes::Moved);
        let line = phase.news(after(&phase, 10)).unwrap();
        assert_eq!(line, "fetch 600.0 MiB of 1000.0 MiB (60 %), 10.0 MiB/s, 40 s left\n");
        phase.advance(piece(1), 400 * MIB, Bytes::Moved);
        let line = phase.summary(after(&phase, 50)).unwrap();
        assert_eq!(line, "fetch 500.0 MiB in 50 s, 10.0 MiB/s; 500.0 MiB were there already\n");
    }

    #[test]
    fn a_start_that_is_thrown_away_was_not_there() {
        let mut phase = Phase::new("fetch", 100 * MIB);
        phase.advance(piece(1), 50 * MIB, Bytes::Found);
        phase.advance(piece(2), 10 * MIB, Bytes::Found);
        phase.advance(piece(1), 20 * MIB, Bytes::Moved);
        phase.rewind(piece(1), 5 * MIB);
        assert_eq!((phase.done, phase.found.load(Ordering::Relaxed)), (75 * MIB, 60 * MIB));
        phase.rewind(piece(1), 65 * MIB);
        assert_eq!((phase.done, phase.found.load(Ordering::Relaxed)), (10 * MIB, 10 * MIB));
    }

    #[test]
    fn nothing_is_said_of_a_phase_that_came_to_nothing() {
        let mut phase = Phase::new("reuse", 512 * MIB);
        phase.shorten(512 * MIB);
        assert_eq!(phase.summary(after(&phase, 2)), None);
        let mut phase = Phase::new("reuse", 512 * MIB);
        phase.advance(piece(1), 12 * MIB, Bytes::Moved);
        phase.shorten(500 * MIB);
        assert_eq!(phase.summary(after(&phase, 2)).unwrap(), "reuse 12.0 MiB in 2.0 s, 6.0 MiB/s\n");
    }
}
