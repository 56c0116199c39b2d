//! Progress on standard error: bars on a terminal, a line now and then elsewhere.
//!
//! All output to standard error passes through here while work is going on, so lines and bars don't overwrite
//! each other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use airlift_oci::{Digest, Event, Observer};

use crate::hint;
use crate::ui::bars::Bars;
use crate::ui::phase::{Bytes, Phase};
use crate::ui::size;
use crate::ui::term::{Stream, Tone, harmless, message, to_stderr};

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

/// Shows what libraries report.
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

    fn warn(&self, text: &str) {
        let paint = self.stream.paint;
        let line = format!("airlift: {}: {}\n", paint.tone(Tone::Odd, "warning"), message(text));
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

impl Observer for Progress {
    fn notice(&self, event: Event) {
        match event {
            Event::Warning { message, remedy: None } => self.warn(&message),
            Event::Warning { message, remedy: Some(remedy) } => {
                self.warn(&format!("{message}; {}", hint::of_remedy(remedy)));
            }
            Event::ProjectCreated { host, project } => {
                // What was done at the registry and stays there is a result: without progress, it shows, too.
                let line = format!("airlift: created the project {project} at {host}, private\n");
                self.state().view.print(&line);
            }
            Event::Retrying { what, reason, attempt, delay_ms } => {
                self.retrying(&what, &reason, attempt, Duration::from_millis(delay_ms));
            }
            Event::PhaseStarted { phase, bytes } => self.state().begin(phase.name(), bytes),
            Event::PhaseEnded { .. } => self.state().end(),
            Event::Advanced { digest, bytes } => self.state().advance(digest, bytes, Bytes::Moved),
            Event::Found { digest, bytes } => self.state().advance(digest, bytes, Bytes::Found),
            Event::Rewound { digest, bytes } => {
                self.state().adjust(|phase| phase.rewind(digest, bytes), |bars| bars.rewind(&digest, bytes));
            }
            Event::Lengthened { bytes } => {
                self.state().adjust(|phase| phase.lengthen(bytes), |bars| bars.lengthen(bytes));
            }
            Event::Shortened { bytes } => {
                self.state().adjust(|phase| phase.shorten(bytes), |bars| bars.shorten(bytes));
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
        let phase = Phase::new(name, total);
        if let View::Bars(bars) = &mut self.view {
            bars.begin(name, total, phase.found());
        }
        self.phase = Some(phase);
    }

    fn advance(&mut self, digest: Digest, bytes: u64, which: Bytes) {
        let Some(phase) = &mut self.phase else { return };
        phase.advance(digest, bytes, which);
        match &mut self.view {
            View::Bars(bars) => bars.advance(&digest, bytes),
            View::Plain => {
                if let Some(line) = phase.news(Instant::now()) {
                    to_stderr(&line);
                }
            }
            View::Nothing => {}
        }
    }

    fn adjust(&mut self, phase: impl FnOnce(&mut Phase), bars: impl FnOnce(&mut Bars)) {
        if let Some(running) = &mut self.phase {
            phase(running);
        }
        if let View::Bars(shown) = &mut self.view {
            bars(shown);
        }
    }

    fn end(&mut self) {
        let Some(phase) = self.phase.take() else { return };
        if let View::Bars(bars) = &mut self.view {
            bars.end();
        }
        if !matches!(self.view, View::Nothing)
            && let Some(line) = phase.summary(Instant::now())
        {
            self.view.print(&line);
        }
    }
}
