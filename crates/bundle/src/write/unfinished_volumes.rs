//! The unfinished volumes of a bundle: `b.tar.001.part` and so on, locked by way of
//! `b.tar.volumes.json.part`.
//! Their content is trusted only after it was hashed again. The manifest's `.part` is empty until all
//! volumes are complete and on disk; then it holds the manifest, and the volumes take their names, and it
//! takes its own as the last. If it is found complete, a run ended in between: the next run then takes back
//! the names that were given.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_disk::{Access, FilePart, FileSequence, identity, with_suffix};
use airlift_oci::Algorithm;

use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::volumes::manifest::MAX_SIZE;
use crate::volumes::{Split, VolumeSet, manifest_path, numbered, volume_path};
use crate::write::error::WriteError;
use crate::write::locks::Lock;
use crate::write::unfinished_file::{gone, open_locked};
use crate::write::unfinished_names::{MAX_SET_ASIDE, is_ours, is_there, starts_like_ours};

/// What every manifest begins with.
const BEGINNING: &[u8] = b"{\"schema\":\"airlift.volumes/";

/// The unfinished volumes of an output, locked against other writers for as long as this or a clone of it
/// lives.
#[derive(Clone, Debug)]
pub(crate) struct UnfinishedVolumes {
    pub(crate) output: PathBuf,
    pub(crate) split: Split,
    /// The manifest's `.part`, locked where the file system has locks.
    pub(crate) file: Arc<File>,
    pub(crate) lock: Lock,
    pub(crate) lock_path: PathBuf,
    /// What an earlier run left.
    pub(crate) found: Option<Arc<FileSequence>>,
}

impl UnfinishedVolumes {
    /// Opens or makes the unfinished volumes of `output`, and locks them.
    ///
    /// # Errors
    /// If another process writes them, or something else has their names.
    pub(crate) fn open(output: &Path, split: Split) -> Result<Self, WriteError> {
        let path = lock_path(output);
        let is_new = !is_there(&path);
        let options = Self::options();
        let lock = open_locked(&path, options.clone().create(true).truncate(false))?;
        Self::locked(output, split, lock.ok_or_else(|| gone(&path, is_new))?)
    }

    /// The same where an earlier run left any.
    pub(crate) fn open_existing(output: &Path, split: Split) -> Result<Option<Self>, WriteError> {
        let path = lock_path(output);
        let first = first_width(output, "");
        if is_there(&path) || first.map_err(|source| WriteError::Open { path, source })?.is_some() {
            return Self::open(output, split).map(Some);
        }
        Ok(None)
    }

    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options
    }

    fn locked(output: &Path, split: Split, (file, lock): (File, Lock)) -> Result<Self, WriteError> {
        let lock_path = lock_path(output);
        take_back(output, &lock_path, &file)?;
        let open = |source| WriteError::Open { path: lock_path.clone(), source };
        let pieces = left_behind(output, "").map_err(open)?;
        for (position, piece) in pieces.iter().enumerate() {
            let open = |source| WriteError::Open { path: piece.path.clone(), source };
            let file = File::open(&piece.path).map_err(open)?;
            if position == 0 && !starts_like_ours(&file).map_err(open)? {
                return Err(WriteError::NotOurs { path: piece.path.clone() });
            }
            airlift_disk::drop_cached(&file);
        }
        let found = (!pieces.is_empty()).then(|| Arc::new(FileSequence::new(pieces, Access::Read)));
        Ok(UnfinishedVolumes {
            output: output.to_owned(),
            split,
            file: Arc::new(file),
            lock,
            lock_path,
            found,
        })
    }

    /// Where they are, for people: the manifest's `.part`.
    pub(crate) fn path(&self) -> &Path {
        &self.lock_path
    }

    /// What an earlier run left.
    pub(crate) fn storage(&self) -> Option<Storage> {
        self.found.as_ref().map(|found| Arc::clone(found).into())
    }

    /// Whether what an earlier run left are the volumes of an archive of this size, as far as it came.
    pub(crate) fn fit(&self, size: u64) -> bool {
        let Some(found) = &self.found else { return true };
        let Ok(ranges) = self.split.ranges(size) else { return false };
        let found = found.files();
        let same = found.iter().zip(&ranges).take_while(|(piece, range)| piece.size == range.size).count();
        // The run may have been killed between making the last one and giving it its size.
        let last = found.last().map_or(0, |piece| piece.size);
        let names_fit =
            found.first().is_none_or(|piece| piece.path == part_path(&self.output, 1, ranges.len()));
        names_fit
            && found.len() <= ranges.len()
            && (same == found.len() || same + 1 == found.len() && last == 0)
    }

    /// Gives what an earlier run left other names, `b.tar.001.part.1` and so on, so that files of a new plan
    /// can take its place. A [`UnfinishedVolumes::storage`] that is open stays readable.
    ///
    /// # Errors
    /// If they can't be renamed.
    pub(crate) fn set_aside(&self) -> Result<(Self, Vec<PathBuf>), WriteError> {
        let rest = UnfinishedVolumes { found: None, ..self.clone() };
        let Some(found) = &self.found else { return Ok((rest, Vec::new())) };
        let free = (1..MAX_SET_ASIDE)
            .find(|number| matches!(first_width(&self.output, &format!(".{number}")), Ok(None)));
        let suffix = format!(".{}", free.unwrap_or(MAX_SET_ASIDE));
        // The last one first: a run that is killed in between leaves unfinished volumes from the first on,
        // which are found again and follow.
        for FilePart { path, .. } in found.files().iter().rev() {
            let to = with_suffix(path, &suffix);
            airlift_disk::rename_over(path, &to).map_err(|source| WriteError::Rename {
                from: path.clone(),
                to: to.clone(),
                source,
            })?;
        }
        // With those that a killed run had renamed before.
        let all = left_behind(&self.output, &suffix);
        let all = all.map_err(|source| WriteError::Open { path: self.lock_path.clone(), source })?;
        found.renamed(suffix);
        Ok((rest, all.into_iter().map(|piece| piece.path).collect()))
    }

    /// What earlier runs for `output` set aside, each with its files.
    pub(crate) fn all_set_aside(output: &Path) -> Vec<(Storage, Vec<PathBuf>)> {
        let aside = |number: u32| {
            let pieces =
                left_behind(output, &format!(".{number}")).ok().filter(|pieces| !pieces.is_empty())?;
            if !is_ours(&pieces[0].path) {
                return None;
            }
            let paths = pieces.iter().map(|piece| piece.path.clone()).collect();
            Some((Storage::from(Arc::new(FileSequence::new(pieces, Access::Read))), paths))
        };
        (1..=MAX_SET_ASIDE).filter_map(aside).collect()
    }
}

fn lock_path(output: &Path) -> PathBuf {
    with_suffix(&manifest_path(output), ".part")
}

/// The unfinished file of a volume, one of `count`.
pub(crate) fn part_path(output: &Path, number: usize, count: usize) -> PathBuf {
    with_suffix(&volume_path(output, number, count), ".part")
}

/// How many digits the numbers of those `.part`s have that are there.
fn first_width(output: &Path, suffix: &str) -> io::Result<Option<usize>> {
    for digits in [3, 4] {
        if regular(&left_path(output, 1, digits, suffix))?.is_some() {
            return Ok(Some(digits));
        }
    }
    Ok(None)
}

/// The metadata of a regular file; `None` where there is none. If the check fails, that is an error and not
/// absence: volumes that are not found are neither reused nor moved out of the way.
fn regular(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found).filter(Metadata::is_file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn left_path(output: &Path, number: usize, digits: usize, suffix: &str) -> PathBuf {
    with_suffix(&numbered(output, number, digits), &format!(".part{suffix}"))
}

/// The `.part`s that are there, from the first to the one before the first that is missing.
fn left_behind(output: &Path, suffix: &str) -> io::Result<Vec<FilePart>> {
    let Some(digits) = first_width(output, suffix)? else { return Ok(Vec::new()) };
    let (mut pieces, mut start) = (Vec::new(), 0);
    for number in 1.. {
        let path = left_path(output, number, digits, suffix);
        let Some(metadata) = regular(&path)? else { break };
        pieces.push(FilePart { path, start, size: metadata.len(), identity: Some(identity(&metadata)) });
        start = start.saturating_add(metadata.len());
    }
    Ok(pieces)
}

/// Takes back the names of volumes if a run ended while it gave them: volumes whose content is right are
/// unfinished again. Then the manifest is emptied.
fn take_back(output: &Path, lock_path: &Path, lock: &File) -> Result<(), WriteError> {
    let open = |source| WriteError::Open { path: lock_path.to_owned(), source };
    let mut bytes = Vec::new();
    lock.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(open)?;
    if bytes.is_empty() {
        return Ok(());
    }
    let beginning = &bytes[..bytes.len().min(BEGINNING.len())];
    if !BEGINNING.starts_with(beginning) && bytes.iter().any(|byte| *byte != 0) {
        return Err(WriteError::NotOurs { path: lock_path.to_owned() });
    }
    // One that is not complete says that no volume had taken its name yet.
    if let Ok(set) = VolumeSet::parse(&bytes) {
        for volume in &set.volumes {
            let path = volume_path(output, volume.number, set.count());
            let part = part_path(output, volume.number, set.count());
            if regular(&part).map_err(open)?.is_some() || regular(&path).map_err(open)?.is_none() {
                continue;
            }
            let read = |source| WriteError::ReadBack { path: path.clone(), source };
            let file =
                Arc::new(airlift_disk::open_regular(&path, airlift_disk::Links::Refuse).map_err(read)?);
            let size = file.metadata().map_err(read)?.len();
            let found = Section::new(&file, 0, size).digest(Algorithm::Sha256, |_| ()).map_err(read)?;
            if found == volume.sha256.0 {
                airlift_disk::rename_new(&path, &part).map_err(|source| WriteError::Rename {
                    from: path.clone(),
                    to: part.clone(),
                    source,
                })?;
            }
        }
    }
    lock.set_len(0).map_err(open)
}
