//! `--events`: one line for each tag or digest that arrived, as it happens.
//!
//! A thread of its own writes the lines: a reader that is slow, or a disk, holds up no transfer.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use airlift_oci::text::harmless_json;
use airlift_oci::{Event, Observer, Selector};

use crate::clock;
use crate::failure::Failure;
use crate::files::standard_stream::StandardStream;
use crate::output::{Arrival, ArrivalKind};

/// How a line begins. Only such a file is replaced.
const START: &[u8] = b"{\"event\":";

/// The lines of a push, on their way to a file or to standard output.
pub(crate) struct EventLog {
    path: PathBuf,
    writer: JoinHandle<io::Result<()>>,
    lines: Arc<ArrivalLines>,
}

/// Makes lines of arrivals, and passes all other events on.
struct ArrivalLines {
    inner: Arc<dyn Observer>,
    /// `None` after the end.
    lines: Mutex<Option<Sender<String>>>,
    /// What has arrived so far: images share manifests, and a lost one is sent again.
    arrived: Mutex<HashSet<String>>,
}

impl EventLog {
    /// Opens the file; `-` is standard output. `inner` gets all events that are no arrivals.
    ///
    /// # Errors
    /// If it can't be written to, or is there and holds something else.
    pub(crate) fn open(path: &Path, inner: Arc<dyn Observer>) -> Result<Self, Failure> {
        let out = open(path).map_err(|source| failed(path, source))?;
        let (sender, receiver) = channel();
        let lines = ArrivalLines {
            inner: Arc::clone(&inner),
            lines: Mutex::new(Some(sender)),
            arrived: Mutex::default(),
        };
        let (name, builder) = (path.to_owned(), std::thread::Builder::new().name("events".to_owned()));
        let writer = builder.spawn(move || {
            let written = write_lines(out, &receiver);
            if let Err(error) = &written {
                let message =
                    format!("can't write the events to {}: {error}; the push goes on", shown(&name));
                inner.notice(Event::Warning { message, remedy: None });
            }
            written
        });
        let writer = writer.map_err(Failure::Start)?;
        Ok(EventLog { path: path.to_owned(), writer, lines: Arc::new(lines) })
    }

    /// Whether standard output has the lines, so that nothing else may be printed there.
    pub(crate) fn is_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// The observer that a push reports to.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.lines) as Arc<dyn Observer>
    }

    /// Waits until all lines are written.
    ///
    /// # Errors
    /// If a line could not be written. There was a warning then.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        // The thread ends when nothing can come any more.
        drop(self.lines.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        let written = self.writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer ended early")));
        written.map_err(|source| failed(&self.path, source))
    }
}

impl Observer for ArrivalLines {
    fn notice(&self, event: Event) {
        let Event::Arrived { repository, selector, digest, media_type, before } = event else {
            return self.inner.notice(event);
        };
        let place = format!("{repository} {selector} {digest}");
        if !self.arrived.lock().unwrap_or_else(PoisonError::into_inner).insert(place) {
            return;
        }
        let (event, tag) = match selector {
            Selector::Tag(tag) => (ArrivalKind::Tag, Some(tag.to_string())),
            Selector::Digest(_) => (ArrivalKind::Digest, None),
        };
        let (repository, at) = (repository.to_string(), clock::now());
        let arrival = Arrival { event, repository, tag, digest, media_type, from: before, at };
        // Made of strings alone, so it has a text.
        let Ok(text) = serde_json::to_string(&arrival) else { return };
        if let Some(lines) = &*self.lines.lock().unwrap_or_else(PoisonError::into_inner) {
            // After a failure nothing takes it any more.
            let _ = lines.send(format!("{}\n", harmless_json(&text)));
        }
    }
}

fn open(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    if path.as_os_str() == "-" {
        return Ok(StandardStream::Out.open());
    }
    if let Some(stream) = StandardStream::of(path) {
        return Ok(stream.open());
    }
    let is_file = std::fs::metadata(path).map_or(true, |found| found.is_file());
    if is_file && path.exists() {
        let mut start = Vec::new();
        std::fs::File::open(path)?.take(START.len() as u64).read_to_end(&mut start)?;
        if !start.is_empty() && start != START {
            let why = "it is there and holds no events; name another file";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
    }
    let file = OpenOptions::new().write(true).create(is_file).truncate(is_file).open(path)?;
    Ok(Box::new(file))
}

fn write_lines(mut out: Box<dyn Write + Send>, lines: &Receiver<String>) -> io::Result<()> {
    for line in lines {
        out.write_all(line.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::File { doing: "write the events to", path: shown(path).into(), source }
}

fn shown(path: &Path) -> String {
    match path.to_string_lossy() {
        name if name == "-" => "standard output".to_owned(),
        name => name.into_owned(),
    }
}
