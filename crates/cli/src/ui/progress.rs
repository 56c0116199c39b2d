//! Progress on standard error: bars on a terminal, a line now and then elsewhere.
//!
//! Everything that goes to standard error while work is going on passes through here, so that lines and bars don't get
//! into each other's way.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use airlift_bundle::{Event, Observer};

use crate::ui::bars::Bars;
use crate::ui::size;
use crate::ui::term::{Stream, Tone, harmless};

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressChoice {
    /// Bars on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Bars.
    Bar,
    /// A line now and then.
    Plain,
    /// Nothing.
    None,
}

/// Between two lines of the plain form: this long, or [`STEP`] of the whole.
const PAUSE: Duration = Duration::from_secs(10);
/// A tenth.
const STEP: u64 = 10;
/// Lines for tenths come no faster than this.
const SHORTEST: Duration = Duration::from_secs(1);

/// Shows what libraries tell.
pub(crate) struct Progress {
    stream: Stream,
    state: Mutex<State>,
}

struct State {
    view: View,
    phase: Option<Phase>,
}

enum View {
    Bars(Box<Bars>),
    Plain,
    Nothing,
}

/// A phase of known length that is going on.
struct Phase {
    name: &'static str,
    total: u64,
    done: u64,
    started: Instant,
    told: u64,
    told_at: Instant,
}

impl Progress {
    /// Progress in the form that was asked for.
    pub(crate) fn new(choice: ProgressChoice, stream: Stream) -> Self {
        let view = match choice {
            ProgressChoice::None => View::Nothing,
            ProgressChoice::Bar => View::Bars(Box::new(Bars::new(stream))),
            ProgressChoice::Auto if stream.is_terminal => View::Bars(Box::new(Bars::new(stream))),
            ProgressChoice::Auto | ProgressChoice::Plain => View::Plain,
        };
        Progress { stream, state: Mutex::new(State { view, phase: None }) }
    }

    /// Writes lines, above the bars if there are any.
    pub(crate) fn print(&self, text: &str) {
        let state = self.state();
        state.view.print(text);
    }

    /// Takes the bars away; the next phase brings them back.
    pub(crate) fn rest(&self) {
        if let View::Bars(bars) = &mut self.state().view {
            bars.clear();
        }
    }

    /// Takes the bars away, for good.
    pub(crate) fn close(&self) {
        self.rest();
        self.state().view = View::Nothing;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warn(&self, message: &str) {
        let paint = self.stream.paint;
        let line = format!("airlift: {}: {}\n", paint.tone(Tone::Odd, "warning"), harmless(message));
        self.state().view.print(&line);
    }

    fn retrying(&self, what: &str, reason: &str, attempt: u32, delay: Duration) {
        let state = self.state();
        if matches!(state.view, View::Nothing) {
            return;
        }
        let (what, reason, delay) = (harmless(what), harmless(reason), size::duration(delay));
        let line = format!("airlift: {what}: attempt {attempt} follows in {delay}: {reason}\n");
        state.view.print(&self.stream.paint.tone(Tone::Dim, &line));
    }
}

impl View {
    fn print(&self, text: &str) {
        match self {
            View::Bars(bars) => bars.print(text),
            View::Plain | View::Nothing => to_stderr(text),
        }
    }
}

/// Where standard error can't be written to, there is nobody to tell.
pub(crate) fn to_stderr(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

impl Observer for Progress {
    fn notice(&self, event: Event) {
        match event {
            Event::Warning { message } => self.warn(&message),
            Event::Retrying { what, reason, attempt, delay_ms } => {
                self.retrying(&what, &reason, attempt, Duration::from_millis(delay_ms));
            }
            Event::PhaseStarted { phase, bytes } => self.state().begin(phase, bytes),
            Event::PhaseEnded { .. } => self.state().end(),
            Event::Advanced { digest, bytes } => {
                let mut state = self.state();
                state.advance(bytes);
                if let View::Bars(bars) = &mut state.view {
                    bars.advance(&digest, bytes);
                }
            }
            Event::Rewound { digest, bytes } => {
                let mut state = self.state();
                if let Some(phase) = &mut state.phase {
                    phase.done = phase.done.saturating_sub(bytes);
                    phase.told = phase.told.min(phase.done);
                }
                if let View::Bars(bars) = &mut state.view {
                    bars.rewind(&digest, bytes);
                }
            }
            event => {
                if let View::Bars(bars) = &mut self.state().view {
                    bars.notice(event);
                }
            }
        }
    }
}

impl State {
    fn begin(&mut self, name: &'static str, total: u64) {
        let now = Instant::now();
        self.phase = Some(Phase { name, total, done: 0, started: now, told: 0, told_at: now });
        if let View::Bars(bars) = &mut self.view {
            bars.begin(name, total);
        }
    }

    fn advance(&mut self, bytes: u64) {
        let Some(phase) = &mut self.phase else { return };
        phase.done = phase.done.saturating_add(bytes);
        if matches!(self.view, View::Plain)
            && let Some(line) = phase.news(Instant::now())
        {
            to_stderr(&line);
        }
    }

    fn end(&mut self) {
        let Some(phase) = self.phase.take() else { return };
        if let View::Bars(bars) = &mut self.view {
            bars.end();
        }
        if phase.total > 0 && !matches!(self.view, View::Nothing) {
            self.view.print(&phase.summary(phase.started.elapsed()));
        }
    }
}

impl Phase {
    /// A line, where it is time for one.
    fn news(&mut self, now: Instant) -> Option<String> {
        let silent = now.saturating_duration_since(self.told_at);
        let much = (self.done - self.told).saturating_mul(STEP) >= self.total;
        if silent < SHORTEST || !(much || silent >= PAUSE) || self.done >= self.total {
            return None;
        }
        (self.told, self.told_at) = (self.done, now);
        let percent = u128::from(self.done) * 100 / u128::from(self.total.max(1));
        let (done, total) = (size::human(self.done), size::human(self.total));
        let mut line = format!("{} {done} of {total} ({percent} %)", self.name);
        let elapsed = now.saturating_duration_since(self.started);
        if let Some(rate) = size::rate(self.done, elapsed).filter(|_| self.done > 0) {
            let left = elapsed.as_secs_f64() * (self.total - self.done) as f64 / self.done as f64;
            let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
            line.push_str(&format!(", {rate}, {} left", size::duration(left)));
        }
        line.push('\n');
        Some(line)
    }

    /// The line that stays when the phase is over, be it that all of it was done or not.
    fn summary(&self, elapsed: Duration) -> String {
        let (done, time) = (size::human(self.done), size::duration(elapsed));
        if self.done < self.total {
            return format!("{} {done} of {} in {time}\n", self.name, size::human(self.total));
        }
        match size::rate(self.done, elapsed) {
            Some(rate) => format!("{} {done} in {time}, {rate}\n", self.name),
            None => format!("{} {done} in {time}\n", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(total: u64) -> (Phase, Instant) {
        let now = Instant::now();
        (Phase { name: "fetch", total, done: 0, started: now, told: 0, told_at: now }, now)
    }

    #[test]
    fn plain_lines_come_by_tenths_and_by_time() {
        let (mut phase, start) = phase(1000 << 20);
        let after = |seconds| start + Duration::from_secs(seconds);
        phase.done = 99 << 20;
        assert_eq!(phase.news(after(2)), None);
        phase.done = 100 << 20;
        let line = phase.news(after(2)).unwrap();
        assert_eq!(line, "fetch 100.0 MiB of 1000.0 MiB (10 %), 50.0 MiB/s, 18 s left\n");
        assert_eq!(phase.news(after(11)), None);
        assert!(phase.news(after(12)).is_some(), "ten seconds without a line");
        phase.done = phase.total;
        assert_eq!(phase.news(after(60)), None, "the summary says so");
    }

    #[test]
    fn a_phase_that_was_cut_short_says_so() {
        let (mut phase, _) = phase(4 << 20);
        phase.done = 4 << 20;
        assert_eq!(phase.summary(Duration::from_secs(2)), "fetch 4.0 MiB in 2.0 s, 2.0 MiB/s\n");
        phase.done = 1 << 20;
        assert_eq!(phase.summary(Duration::from_secs(2)), "fetch 1.0 MiB of 4.0 MiB in 2.0 s\n");
    }
}
