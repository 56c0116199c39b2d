//! Log lines of Airlift's own crates, for `-v`. Other crates' logs could hold headers, and so secrets: they
//! stay silent.

use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::ui::Ui;
use crate::ui::progress::Progress;

/// Starts logging to standard error; nothing below `-v`.
pub(crate) fn start(ui: &Ui) {
    let level = match ui.verbosity {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Lines(Arc::clone(ui.progress())))
        .with_ansi(ui.err.paint.coloured)
        .with_target(true)
        .without_time();
    let ours = Targets::new().with_target("airlift", level);
    // It fails only where something is logging already, and then there is nothing to do.
    let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
}

/// Hands log lines to the progress display, which keeps them apart from its bars.
struct Lines(Arc<Progress>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { progress: Arc::clone(&self.0), text: Vec::new() }
    }
}

struct Line {
    progress: Arc<Progress>,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.progress.print(&String::from_utf8_lossy(&self.text));
    }
}
