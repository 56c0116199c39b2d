//! Ctrl-C and SIGTERM: the process ends at once, and says how the same command goes on.
//!
//! Nothing needs to be cleaned up first: a `.part` is its own journal, and registries keep what they
//! acknowledged.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::ui::Ui;
use crate::ui::term::to_stderr;

/// How long the last message may take: the reader of standard error may have stopped reading.
const PATIENCE: Duration = Duration::from_millis(800);

/// How long it may take until a process stops that asked for it. While it is stopped, no time passes for it.
const STOPPING: Duration = Duration::from_millis(200);

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
    terminal: Option<Arc<dyn TerminalChange>>,
    /// The locks that are held while files are replaced.
    files_in_use: Vec<Arc<Mutex<()>>>,
}

/// A change of the terminal, for as long as a question is open.
pub(crate) trait TerminalChange: std::fmt::Debug + Send + Sync {
    /// Makes the terminal what it was before.
    fn undo(&self);

    /// Changes it again after the process was stopped, if the question is still open.
    fn redo(&self);
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

    /// Sets a change of the terminal that is undone before the process ends. From then on, SIGHUP and SIGQUIT
    /// (Ctrl-\\) undo it, too, before they end the process, and SIGTSTP (Ctrl-Z) before it stops the process.
    /// Call it within the runtime.
    pub(crate) fn undo(&self, terminal: Arc<dyn TerminalChange>) {
        self.change(|actions| actions.terminal = Some(Arc::clone(&terminal)));
        let handlers = [SignalKind::hangup(), SignalKind::quit(), kind(Signal::TSTP)].map(signal);
        let [Ok(mut hangup), Ok(mut quit), Ok(mut stop)] = handlers else { return };
        tokio::spawn(async move {
            let signal = loop {
                tokio::select! {
                    _ = hangup.recv() => break 1,
                    _ = quit.recv() => break 3,
                    _ = stop.recv() => stop_here(&*terminal).await,
                }
            };
            terminal.undo();
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

fn kind(signal: Signal) -> SignalKind {
    SignalKind::from_raw(signal.as_raw())
}

/// Stops the process with the terminal as it was, and changes that again when the process goes on.
async fn stop_here(terminal: &dyn TerminalChange) {
    terminal.undo();
    let continued = signal(kind(Signal::CONT));
    // It is handled by the system as SIGTSTP would be: it stops the process unless nothing could let it go
    // on.
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::TTOU);
    if let Ok(mut continued) = continued {
        let _ = tokio::time::timeout(STOPPING, continued.recv()).await;
    }
    terminal.redo();
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
    if let Some(terminal) = actions.terminal.take() {
        terminal.undo();
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
