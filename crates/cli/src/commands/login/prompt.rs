//! Questions on the terminal, also where standard input and output lead elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;
use crate::ui::interrupt::{OnInterrupt, TerminalChange};
use crate::usage_error::UsageError;

/// The longest answer that is read.
const MAX_ANSWER: u64 = 64 << 10;

/// The terminal of this process.
pub(super) struct Prompt {
    terminal: Arc<File>,
    answers: BufReader<File>,
}

/// A terminal that doesn't show what is typed while a question is open.
#[derive(Debug)]
struct EchoOff {
    terminal: Arc<File>,
    question: String,
    /// What the terminal was before; `None` while it shows what is typed.
    before: Mutex<Option<Termios>>,
    /// Whether the question is open.
    is_open: AtomicBool,
}

impl EchoOff {
    fn new(terminal: Arc<File>, question: &str) -> io::Result<Self> {
        let (question, is_open) = (question.to_owned(), AtomicBool::new(true));
        let echo_off = EchoOff { terminal, question, before: Mutex::default(), is_open };
        echo_off.hide()?;
        Ok(echo_off)
    }

    fn hide(&self) -> io::Result<()> {
        let before = tcgetattr(&*self.terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, so that what is printed next starts a new one.
        hidden.local_modes.insert(LocalModes::ECHONL);
        // What was typed before the question is forgotten: it was shown.
        tcsetattr(&*self.terminal, OptionalActions::Flush, &hidden)?;
        *self.before() = Some(before);
        Ok(())
    }

    fn before(&self) -> MutexGuard<'_, Option<Termios>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The question is answered: the terminal shows again what is typed.
    fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        self.undo();
    }
}

impl TerminalChange for EchoOff {
    fn undo(&self) {
        if let Some(before) = self.before().take() {
            // If the terminal is gone, there is nothing to restore.
            let _ = tcsetattr(&*self.terminal, OptionalActions::Now, &before);
        }
    }

    /// What was typed before the stop is lost, so the question stands there once more.
    fn redo(&self) {
        if self.is_open.load(Ordering::SeqCst) && self.hide().is_ok() {
            let _ = (&*self.terminal).write_all(self.question.as_bytes());
        }
        // The answer may have come meanwhile.
        if !self.is_open.load(Ordering::SeqCst) {
            self.undo();
        }
    }
}

impl Prompt {
    /// Opens the terminal.
    pub(super) fn open() -> Result<Self, Failure> {
        let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
        let terminal = opened.map_err(|_| UsageError::NoTerminal)?;
        let answers = terminal.try_clone().map_err(asking)?;
        Ok(Prompt { terminal: Arc::new(terminal), answers: BufReader::new(answers) })
    }

    /// Asks, and returns the line that is typed.
    pub(super) fn ask(&mut self, question: &str) -> Result<String, Failure> {
        (&*self.terminal).write_all(question.as_bytes()).map_err(asking)?;
        let mut answer = String::new();
        (&mut self.answers).take(MAX_ANSWER).read_line(&mut answer).map_err(asking)?;
        match answer.strip_suffix('\n') {
            Some(line) => Ok(line.strip_suffix('\r').unwrap_or(line).to_owned()),
            None => Err(asking(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// The same; what is typed is not shown. A signal that ends or stops the process makes the terminal show
    /// it again.
    pub(super) fn ask_hidden(
        &mut self,
        question: &str,
        on_interrupt: &OnInterrupt,
    ) -> Result<String, Failure> {
        let echo_off = Arc::new(EchoOff::new(Arc::clone(&self.terminal), question).map_err(asking)?);
        on_interrupt.undo(Arc::clone(&echo_off) as Arc<dyn TerminalChange>);
        let answer = self.ask(question);
        echo_off.close();
        answer
    }
}

fn asking(source: io::Error) -> Failure {
    Failure::File { doing: "ask at", path: "/dev/tty".into(), source }
}
