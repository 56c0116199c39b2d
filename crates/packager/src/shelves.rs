//! What is at hand already: the unfinished bundle of an earlier run, what was set aside by others, the bundle that is at the
//! output, and whatever else was named. All of it is hashed before it counts.

use std::path::{Path, PathBuf};

use airlift_bundle::part::{Part, part_path, set_aside_paths};
use airlift_bundle::writer::WriteError;
use airlift_bundle::{Digest, OpenError, Plan, Section, Shelf};
use bytes::Bytes;

/// Why what should be reused can't be looked into.
#[derive(Debug, thiserror::Error)]
pub enum ReuseError {
    /// The unfinished bundle is in use, or is none.
    #[error(transparent)]
    Part(#[from] WriteError),
    /// What was named can't be opened, or is no layout.
    #[error("can't reuse anything from {}", .path.display())]
    Open {
        /// What was named.
        path: PathBuf,
        /// Why not.
        #[source]
        source: OpenError,
    },
}

/// What is at hand already.
#[derive(Debug, Default)]
pub struct Shelves {
    part: Option<Unfinished>,
    /// In the order in which they are asked.
    others: Vec<Shelf>,
    /// Those among them that are ours to remove.
    set_aside: Vec<PathBuf>,
}

/// The `.part` of an earlier run.
#[derive(Debug)]
struct Unfinished {
    part: Part,
    /// `None` where it doesn't say what it is to become.
    shelf: Option<Shelf>,
}

impl Shelves {
    /// Looks for what earlier runs for `output` left, and opens what was named. The `.part`, if there is one, is locked
    /// from here on.
    ///
    /// # Errors
    /// If another process writes to this output, or what was named can't be opened.
    pub fn open(output: Option<&Path>, named: &[PathBuf]) -> Result<Self, ReuseError> {
        let mut shelves = Shelves::default();
        if let Some(output) = output {
            shelves.find_unfinished(output)?;
            // Whether it may be replaced is decided later; what it holds needs no fetching in any case.
            shelves.others.extend(Shelf::open(output).ok());
        }
        for path in named {
            let shelf =
                Shelf::open(path).map_err(|source| ReuseError::Open { path: path.clone(), source })?;
            shelves.others.push(shelf);
        }
        Ok(shelves)
    }

    fn find_unfinished(&mut self, output: &Path) -> Result<(), ReuseError> {
        if let Some(part) = Part::open_existing(&part_path(output))? {
            let open = |source| WriteError::Open { path: part.path().to_owned(), source };
            let shelf = Shelf::of_file(part.path(), part.file()).map_err(open)?;
            self.part = Some(Unfinished { part, shelf });
        }
        self.set_aside = set_aside_paths(output);
        self.others.extend(self.set_aside.iter().filter_map(|path| Shelf::open(path).ok()));
        Ok(())
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.others.is_empty() && self.part.as_ref().is_none_or(|unfinished| unfinished.shelf.is_none())
    }

    /// A manifest, proven by its digest.
    pub(crate) fn manifest(&self, digest: &Digest) -> Option<Bytes> {
        self.all().find_map(|shelf| shelf.manifest(digest))
    }

    /// A small blob, proven by its digest.
    pub(crate) fn small(&self, digest: &Digest, limit: u64) -> Option<Bytes> {
        self.all().find_map(|shelf| shelf.small(digest, limit))
    }

    /// The unproven places of a blob.
    pub(crate) fn places(&self, digest: Digest, size: u64) -> impl Iterator<Item = (&Path, Section)> {
        self.all().filter_map(move |shelf| Some((shelf.path(), shelf.blob(&digest, size)?)))
    }

    fn all(&self) -> impl Iterator<Item = &Shelf> {
        self.part.iter().filter_map(|unfinished| unfinished.shelf.as_ref()).chain(&self.others)
    }

    /// The file to write `plan` to: the `.part` that is there, if it may be that of this plan; else a new one, beside which
    /// the other is kept for as long as it may be of use.
    pub(crate) fn part_for(&self, output: &Path, plan: &Plan) -> Result<(Part, Leftovers), WriteError> {
        let mut leftovers = Leftovers { files: self.set_aside.clone() };
        let part = match &self.part {
            Some(Unfinished { part, shelf })
                if shelf.as_ref().is_none_or(|shelf| shelf.id() == Some(plan.id())) =>
            {
                part.clone()
            }
            Some(Unfinished { part, .. }) => {
                leftovers.files.push(part.set_aside()?);
                Part::open(&part_path(output))?
            }
            None => Part::open(&part_path(output))?,
        };
        Ok((part, leftovers))
    }
}

/// Unfinished files of other plans.
#[derive(Debug)]
pub(crate) struct Leftovers {
    files: Vec<PathBuf>,
}

impl Leftovers {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Removes them. That one stays is no reason to fail.
    pub(crate) fn remove(self) {
        for file in self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}
