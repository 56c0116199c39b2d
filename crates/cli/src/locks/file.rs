//! Locks as files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use airlift_lists::lock::{Lock, MAX_LOCK};

use crate::failure::{Failure, UsageError};
use crate::files::replaced::replace;
use crate::ui::term::shown;

/// Reads a lock.
///
/// # Errors
/// If the file can't be read, or is no lock.
pub(crate) fn read(path: &Path) -> Result<Lock, Failure> {
    let bytes = content(path).map_err(|source| failed("read the lock", path, source))?;
    Ok(Lock::parse(&shown(path), &bytes).map_err(UsageError::Lists)?)
}

/// Reads the lock that is to be replaced. A file that isn't there, or is empty, counts as a lock without
/// images.
///
/// # Errors
/// If the file can't be read, or is something else than a lock: no other file is replaced.
pub(crate) fn read_old(path: &Path) -> Result<Lock, Failure> {
    let found = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::default()),
        Err(error) => return Err(failed("read the lock", path, error)),
        Ok(found) => found,
    };
    if !found.is_file() {
        let why = io::Error::new(io::ErrorKind::InvalidInput, "it is there and is not a regular file");
        return Err(failed("write the lock", path, why));
    }
    if found.len() == 0 { Ok(Lock::default()) } else { read(path) }
}

/// As [`read_old`], of a file that has to be there.
///
/// # Errors
/// As there, and if there is no such file.
pub(crate) fn read_known(path: &Path) -> Result<Lock, Failure> {
    std::fs::metadata(path).map_err(|error| failed("read the lock", path, in_folder(path, error)))?;
    read_old(path)
}

/// Writes a lock in one step. A file that has this content already is left alone. Says whether it was
/// written.
///
/// # Errors
/// If it can't be written.
pub(crate) fn write(path: &Path, lock: &Lock) -> Result<bool, Failure> {
    let text = lock.to_json().map_err(Failure::Json)?;
    if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(false);
    }
    replace(path, &text).map(|()| true).map_err(|source| failed("write the lock", path, source))
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
