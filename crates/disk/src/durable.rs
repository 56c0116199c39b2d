//! Makes files and their names survive a crash.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::rename::rename_over;
use crate::unsupported::is_unsupported;

/// Makes `file`, which is at `from`, durable, and renames it to `to`, where it replaces what is there. Works
/// on every file system that can be written to.
///
/// # Errors
/// If it can't be flushed or renamed. The name then still belongs to the file that had it.
pub fn persist(file: &File, from: &Path, to: &Path) -> io::Result<()> {
    sync_file(file)?;
    rename_over(from, to)
}

/// Makes a file's data durable. Where a file system has no flush, there is nothing to wait for.
///
/// # Errors
/// If the data can't be written to the disk.
pub fn sync_file(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if is_unsupported(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Makes a rename in `folder` durable, where folders can be flushed. Many network file systems and FUSE can't
/// do it, and some folders can be written to but not opened.
///
/// # Errors
/// If the folder can be flushed, and flushing it fails.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if is_unsupported(&error) || is_no_file_there(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Other errors that mean that a folder can't be opened and flushed.
fn is_no_file_there(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| [Errno::ACCESS, Errno::ISDIR, Errno::BADF].contains(&errno))
}
