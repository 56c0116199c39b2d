//! Goes through all files.

use std::io;
use std::path::{Path, PathBuf};

use airlift_workloads::find::MOST_BYTES;
use airlift_workloads::{Finder, Found};

use crate::files::manifests::{manifests, read_into};
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
    /// Looks through all files that the paths stand for.
    pub(super) fn of(paths: &[PathBuf], finder: &Finder) -> Self {
        let mut searched = Searched::default();
        let mut bytes = Vec::new();
        for listed in manifests(paths) {
            let read = listed.and_then(|path| match read_into(&path, MOST_BYTES, &mut bytes) {
                Ok(()) => Ok(path),
                Err(error) => Err((path, error)),
            });
            match read {
                Ok(path) => {
                    finder.find(&name_of(&path), &bytes, &mut searched.found);
                    searched.files += 1;
                }
                Err(unreadable) => searched.unreadable.push(unreadable),
            }
        }
        searched
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

/// The name by which output knows a file.
fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
