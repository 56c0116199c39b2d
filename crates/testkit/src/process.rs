//! A child process that ends with the value that stands for it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a daemon may take until it is ready. Far more than any needs: it is there to end a test that
/// would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running child. Dropping it kills it.
pub struct Daemon {
    child: Child,
    name: String,
    /// What it has written to stdout and stderr so far.
    log: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// Starts `command` and waits until `ready` makes something of a line of its output.
    ///
    /// Nothing is guessed: a port that the system chose is read from the line in which the daemon names it,
    /// so two daemons never fight for one. Panics, with the output, when the child ends first or takes more
    /// than a minute.
    pub fn start<T>(command: &mut Command, ready: impl Fn(&str) -> Option<T>) -> (Daemon, T) {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (sender, lines) = channel();
        let log = Arc::new(Mutex::new(Vec::new()));
        // Both pipes are read to their ends: a full one would stop the child.
        collect(child.stdout.take(), &log, sender.clone());
        collect(child.stderr.take(), &log, sender);
        let daemon = Daemon { child, name, log };
        let found = daemon.wait(&lines, ready);
        (daemon, found)
    }

    /// What it has written so far, for messages.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn wait<T>(&self, lines: &Receiver<String>, ready: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let why = match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => match ready(&line) {
                    Some(found) => return found,
                    None => continue,
                },
                Err(RecvTimeoutError::Timeout) => "is not ready after a minute",
                Err(RecvTimeoutError::Disconnected) => "ended before it was ready",
            };
            panic!("{} {why}:\n{}", self.name, self.log());
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>, log: &Arc<Mutex<Vec<String>>>, lines: Sender<String>) {
    let pipe = BufReader::new(pipe.expect("the pipe was asked for"));
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in pipe.lines().map_while(Result::ok) {
            log.lock().unwrap().push(line.clone());
            // The receiver is gone once the daemon is ready.
            let _ = lines.send(line);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn waits_for_the_line_and_kills_on_drop() {
        let script = "echo first; echo 'port 42' >&2; exec sleep 600";
        let (daemon, port) =
            Daemon::start(&mut shell(script), |line| line.strip_prefix("port ").map(str::to_owned));
        assert_eq!(port, "42");
        let process = format!("/proc/{}", daemon.id());
        if cfg!(target_os = "linux") {
            assert!(std::path::Path::new(&process).exists());
        }
        drop(daemon);
        assert!(!std::path::Path::new(&process).exists(), "the child outlived its value");
    }

    #[test]
    #[should_panic(expected = "no such option")]
    fn a_child_that_ends_first_panics_with_its_output() {
        Daemon::start(&mut shell("echo no such option >&2; exit 1"), |_| None::<()>);
    }
}
