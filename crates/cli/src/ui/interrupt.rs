//! Ctrl-C and SIGTERM: the process ends at once, and says how the same command goes on.
//!
//! Nothing needs to be cleaned up first: a `.part` is its own journal, and registries keep what they
//! acknowledged.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::ui::Ui;
use crate::ui::term::to_stderr;

/// How long the last message may take: the reader of standard error may have stopped reading.
const PATIENCE: Duration = Duration::from_millis(800);

/// The signal that a file size limit (`ulimit -f`) sends beside the error of the write. It ends the process
/// unless it is handled, and we want the error. The number is the same on all systems but Linux on MIPS.
const FILE_SIZE_LIMIT: i32 = 25;

/// What to do when a signal comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnInterrupt(Arc<Mutex<Actions>>);

#[derive(Debug, Default)]
struct Actions {
    explanation: Option<String>,
    /// The explanation is true only if this file exists.
    left: Option<PathBuf>,
    folder: Option<PathBuf>,
    undo: Option<Undo>,
    /// The locks that are held while files are replaced.
    files_in_use: Vec<Arc<Mutex<()>>>,
}

/// What makes a change of the terminal good again.
struct Undo(Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Undo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Undo")
    }
}

impl Actions {
    /// The end of the message "interrupted": the explanation, if it is true.
    fn explanation(&self) -> String {
        let is_true = self.left.as_ref().is_none_or(|left| left.exists());
        self.explanation.iter().filter(|_| is_true).map(|text| format!("; {text}")).collect()
    }
}

impl OnInterrupt {
    /// Sets the explanation for the operator: what is kept, and how to go on.
    pub(crate) fn explain(&self, text: impl Into<String>) {
        self.change(|actions| (actions.explanation, actions.left) = (Some(text.into()), None));
    }

    /// Sets an explanation that is only shown if the file `left` exists.
    pub(crate) fn explain_if_there(&self, left: PathBuf, text: impl Into<String>) {
        self.change(|actions| (actions.explanation, actions.left) = (Some(text.into()), Some(left)));
    }

    /// Sets the folder of temporary files that is removed.
    pub(crate) fn remove_folder(&self, folder: PathBuf) {
        self.change(|actions| actions.folder = Some(folder));
    }

    /// Adds a lock that is taken before the process ends. The thread that replaces a file holds it, so the
    /// file is not left unfinished.
    pub(crate) fn wait_for(&self, file_in_use: Arc<Mutex<()>>) {
        self.change(|actions| actions.files_in_use.push(file_in_use));
    }

    /// Sets what makes a change of the terminal good again. From then on, SIGHUP and SIGQUIT (Ctrl-\\) do it,
    /// too, before they end the process. Call it within the runtime.
    pub(crate) fn undo(&self, undo: impl FnOnce() + Send + 'static) {
        self.change(|actions| actions.undo = Some(Undo(Box::new(undo))));
        let handlers =
            signal(SignalKind::hangup()).and_then(|first| Ok((first, signal(SignalKind::quit())?)));
        let Ok((mut hangup, mut quit)) = handlers else { return };
        let on_interrupt = self.clone();
        tokio::spawn(async move {
            let signal = tokio::select! {
                _ = hangup.recv() => 1,
                _ = quit.recv() => 3,
            };
            if let Some(Undo(undo)) = on_interrupt.take().undo {
                undo();
            }
            std::process::exit(128 + signal);
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Actions) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Actions {
        self.change(std::mem::take)
    }
}

/// Ends the process when a signal asks for it: with 130 on Ctrl-C, as shells do, and 143 on SIGTERM. Signals
/// are handled from this call on. Call it within the runtime.
pub(crate) fn watch(ui: Ui, on_interrupt: OnInterrupt) -> impl Future<Output = ()> + Send + 'static {
    // A handler that does nothing: the signal is ignored for good.
    let _ = signal(SignalKind::from_raw(FILE_SIZE_LIMIT));
    // If signals can't be handled, they end the process by themselves. SIGHUP is left alone: nohup relies on
    // it.
    let handlers =
        signal(SignalKind::interrupt()).and_then(|first| Ok((first, signal(SignalKind::terminate())?)));
    async move {
        let Ok((mut interrupt, mut terminate)) = handlers else { return };
        let signal = tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        };
        let finished = tokio::task::spawn_blocking(move || finish(&ui, on_interrupt.take()));
        tokio::select! {
            _ = finished => {}
            // The second signal ends the process at once.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
        std::process::exit(128 + signal);
    }
}

/// Carries out the actions. Blocks where standard error or a disk does.
fn finish(ui: &Ui, mut actions: Actions) {
    if let Some(Undo(undo)) = actions.undo.take() {
        undo();
    }
    for lock in &actions.files_in_use {
        // Held to the end of the process.
        std::mem::forget(lock.lock());
    }
    if let Some(folder) = &actions.folder {
        // A folder that is left behind is a temporary folder like any other.
        let _ = std::fs::remove_dir_all(folder);
    }
    ui.progress().close();
    to_stderr(&format!("airlift: interrupted{}\n", actions.explanation()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_said_to_be_kept() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("b.tar.part");
        let explanation = || {
            let on_interrupt = OnInterrupt::default();
            on_interrupt.explain_if_there(part.clone(), "it is kept");
            on_interrupt.take().explanation()
        };
        assert_eq!(explanation(), "");
        std::fs::write(&part, "x").unwrap();
        assert_eq!(explanation(), "; it is kept");
        let on_interrupt = OnInterrupt::default();
        assert_eq!(on_interrupt.take().explanation(), "");
        on_interrupt.explain("repeat it");
        assert_eq!(on_interrupt.take().explanation(), "; repeat it");
    }
}
