//! Locks as files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use airlift_disk::{WriterLock, behind_links};
use airlift_lists::SetKind;
use airlift_lists::lock::{Lock, MAX_LOCK};

use crate::failure::Failure;
use crate::files::replaced::{check_writable, replace_if, replaced_file};
use crate::ui::term::shown;
use crate::usage_error::UsageError;

/// Reads a lock.
///
/// # Errors
/// If the file can't be read, or is no lock.
pub(crate) fn read(path: &Path) -> Result<Lock, Failure> {
    let bytes = content(path).map_err(|source| failed("read the lock", path, source))?;
    Ok(Lock::parse(&shown(path), &bytes).map_err(UsageError::Lists)?)
}

/// A lock that is to be replaced.
pub(crate) struct OldLock {
    pub(crate) lock: Lock,
    path: PathBuf,
    /// The bytes that were read.
    text: Vec<u8>,
}

impl OldLock {
    /// Reads it. A file that isn't there, or is empty, counts as a lock without images.
    ///
    /// # Errors
    /// If the file can't be read, is something else than a lock, or has a name by which no lock is read: no
    /// other file is replaced.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Err(UsageError::Combination("this lock wants a file's name, and - is none").into());
        }
        if SetKind::of(&path.to_string_lossy(), b"") == SetKind::Images {
            let why = "a .yaml or .yml file is read as an images file, so no lock may have that name; choose one that ends in .lock";
            return Err(UsageError::Combination(why).into());
        }
        let failed = |source| failed("read the lock", path, source);
        let refuse = |why| {
            let why = io::Error::new(io::ErrorKind::InvalidInput, why);
            Err(self::failed("write the lock", path, why))
        };
        match std::fs::metadata(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            // What is read anew and replaced can't be an open file either, such as /dev/stderr.
            Ok(found) if !found.is_file() || matches!(replaced_file(path), Ok(None)) => {
                return refuse("it is there and is not a regular file");
            }
            _ => {}
        }
        let text = content_if_there(path).map_err(failed)?;
        let lock = match text.is_empty() {
            true => Lock::default(),
            false => Lock::parse(&shown(path), &text).map_err(UsageError::Lists)?,
        };
        Ok(OldLock { lock, path: path.to_owned(), text })
    }

    /// As [`OldLock::open`], of a file that has to be there.
    ///
    /// # Errors
    /// As there, and if there is no such file.
    pub(crate) fn open_known(path: &Path) -> Result<Self, Failure> {
        std::fs::metadata(path).map_err(|error| failed("read the lock", path, in_folder(path, error)))?;
        Self::open(path)
    }

    /// Makes sure that a new lock can be written in its place.
    ///
    /// # Errors
    /// If it can't.
    pub(crate) fn check_writable(&self) -> Result<(), Failure> {
        let writable = check_writable(&self.path).map_err(|error| in_folder(&self.path, error));
        writable.map_err(|source| failed("write the lock", &self.path, source))
    }

    /// Writes a new lock in its place, in one step. A file that has this content already is left alone. Says
    /// whether it was written.
    ///
    /// # Errors
    /// If it can't be written, or if the file is no longer what was read.
    pub(crate) fn replace(&self, new: &Lock) -> Result<bool, Failure> {
        let text = new.to_json().map_err(Failure::Json)?;
        self.replace_text(&text).map_err(|source| failed("write the lock", &self.path, source))
    }

    fn replace_text(&self, text: &str) -> io::Result<bool> {
        let _lock = WriterLock::wait(&behind_links(&self.path)?);
        if content_if_there(&self.path)? == text.as_bytes() {
            return Ok(false);
        }
        match replace_if(&self.path, text, || Ok(content_if_there(&self.path)? == self.text))? {
            true => Ok(true),
            false => Err(io::Error::other("another run changed it meanwhile: repeat the command")),
        }
    }
}

/// The content of a file; nothing if it isn't there.
fn content_if_there(path: &Path) -> io::Result<Vec<u8>> {
    match content(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// The content of a file that is not too large for a lock.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_LOCK + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LOCK {
        let why = format!("it has more than {MAX_LOCK} bytes, and no lock does");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes)
}

/// Says of a file that isn't there in which folder it isn't.
fn in_folder(path: &Path, error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::NotFound {
        return error;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let why = match folder.canonicalize() {
        Ok(folder) => format!("there is no such file in the folder {}", shown(&folder)),
        Err(_) => format!("there is no folder {}", shown(folder)),
    };
    io::Error::new(io::ErrorKind::NotFound, why)
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> Failure {
    Failure::File { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_another_run_changed_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.lock");
        let old = OldLock::open(&path).unwrap();
        assert!(old.replace(&Lock::default()).unwrap());
        assert!(!old.replace(&Lock::default()).unwrap(), "another run wrote the same");
        std::fs::write(&path, "of another run").unwrap();
        let error = old.replace(&Lock::default()).unwrap_err();
        let Failure::File { source, .. } = error else { panic!("{error}") };
        assert!(source.to_string().contains("another run changed it"), "{source}");
        assert_eq!(std::fs::read(&path).unwrap(), b"of another run");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }
}
