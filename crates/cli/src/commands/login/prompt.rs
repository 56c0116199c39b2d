//! Questions on the terminal, also where standard input and output lead elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::sync::Arc;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::{Failure, UsageError};
use crate::ui::interrupt::OnInterrupt;

/// The longest answer that is read.
const MAX_ANSWER: u64 = 64 << 10;

/// The terminal of this process.
pub(super) struct Prompt {
    terminal: Arc<File>,
    answers: BufReader<File>,
}

/// A terminal that doesn't show what is typed. Dropping it makes the terminal show it again.
struct EchoOff {
    terminal: Arc<File>,
    before: Termios,
}

impl EchoOff {
    fn new(terminal: Arc<File>) -> io::Result<Self> {
        let before = tcgetattr(&*terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, so that what is printed next starts a new one.
        hidden.local_modes.insert(LocalModes::ECHONL);
        // What was typed before the question is forgotten: it was shown.
        tcsetattr(&*terminal, OptionalActions::Flush, &hidden)?;
        Ok(EchoOff { terminal, before })
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // If the terminal is gone, there is nothing to restore.
        let _ = tcsetattr(&*self.terminal, OptionalActions::Now, &self.before);
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

    /// The same; what is typed is not shown. A signal that ends the process makes the terminal show it again.
    pub(super) fn ask_hidden(
        &mut self,
        question: &str,
        on_interrupt: &OnInterrupt,
    ) -> Result<String, Failure> {
        let echo_off = Arc::new(EchoOff::new(Arc::clone(&self.terminal)).map_err(asking)?);
        let restored = EchoOff { terminal: Arc::clone(&echo_off.terminal), before: echo_off.before.clone() };
        on_interrupt.undo(move || drop(restored));
        let answer = self.ask(question);
        drop(echo_off);
        answer
    }
}

fn asking(source: io::Error) -> Failure {
    Failure::File { doing: "ask at", path: "/dev/tty".into(), source }
}
