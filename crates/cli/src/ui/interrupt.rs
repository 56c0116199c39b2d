//! Ctrl-C and its relatives: end at once, and say what the same command does next time.
//!
//! Nothing needs to be put in order first: a `.part` is its own journal, and registries keep what was acknowledged.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

use crate::ui::Ui;
use crate::ui::progress::to_stderr;

/// What to do when a signal comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Farewell(Arc<Mutex<Last>>);

#[derive(Debug, Default)]
struct Last {
    words: Option<String>,
    folder: Option<PathBuf>,
}

impl Farewell {
    /// What the operator is told: what is kept, and how to go on.
    pub(crate) fn say(&self, words: impl Into<String>) {
        self.last(|last| last.words = Some(words.into()));
    }

    /// A folder of temporary files to be removed.
    pub(crate) fn remove(&self, folder: PathBuf) {
        self.last(|last| last.folder = Some(folder));
    }

    fn last<T>(&self, change: impl FnOnce(&mut Last) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Last {
        self.last(std::mem::take)
    }
}

/// Ends the process when a signal asks for it: with 130 on Ctrl-C, as shells do, and 143 on SIGTERM.
pub(crate) async fn watch(ui: Ui, farewell: Farewell) {
    // Where signals can't be watched, they end the process by themselves. A hangup is left alone: nohup relies on it.
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let signal = tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    };
    ui.progress().close();
    let Last { words, folder } = farewell.take();
    let words = words.map(|words| format!("; {words}")).unwrap_or_default();
    to_stderr(&format!("airlift: interrupted{words}\n"));
    if let Some(folder) = folder {
        // Left behind, it is a temporary folder like any other.
        let _ = std::fs::remove_dir_all(folder);
    }
    std::process::exit(128 + signal);
}
