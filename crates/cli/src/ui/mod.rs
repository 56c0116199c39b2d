//! How things look: progress, tables, colours, sizes. The commands decide what is printed.

mod bars;
pub(crate) mod interrupt;
pub(crate) mod kinds;
pub(crate) mod log;
pub(crate) mod options;
mod phase;
pub(crate) mod progress;
pub(crate) mod size;
pub(crate) mod table;
pub(crate) mod term;

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use airlift_oci::Observer;
use options::Global;
use progress::{Progress, ProgressChoice};
use serde::Serialize;
use term::{Paint, Stream, Tone};

use crate::failure::Failure;

/// Whether texts that are no results are shown: plans, and what else is good to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notes {
    Shown,
    /// With `--quiet`: errors and warnings only.
    Hidden,
}

/// The output to the person, or the script, that runs the command.
#[derive(Clone)]
pub(crate) struct Ui {
    /// Results are one JSON document.
    pub(crate) json: bool,
    /// `-v`, counted.
    pub(crate) verbosity: u8,
    /// Standard output.
    pub(crate) out: Stream,
    /// Standard error.
    pub(crate) err: Stream,
    notes: Notes,
    progress: Arc<Progress>,
}

impl Ui {
    /// Output in the form that the global options ask for.
    pub(crate) fn new(global: &Global) -> Self {
        let err = Stream::stderr(global.color);
        let choice = if global.quiet { ProgressChoice::None } else { global.progress };
        Ui {
            json: global.json,
            verbosity: global.verbose,
            out: Stream::stdout(global.color),
            err,
            notes: if global.quiet { Notes::Hidden } else { Notes::Shown },
            progress: Arc::new(Progress::new(choice, err)),
        }
    }

    /// The observer that libraries report to.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.progress) as Arc<dyn Observer>
    }

    /// The progress display itself.
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Prints a result to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.progress.rest();
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::Stdout)
    }

    /// Prints a result piece by piece.
    pub(crate) fn print_by(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        self.progress.rest();
        let mut stdout = BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
        write(&mut stdout).and_then(|()| stdout.flush()).map_err(Failure::Stdout)
    }

    /// Prints a result as a JSON document.
    pub(crate) fn print_json(&self, document: &impl Serialize) -> Result<(), Failure> {
        self.progress.rest();
        crate::output::write_to(&mut std::io::stdout().lock(), document).map_err(Failure::Stdout)
    }

    /// Prints what is no result, but good to know: to standard error, unless `--quiet` or `--json` is given.
    pub(crate) fn note(&self, text: &str) {
        if self.notes == Notes::Shown && !self.json {
            self.progress.print(text);
        }
    }

    /// Prints a warning, with `--quiet`, too.
    pub(crate) fn warn(&self, message: &str) {
        let event = airlift_oci::Event::Warning { message: message.to_owned(), remedy: None };
        self.progress.notice(event);
    }
}

/// A text behind a margin of spaces, broken where the terminal ends. Off a terminal it stays one line.
pub(crate) fn indented(margin: usize, tone: Tone, text: &str, stream: &Stream) -> String {
    let width = stream.width.map_or(usize::MAX, |width| width.saturating_sub(margin).max(20));
    let line = |line: String| format!("{}{}\n", " ".repeat(margin), stream.paint.tone(tone, &line));
    table::wrap(text, width).into_iter().map(line).collect()
}

/// Name and value pairs, aligned.
pub(crate) fn facts(paint: Paint, facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let line = |(name, value): &(&str, String)| {
        format!("{}{value}\n", paint.tone(Tone::Dim, &format!("{name:width$}")))
    };
    facts.iter().map(line).collect()
}
