//! Goes through all files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use airlift_workloads::find::MOST_BYTES;
use airlift_workloads::{Finder, Found};

use crate::files::manifests::{Listed, manifests, read_into};
use crate::output::FileMessage;

/// A thread for fewer files costs more than it gains.
const FILES_OF_A_THREAD: usize = 64;

/// What was found in all files.
#[derive(Default)]
pub(super) struct Searched {
    pub(super) found: Found,
    /// Files and folders that can't be read.
    pub(super) unreadable: Vec<(PathBuf, io::Error)>,
    /// How many files were read.
    pub(super) files: usize,
}

impl Searched {
    /// Looks through all files that the paths stand for, on all cores.
    pub(super) fn of(paths: &[PathBuf], finder: &Finder) -> Self {
        let queue = Queue { listed: manifests(paths), next: AtomicUsize::new(0), finder };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let helpers = cores.min(queue.listed.len() / FILES_OF_A_THREAD + 1) - 1;
        let mut results = thread::scope(|scope| {
            // Where no thread can be had, this one does it alone.
            let helper = |_| thread::Builder::new().spawn_scoped(scope, || queue.work()).ok();
            let helpers: Vec<_> = (0..helpers).filter_map(helper).collect();
            let mut results = queue.work();
            for helper in helpers {
                match helper.join() {
                    Ok(more) => results.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        });
        results.sort_by_key(|(number, _)| *number);
        let mut searched = Searched::default();
        results.into_iter().for_each(|(_, result)| searched.add(result));
        searched
    }

    fn add(&mut self, result: Result<Found, (PathBuf, io::Error)>) {
        match result {
            Ok(Found { places, problems, notes }) => {
                self.found.places.extend(places);
                self.found.problems.extend(problems);
                self.found.notes.extend(notes);
                self.files += 1;
            }
            Err(unreadable) => self.unreadable.push(unreadable),
        }
    }

    /// Whether everything could be read.
    pub(super) fn is_complete(&self) -> bool {
        self.found.problems.is_empty() && self.unreadable.is_empty()
    }

    /// What could not be read, as JSON documents have it.
    pub(super) fn messages(&self) -> Vec<FileMessage> {
        let unreadable = self.unreadable.iter().map(|(path, error)| FileMessage {
            file: name_of(path),
            line: None,
            column: None,
            message: error.to_string(),
        });
        unreadable.chain(self.found.problems.iter().map(FileMessage::from)).collect()
    }
}

/// What was found in a file, or why it can't be read, by its number.
type Numbered = (usize, Result<Found, (PathBuf, io::Error)>);

/// The files, each of which one thread takes.
struct Queue<'f> {
    listed: Vec<Listed>,
    next: AtomicUsize,
    finder: &'f Finder,
}

impl Queue<'_> {
    /// Looks through files until none is left.
    fn work(&self) -> Vec<Numbered> {
        let (mut results, mut bytes) = (Vec::new(), Vec::new());
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            match self.listed.get(number) {
                None => return results,
                Some(listed) => results.push((number, self.look(listed, &mut bytes))),
            }
        }
    }

    fn look(&self, listed: &Listed, bytes: &mut Vec<u8>) -> Result<Found, (PathBuf, io::Error)> {
        let path = match listed {
            Ok(path) => path,
            // An error can't be copied, and this one is said once.
            Err((folder, error)) => {
                return Err((folder.clone(), io::Error::new(error.kind(), error.to_string())));
            }
        };
        read_into(path, MOST_BYTES, bytes).map_err(|error| (path.clone(), error))?;
        let mut found = Found::default();
        self.finder.find(&name_of(path), bytes, &mut found);
        Ok(found)
    }
}

/// The name by which output knows a file.
fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
