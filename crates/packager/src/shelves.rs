//! What is at hand already: the unfinished bundle of an earlier run, what was set aside by others, the bundle
//! that is at the output, and whatever else was named. All of it is hashed before it counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_bundle::volumes::{Split, manifest_path};
use airlift_bundle::write::part::{Part, part_path, set_aside_paths};
use airlift_bundle::write::volume_parts::VolumeParts;
use airlift_bundle::{LocalContent, OpenError, Plan, Section, WriteError, Writer};
use airlift_oci::Digest;
use bytes::Bytes;

use crate::output::Output;

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
    /// What was named holds nothing, or nothing that can be found.
    #[error("can't reuse anything from {}: {why}", .path.display())]
    Nothing {
        /// What was named.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// What is at hand already.
#[derive(Debug, Default)]
pub struct Shelves {
    part: Option<Unfinished>,
    volumes: Option<UnfinishedVolumes>,
    /// In the order in which they are asked.
    others: Vec<LocalContent>,
    /// Those among them that are ours to remove.
    set_aside: Vec<PathBuf>,
    /// An unfinished file among these, locked until all is over.
    locked: Option<Part>,
}

/// The `.part` of an earlier run.
#[derive(Debug)]
struct Unfinished {
    part: Part,
    /// `None` where it doesn't say what it is to become.
    shelf: Option<LocalContent>,
}

/// The unfinished volumes of an earlier run.
#[derive(Debug)]
struct UnfinishedVolumes {
    parts: VolumeParts,
    /// `None` where they don't say what they are to become.
    shelf: Option<LocalContent>,
}

impl Shelves {
    /// The same as [`Shelves::open`] for an output that may be in volumes. An unfinished file of the same
    /// output is of use for volumes, too.
    ///
    /// # Errors
    /// If another process writes to this output, or what was named can't be opened.
    pub fn open_for(output: &Output, named: &[PathBuf]) -> Result<Self, ReuseError> {
        let Some(split) = output.volumes else { return Self::open(Some(&output.path), named) };
        let mut shelves = Shelves::default();
        shelves.find_unfinished_volumes(&output.path, split)?;
        let in_one_file = shelves.find_unfinished(&output.path);
        // Whoever writes the archive in one file isn't in the way.
        if let (Ok(()), Some(Unfinished { part, shelf })) = (in_one_file, shelves.part.take()) {
            shelves.set_aside.push(part.path().to_owned());
            shelves.others.extend(shelf);
            shelves.locked = Some(part);
        }
        for there in [&output.path, &manifest_path(&output.path)] {
            shelves.others.extend(LocalContent::open(there).ok());
        }
        shelves.open_named(named)?;
        Ok(shelves)
    }

    fn find_unfinished_volumes(&mut self, output: &Path, split: Split) -> Result<(), ReuseError> {
        if let Some(parts) = VolumeParts::open_existing(output, split)? {
            let open = |source| WriteError::Open { path: parts.path().to_owned(), source };
            let bytes = parts.storage();
            let shelf = bytes.and_then(|bytes| LocalContent::of_storage(parts.path(), &bytes).transpose());
            let shelf = shelf.transpose().map_err(open)?;
            self.volumes = Some(UnfinishedVolumes { parts, shelf });
        }
        for (bytes, files) in VolumeParts::all_set_aside(output) {
            let path = files.first().cloned().unwrap_or_default();
            self.others.extend(LocalContent::of_storage(&path, &bytes).ok().flatten());
            self.set_aside.extend(files);
        }
        Ok(())
    }

    /// Looks for what earlier runs for `output` left, and opens what was named. The `.part`, if there is one,
    /// is locked from here on.
    ///
    /// # Errors
    /// If another process writes to this output, or what was named can't be opened.
    pub fn open(output: Option<&Path>, named: &[PathBuf]) -> Result<Self, ReuseError> {
        let mut shelves = Shelves::default();
        if let Some(output) = output {
            shelves.find_unfinished(output)?;
            // Whether it may be replaced is decided later; what it holds needs no fetching in any case.
            shelves.others.extend(LocalContent::open(output).ok());
        }
        shelves.open_named(named)?;
        Ok(shelves)
    }

    /// The same for those who only look: nothing is locked, so another process may write to the output
    /// meanwhile.
    ///
    /// # Errors
    /// If what was named can't be opened.
    pub fn look(output: Option<&Path>, named: &[PathBuf]) -> Result<Self, ReuseError> {
        let mut shelves = Shelves::default();
        if let Some(output) = output {
            let beside = [part_path(output), output.to_owned(), manifest_path(output)];
            let there = beside.into_iter().chain(set_aside_paths(output));
            shelves.others.extend(there.filter_map(|path| LocalContent::open(&path).ok()));
        }
        shelves.open_named(named)?;
        Ok(shelves)
    }

    fn open_named(&mut self, named: &[PathBuf]) -> Result<(), ReuseError> {
        for path in named {
            let shelf =
                LocalContent::open(path).map_err(|source| ReuseError::Open { path: path.clone(), source })?;
            if let Some(why) = shelf.why_empty() {
                return Err(ReuseError::Nothing { path: path.clone(), why });
            }
            self.others.push(shelf);
        }
        Ok(())
    }

    fn find_unfinished(&mut self, output: &Path) -> Result<(), ReuseError> {
        if let Some(part) = Part::open_existing(&part_path(output))? {
            let open = |source| WriteError::Open { path: part.path().to_owned(), source };
            let shelf = LocalContent::of_file(part.path(), part.file()).map_err(open)?;
            self.part = Some(Unfinished { part, shelf });
        }
        let set_aside = set_aside_paths(output);
        self.others.extend(set_aside.iter().filter_map(|path| LocalContent::open(path).ok()));
        self.set_aside.extend(set_aside);
        Ok(())
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
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

    fn all(&self) -> impl Iterator<Item = &LocalContent> {
        let part = self.part.iter().filter_map(|unfinished| unfinished.shelf.as_ref());
        let volumes = self.volumes.iter().filter_map(|unfinished| unfinished.shelf.as_ref());
        part.chain(volumes).chain(&self.others)
    }

    /// Who writes `plan` to `output`, into what is there of it, or anew. What other plans left is kept for as
    /// long as it may be of use.
    pub(crate) fn writer_for(
        &self,
        output: &Output,
        plan: &Arc<Plan>,
    ) -> Result<(Writer, Leftovers), WriteError> {
        let Some(split) = output.volumes else {
            let (part, leftovers) = self.part_for(&output.path, plan)?;
            return Ok((Writer::within(part, Arc::clone(plan))?, leftovers));
        };
        let mut leftovers = Leftovers { files: self.set_aside.clone() };
        let parts = match &self.volumes {
            Some(UnfinishedVolumes { parts, shelf })
                if shelf
                    .as_ref()
                    .is_none_or(|shelf| shelf.id() == Some(plan.id()) && parts.fit(plan.size())) =>
            {
                parts.clone()
            }
            Some(UnfinishedVolumes { parts, .. }) => {
                let (parts, files) = parts.set_aside()?;
                leftovers.files.extend(files);
                parts
            }
            None => VolumeParts::open(&output.path, split)?,
        };
        Ok((Writer::in_volumes(parts, Arc::clone(plan))?, leftovers))
    }

    /// The file to write `plan` to: the `.part` that is there, if it may be that of this plan; else a new
    /// one, beside which the other is kept for as long as it may be of use.
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

    /// Removes them. That one stays is no reason to fail. Volumes are found by their first one, so that goes
    /// last.
    pub(crate) fn remove(self) {
        for file in self.files.into_iter().rev() {
            let _ = std::fs::remove_file(file);
        }
    }
}
