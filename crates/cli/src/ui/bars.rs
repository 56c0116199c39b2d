//! Bars on a terminal: one for the whole, with rate and time left, and one for each large piece in flight.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use airlift_oci::{Digest, Event};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::ui::phase::Pace;
use crate::ui::size;
use crate::ui::term::{Stream, harmless, keep_end, to_stderr};

/// A piece gets a bar when it has been in flight this long: the bars of short transfers would only flicker.
const PATIENCE: Duration = Duration::from_millis(300);
/// Redraws a second.
const REDRAWS: u8 = 10;
/// Bars for pieces; more don't fit a screen.
const MOST: usize = 8;
/// What the bar and the numbers of a piece take of its line.
const BESIDE_LABEL: usize = 44;
/// What the numbers of the whole take of its line: name, percent, bytes, rate and time left.
const BESIDE_WHOLE: usize = 64;

pub(crate) struct Bars {
    all: MultiProgress,
    whole: Option<ProgressBar>,
    pieces: HashMap<Digest, Piece>,
    coloured: bool,
    label_width: usize,
    whole_width: usize,
}

struct Piece {
    label: String,
    size: u64,
    done: u64,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Bars {
    pub(crate) fn new(stream: Stream) -> Self {
        let width = stream.width.unwrap_or(80);
        Bars {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS)),
            whole: None,
            pieces: HashMap::new(),
            coloured: stream.paint.coloured,
            label_width: width.saturating_sub(BESIDE_LABEL).clamp(12, 64),
            whole_width: width.saturating_sub(BESIDE_WHOLE).clamp(8, 40),
        }
    }

    /// Writes lines above the bars.
    pub(crate) fn print(&self, text: &str) {
        self.all.suspend(|| to_stderr(text));
    }

    pub(crate) fn clear(&mut self) {
        self.end();
        // Nothing can be done where the terminal is gone.
        let _ = self.all.clear();
    }

    /// Begins a phase. `found` counts the bytes that were there already.
    pub(crate) fn begin(&mut self, name: &'static str, total: u64, found: Arc<AtomicU64>) {
        self.end();
        let bar = self.all.add(ProgressBar::new(total));
        let (name_style, bar_style) = if self.coloured { (":.bold", ".cyan/dim") } else { ("", "") };
        let width = self.whole_width;
        let style = self.style(&format!(
            "{{prefix{name_style}}} {{bar:{width}{bar_style}}} {{percent:>3}} %  \
             {{binary_bytes}} of {{binary_total_bytes}}  {{pace}}"
        ));
        bar.set_style(style.with_key("pace", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // Nothing can be done where it can't be drawn.
            let _ = out.write_str(&pace(state, found.load(Ordering::Relaxed)));
        }));
        bar.set_prefix(name);
        // So that the time left goes on when nothing arrives.
        bar.enable_steady_tick(Duration::from_millis(500));
        self.whole = Some(bar);
    }

    pub(crate) fn end(&mut self) {
        for (_, piece) in self.pieces.drain() {
            piece.finish();
        }
        if let Some(whole) = self.whole.take() {
            whole.finish_and_clear();
        }
    }

    pub(crate) fn advance(&mut self, digest: &Digest, bytes: u64) {
        if let Some(whole) = &self.whole {
            whole.inc(bytes);
        }
        let shown = self.pieces.values().filter(|piece| piece.bar.is_some()).count();
        let Some(piece) = self.pieces.get_mut(digest) else { return };
        piece.done = piece.done.saturating_add(bytes);
        if let Some(bar) = &piece.bar {
            bar.set_position(piece.done);
            return;
        }
        if shown < MOST && piece.since.elapsed() >= PATIENCE {
            let (label, size, done) = (piece.label.clone(), piece.size, piece.done);
            let bar = self.piece_bar(&label, size);
            bar.set_position(done);
            if let Some(piece) = self.pieces.get_mut(digest) {
                piece.bar = Some(bar);
            }
        }
    }

    pub(crate) fn rewind(&mut self, digest: &Digest, bytes: u64) {
        if let Some(whole) = &self.whole {
            whole.set_position(whole.position().saturating_sub(bytes));
        }
        if let Some(piece) = self.pieces.get_mut(digest) {
            piece.done = piece.done.saturating_sub(bytes);
            if let Some(bar) = &piece.bar {
                bar.set_position(piece.done);
            }
        }
    }

    pub(crate) fn lengthen(&mut self, bytes: u64) {
        if let Some(whole) = &self.whole {
            whole.inc_length(bytes);
        }
    }

    pub(crate) fn shorten(&mut self, bytes: u64) {
        if let Some(whole) = &self.whole {
            whole.dec_length(bytes);
        }
    }

    pub(crate) fn notice(&mut self, event: Event) {
        match event {
            Event::Resolving { reference } => self.look_up(&reference),
            Event::Started { digest, label, size } => {
                let piece = Piece { label, size, done: 0, since: Instant::now(), bar: None };
                if let Some(earlier) = self.pieces.insert(digest, piece) {
                    earlier.finish();
                }
            }
            Event::Finished { digest } => {
                if let Some(piece) = self.pieces.remove(&digest) {
                    piece.finish();
                }
            }
            _ => {}
        }
    }

    /// Shows the request that is made, before the length of the work is known.
    fn look_up(&mut self, reference: &str) {
        if self.whole.as_ref().is_none_or(|bar| bar.length().is_some()) {
            self.end();
            let spinner = self.all.add(ProgressBar::new_spinner());
            spinner.set_style(self.style("{spinner} looking up {msg}"));
            spinner.enable_steady_tick(Duration::from_millis(120));
            self.whole = Some(spinner);
        }
        if let Some(spinner) = &self.whole {
            spinner.set_message(keep_end(&harmless(reference), self.label_width + BESIDE_LABEL - 16));
        }
    }

    fn piece_bar(&self, label: &str, size: u64) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new(size));
        let width = self.label_width;
        let style = if self.coloured { ".cyan/dim" } else { "" };
        bar.set_style(self.style(&format!(
            "  {{prefix:{width}}} {{bar:16{style}}} {{binary_bytes:>10}} of {{binary_total_bytes}}"
        )));
        bar.set_prefix(keep_end(&harmless(label), width));
        bar
    }

    fn style(&self, template: &str) -> ProgressStyle {
        let style = ProgressStyle::with_template(template);
        style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
    }
}

/// Rate and time left of the bytes that are moved. The bar's own rate would count those that were there.
fn pace(state: &ProgressState, found: u64) -> String {
    let total = state.len().unwrap_or_default();
    let pace = Pace::of(state.pos(), found, total, state.elapsed());
    pace.map_or(String::new(), |pace| format!("{}  {} left", pace.rate, size::duration(pace.left)))
}

impl Piece {
    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
