//! The unfinished file of a bundle, open and locked by the process that writes it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_disk::with_suffix;

use crate::write::error::WriteError;
use crate::write::locks;
use crate::write::locks::Lock;
use crate::write::unfinished_names::{is_ours, is_there, numbered, starts_like_ours};

/// How often the file is opened again where it takes its final name, or goes away, just then.
const OPENINGS: u32 = 10;

/// A `.part` file, open and locked against other writers for as long as this or a clone of it lives.
#[derive(Clone, Debug)]
pub(crate) struct UnfinishedFile {
    path: PathBuf,
    file: Arc<File>,
    lock: Lock,
    resumed: bool,
}

impl UnfinishedFile {
    /// Opens or makes `path`, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, WriteError> {
        let is_new = !is_there(path);
        let opened =
            Self::open_with(path, OpenOptions::new().read(true).write(true).create(true).truncate(false));
        // Another process may have made the file just now; then it is still empty.
        opened.and_then(|part| part.ok_or_else(|| gone(path, is_new)))
    }

    /// Opens and locks `path` if it is there.
    pub(crate) fn open_existing(path: &Path) -> Result<Option<Self>, WriteError> {
        if !is_there(path) {
            return Ok(None);
        }
        Self::open_with(path, OpenOptions::new().read(true).write(true))
    }

    fn open_with(path: &Path, options: &OpenOptions) -> Result<Option<Self>, WriteError> {
        let open = |source| WriteError::Open { path: path.to_owned(), source };
        let Some((file, lock)) = open_locked(path, options)? else { return Ok(None) };
        let resumed = file.metadata().map_err(open)?.len() > 0;
        if resumed && !starts_like_ours(&file).map_err(open)? {
            return Err(WriteError::NotOurs { path: path.to_owned() });
        }
        airlift_disk::drop_cached(&file);
        Ok(Some(UnfinishedFile { path: path.to_owned(), file: Arc::new(file), lock, resumed }))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file: reads what an earlier run left.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Whether others are kept from writing to it.
    pub(crate) fn lock(&self) -> Lock {
        self.lock
    }

    /// Whether it had content when it was opened.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Gives it another name, so that a file of a new plan can take its place: the first of `.part.1` … that
    /// is free.
    pub(crate) fn set_aside(&self) -> Result<PathBuf, WriteError> {
        let aside = numbered(&self.path).collect::<Vec<_>>();
        let free = aside.iter().find(|path| !is_there(path));
        let to = match free.or_else(|| aside.iter().rfind(|path| is_ours(path))) {
            Some(to) => to.clone(),
            None => return Err(WriteError::NotOurs { path: with_suffix(&self.path, ".1") }),
        };
        let failed = |source| WriteError::Rename { from: self.path.clone(), to: to.clone(), source };
        airlift_disk::rename_over(&self.path, &to).map_err(failed)?;
        Ok(to)
    }
}

/// Opens an unfinished file as `options` say, and locks it where that is possible; `None` where it isn't
/// there.
pub(crate) fn open_locked(path: &Path, options: &OpenOptions) -> Result<Option<(File, Lock)>, WriteError> {
    for _ in 0..OPENINGS {
        if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(WriteError::NotAFile { path: path.to_owned() });
        }
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_there(path) && has_folder(path) => {
                return Ok(None);
            }
            Err(source) => return Err(WriteError::Open { path: path.to_owned(), source }),
        };
        let lock = lock(path, &file)?;
        // The process that had the lock before may have given the file its final name: then this is a
        // finished bundle.
        if still_named(path, &file).map_err(|source| WriteError::Open { path: path.to_owned(), source })? {
            return Ok(Some((file, lock)));
        }
    }
    Err(WriteError::Locked { path: path.to_owned(), holder: None })
}

pub(crate) fn gone(path: &Path, is_new: bool) -> WriteError {
    let why = if is_new { "its folder does not exist" } else { "it went away just now" };
    WriteError::Open { path: path.to_owned(), source: io::Error::new(io::ErrorKind::NotFound, why) }
}

fn has_folder(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

fn lock(path: &Path, file: &File) -> Result<Lock, WriteError> {
    locks::take(file).map_err(|error| match error {
        TryLockError::WouldBlock => WriteError::Locked { path: path.to_owned(), holder: locks::holder(file) },
        TryLockError::Error(source) => WriteError::Open { path: path.to_owned(), source },
    })
}

/// Whether `path` is the name of the open file. If the check fails, that is an error, and not another file.
fn still_named(path: &Path, file: &File) -> io::Result<bool> {
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok(identity(named) == identity(file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::kept_manifests::keep_manifests;
    use crate::write::unfinished_names::{MAX_SET_ASIDE, manifests_path, part_path, set_aside_paths};

    #[test]
    fn the_second_writer_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = part_path(&folder.path().join("b.tar"));
        assert!(UnfinishedFile::open_existing(&path).unwrap().is_none());
        let first = UnfinishedFile::open(&path).unwrap();
        assert!(!first.is_resumed());
        for refused in [UnfinishedFile::open(&path), UnfinishedFile::open_existing(&path).map(Option::unwrap)]
        {
            let error = refused.unwrap_err();
            assert!(matches!(error, WriteError::Locked { .. }), "{error}");
            #[cfg(target_os = "linux")]
            assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        }
        drop(first);
        assert!(UnfinishedFile::open_existing(&path).unwrap().is_some());
    }

    #[test]
    fn a_file_that_took_its_final_name_meanwhile_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("b.tar");
        let path = part_path(&output);
        let first = UnfinishedFile::open(&path).unwrap();
        // Opened, but not locked, as the other one was about to.
        let late = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        std::fs::rename(&path, &output).unwrap();
        drop(first);
        lock(&path, &late).unwrap();
        assert!(!still_named(&path, &late).unwrap());
        drop(late);
        let second = UnfinishedFile::open(&path).unwrap();
        assert_ne!(second.file().metadata().unwrap().ino(), output.metadata().unwrap().ino());
    }

    #[test]
    fn files_of_others_are_neither_found_nor_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("b.tar");
        let all: Vec<PathBuf> = numbered(&part_path(&output)).chain([manifests_path(&output)]).collect();
        for path in &all {
            std::fs::write(path, "somebody's").unwrap();
        }
        assert!(set_aside_paths(&output).is_empty());
        let part = UnfinishedFile::open(&part_path(&output)).unwrap();
        assert!(matches!(part.set_aside(), Err(WriteError::NotOurs { .. })));
        assert!(keep_manifests(&output, std::iter::empty()).is_err());
        for path in &all {
            assert_eq!(std::fs::read(path).unwrap(), b"somebody's");
        }
        std::fs::remove_file(&all[4]).unwrap();
        assert_eq!(part.set_aside().unwrap(), all[4]);
    }

    #[test]
    fn what_is_set_aside_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("b.tar");
        for number in 1..=MAX_SET_ASIDE + 2 {
            let part = UnfinishedFile::open(&part_path(&output)).unwrap();
            part.set_aside().unwrap();
            let kept = usize::try_from(number.min(MAX_SET_ASIDE)).unwrap();
            assert_eq!(set_aside_paths(&output).len(), kept);
        }
        assert!(UnfinishedFile::open_existing(&part_path(&output)).unwrap().is_none());
    }
}
