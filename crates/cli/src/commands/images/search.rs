//! Goes through all files.

use std::io;
use std::path::PathBuf;

use airlift_workloads::find::MOST_BYTES;
use airlift_workloads::{Finder, Found};

use crate::files::manifests::manifests;
use crate::files::on_all::{name_of, on_all};
use crate::output::FileMessage;

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
        let results = on_all(&manifests(paths), MOST_BYTES, |path, bytes| {
            let mut found = Found::default();
            finder.find(&name_of(path), bytes, &mut found);
            found
        });
        let mut searched = Searched::default();
        results.into_iter().for_each(|result| searched.add(result));
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
        let unreadable = self.unreadable.iter().map(|(path, error)| FileMessage::of_file(path, error));
        unreadable.chain(self.found.problems.iter().map(FileMessage::from)).collect()
    }
}
