//! Ctrl-C and its relatives: end at once, and say what the same command does next time.
//!
//! Nothing needs to be put in order first: a `.part` is its own journal, and registries keep what was
//! acknowledged.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::ui::Ui;
use crate::ui::term::to_stderr;

/// How long the last words may take: whoever should read them may have stopped reading.
const PATIENCE: Duration = Duration::from_millis(800);

/// What a file size limit (`ulimit -f`) sends beside the error, which is what we want to hear of. It ends the
/// process unless somebody listens. The same number on every system that we know, but Linux on MIPS.
const FILE_SIZE_LIMIT: i32 = 25;

/// What to do when a signal comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Farewell(Arc<Mutex<Last>>);

#[derive(Debug, Default)]
struct Last {
    words: Option<String>,
    /// The words hold only if this is there.
    left: Option<PathBuf>,
    folder: Option<PathBuf>,
    /// What is held while a file is replaced.
    file_in_use: Option<Arc<Mutex<()>>>,
}

impl Last {
    /// What is said behind "interrupted": nothing that doesn't hold.
    fn words(&self) -> String {
        let holds = self.left.as_ref().is_none_or(|left| left.exists());
        self.words.iter().filter(|_| holds).map(|words| format!("; {words}")).collect()
    }
}

impl Farewell {
    /// What the operator is told: what is kept, and how to go on.
    pub(crate) fn say(&self, words: impl Into<String>) {
        self.last(|last| (last.words, last.left) = (Some(words.into()), None));
    }

    /// The same, for the time when `left` is there.
    pub(crate) fn say_if_there(&self, left: PathBuf, words: impl Into<String>) {
        self.last(|last| (last.words, last.left) = (Some(words.into()), Some(left)));
    }

    /// A folder of temporary files to be removed.
    pub(crate) fn remove(&self, folder: PathBuf) {
        self.last(|last| last.folder = Some(folder));
    }

    /// A lock that is taken, and kept, before the end: whoever holds it replaces a file, and leaves nothing
    /// unfinished then.
    pub(crate) fn hold(&self, file_in_use: Arc<Mutex<()>>) {
        self.last(|last| last.file_in_use = Some(file_in_use));
    }

    fn last<T>(&self, change: impl FnOnce(&mut Last) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Last {
        self.last(std::mem::take)
    }
}

/// Ends the process when a signal asks for it: with 130 on Ctrl-C, as shells do, and 143 on SIGTERM. Signals
/// are listened for from the call on; must be called within the runtime.
pub(crate) fn watch(ui: Ui, farewell: Farewell) -> impl Future<Output = ()> + Send + 'static {
    // Once somebody listens, it is ignored for good.
    let _ = signal(SignalKind::from_raw(FILE_SIZE_LIMIT));
    // Where signals can't be watched, they end the process by themselves. A hangup is left alone: nohup
    // relies on it.
    let listening =
        signal(SignalKind::interrupt()).and_then(|first| Ok((first, signal(SignalKind::terminate())?)));
    async move {
        let Ok((mut interrupt, mut terminate)) = listening else { return };
        let signal = tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        };
        let said = tokio::task::spawn_blocking(move || part(&ui, farewell.take()));
        tokio::select! {
            _ = said => {}
            // Whoever asks twice doesn't want to hear it.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
        std::process::exit(128 + signal);
    }
}

/// Blocks where standard error does, or a disk.
fn part(ui: &Ui, last: Last) {
    if let Some(lock) = &last.file_in_use {
        // Kept to the end of the process.
        std::mem::forget(lock.lock());
    }
    if let Some(folder) = &last.folder {
        // Left behind, it is a temporary folder like any other.
        let _ = std::fs::remove_dir_all(folder);
    }
    ui.progress().close();
    to_stderr(&format!("airlift: interrupted{}\n", last.words()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_said_to_be_kept() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("b.tar.part");
        let words = || {
            let farewell = Farewell::default();
            farewell.say_if_there(part.clone(), "it is kept");
            farewell.take().words()
        };
        assert_eq!(words(), "");
        std::fs::write(&part, "x").unwrap();
        assert_eq!(words(), "; it is kept");
        let farewell = Farewell::default();
        assert_eq!(farewell.take().words(), "");
        farewell.say("repeat it");
        assert_eq!(farewell.take().words(), "; repeat it");
    }
}
