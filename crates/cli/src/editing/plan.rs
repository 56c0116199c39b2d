//! What changes in which file: found out for all files before any is changed.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use airlift_oci::{Digest, Position};
use airlift_workloads::find::MOST_BYTES;
use airlift_workloads::{Change, Fault, FileEdits, Finder, Found, Note, Place, Problem, Written};

use crate::files::manifests::manifests;
use crate::files::on_all::{name_of, on_all};

/// What becomes of a reference.
pub(crate) enum Decision {
    /// It changes, or has what it should have already.
    Change(Change),
    /// It stays, and is none of ours.
    Stay,
    /// Its digest is all that it has, so it stays.
    OnlyDigest,
    /// The images that are known lack it.
    Lacking,
    /// It has another digest than the image that is known.
    Other(Digest),
}

/// What changes in all files.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) files: Vec<PlannedFile>,
    /// Files and folders that can't be read.
    pub(crate) unreadable: Vec<(PathBuf, io::Error)>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Vec<Note>,
    /// The lock or bundle that was asked, for messages.
    pub(crate) source: String,
}

/// What changes in one file.
#[derive(Default)]
pub(crate) struct PlannedFile {
    pub(crate) path: PathBuf,
    /// The digest of what was read.
    pub(crate) read: Option<Digest>,
    /// What was read of standard input, which can't be read twice.
    pub(crate) text: Option<String>,
    pub(crate) edits: FileEdits,
    pub(crate) values: Vec<ChangedValue>,
    pub(crate) lacking: Vec<WantedValue>,
    pub(crate) other: Vec<WantedValue>,
    pub(crate) only_digest: Vec<WantedValue>,
    /// How many references have what they should have.
    pub(crate) kept: usize,
    problems: Vec<Problem>,
    notes: Vec<Note>,
}

/// A value that changes.
pub(crate) struct ChangedValue {
    pub(crate) position: Position,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// A reference that stays because it can't have what it should have.
pub(crate) struct WantedValue {
    pub(crate) position: Position,
    pub(crate) reference: String,
    /// The digest that it should have, where one is known.
    pub(crate) digest: Option<Digest>,
}

impl Plan {
    /// Reads all files that the paths stand for, each once, and decides on each reference.
    pub(crate) fn of(paths: &[PathBuf], finder: &Finder, decide: impl Fn(&Place) -> Decision + Sync) -> Self {
        let mut listed = manifests(paths);
        let mut seen = HashSet::new();
        listed.retain(|one| match one {
            // Two paths of one file would change it twice.
            Ok(path) => path.canonicalize().map_or(true, |file| seen.insert(file)),
            Err(_) => true,
        });
        let results = on_all(&listed, MOST_BYTES, |path, bytes| planned(path, bytes, finder, &decide));
        let mut plan = Plan::default();
        for result in results {
            match result {
                Ok(mut file) => {
                    plan.problems.append(&mut file.problems);
                    plan.notes.append(&mut file.notes);
                    plan.files.push(file);
                }
                Err(unreadable) => plan.unreadable.push(unreadable),
            }
        }
        plan
    }

    /// Whether every file could be read, and every reference can have what it should have.
    pub(crate) fn is_possible(&self) -> bool {
        let of_file = |file: &PlannedFile| file.lacking.is_empty() && file.other.is_empty();
        self.problems.is_empty() && self.unreadable.is_empty() && self.files.iter().all(of_file)
    }

    /// The files that change.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &PlannedFile> {
        self.files.iter().filter(|file| !file.edits.is_empty())
    }
}

fn planned(path: &Path, bytes: &[u8], finder: &Finder, decide: &impl Fn(&Place) -> Decision) -> PlannedFile {
    let mut file = PlannedFile { path: path.to_owned(), ..PlannedFile::default() };
    let (mut found, name) = (Found::default(), name_of(path));
    finder.find(&name, bytes, &mut found);
    file.problems = found.problems;
    file.notes = found.notes;
    let Ok(text) = std::str::from_utf8(bytes) else { return file };
    // The lists in a chart's annotations are about images, and nothing runs them.
    let own = found.places.iter().filter(|place| place.written != Written::Within);
    own.for_each(|place| file.take(place, text, decide(place)));
    if file.edits.is_empty() && path != Path::new("-") {
        return file;
    }
    // What would go wrong is to be known before anything is changed.
    if let Err(error) = file.edits.apply(text) {
        let start = Position { line: 1, column: 1 };
        file.problems.push(Problem::new(&name, text, start, Fault::Edit(error)));
    }
    file.read = Some(Digest::sha256(bytes));
    file.text = (path == Path::new("-")).then(|| text.to_owned());
    file
}

impl PlannedFile {
    fn take(&mut self, place: &Place, text: &str, decision: Decision) {
        let is_value = place.object.kind == "Values";
        let wanted =
            |digest| WantedValue { position: place.position, reference: place.reference.clone(), digest };
        match decision {
            Decision::Change(change) => self.change(place, text, &change),
            Decision::Stay => {}
            Decision::OnlyDigest => self.only_digest.push(wanted(None)),
            // Nothing says that it is an image at all.
            Decision::Lacking if is_value => {}
            Decision::Lacking => self.lacking.push(wanted(None)),
            Decision::Other(digest) => self.other.push(wanted(Some(digest))),
        }
    }

    fn change(&mut self, place: &Place, text: &str, change: &Change) {
        match self.edits.add(text, place, change) {
            Ok(to) if to == place.reference => self.kept += 1,
            Ok(to) => {
                let (position, from) = (place.position, place.reference.clone());
                self.values.push(ChangedValue { position, from, to });
            }
            Err(error) => {
                let problem = Problem::new(&place.file, text, place.position, Fault::Edit(error));
                self.problems.push(problem);
            }
        }
    }
}
