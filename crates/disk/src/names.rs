//! Names of files: renames that never replace, renames that do, and what makes them last.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::lacking::is_lacking;

/// The names in a folder, in no order. The standard library's way ends the process where the folder fails as
/// it is closed.
///
/// # Errors
/// If the folder can't be opened; an item, if it can't be read any further.
pub fn names_in(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let entries = Dir::new(rustix::fs::open(folder, flags, Mode::empty())?)?;
    let names = entries.map(|entry| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned()));
    Ok(names.filter(|name| !name.as_ref().is_ok_and(|name| name == "." || name == "..")))
}

/// Renames `from` to `to`, which must not exist.
///
/// Where the file system knows neither a rename that never replaces nor hard links, the name is looked at
/// just before: what takes it between the look and the rename is replaced.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rename_without_replacing(from, to) {
        Err(error) if is_lacking(&error) => {}
        outcome => return outcome,
    }
    // A hard link fails where the name is taken; that makes link and unlink a rename that never replaces.
    match std::fs::hard_link(from, to) {
        Ok(()) => std::fs::remove_file(from),
        // The answer of a network file system may get lost, and the question come again.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_same_file(from, to) => {
            std::fs::remove_file(from)
        }
        Err(error) if is_lacking(&error) || can_not_link(&error) => rename_where_free(from, to),
        Err(error) => Err(error),
    }
}

#[cfg(target_os = "linux")]
fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags};
    Ok(rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

#[cfg(not(target_os = "linux"))]
fn rename_without_replacing(_: &Path, _: &Path) -> io::Result<()> {
    Err(Errno::NOSYS.into())
}

/// What else says that there are no hard links, or no more of them: Android's shared storage says EACCES, AFS
/// EXDEV.
fn can_not_link(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| [Errno::ACCESS, Errno::MLINK, Errno::XDEV].contains(&errno))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

fn rename_where_free(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::rename(from, to),
        Err(error) => Err(error),
    }
}

/// Renames `from` to `to`, and replaces what is there: in one step where the file system can.
pub fn replace(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists || is_lacking(&error) => {
            replace_in_steps(from, to, error)
        }
        outcome => outcome,
    }
}

/// Makes `file`, which is at `from`, durable, and gives it the name `to`, in the place of what has it: as on
/// every file system that can be written to.
///
/// # Errors
/// If it can't be flushed or renamed. What has the name then has it still.
pub fn settle(file: &File, from: &Path, to: &Path) -> io::Result<()> {
    sync_file(file)?;
    replace(from, to)
}

/// Where a rename replaces nothing: what has the name steps aside, and comes back if its place can't be
/// taken.
fn replace_in_steps(from: &Path, to: &Path, refused: io::Error) -> io::Result<()> {
    if std::fs::symlink_metadata(to).is_err() {
        return Err(refused);
    }
    let mut aside = to.as_os_str().to_owned();
    aside.push(".replaced");
    let aside = PathBuf::from(aside);
    rename_new(to, &aside)?;
    if let Err(error) = rename_new(from, to) {
        // Where that fails, too, nothing is lost: it has another name.
        let _ = rename_new(&aside, to);
        return Err(error);
    }
    // The new one is in place; that the old one stays is no reason to fail.
    let _ = std::fs::remove_file(&aside);
    Ok(())
}

/// The folder that a file is in.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How many bytes a file's name may have in `folder`, where the file system says so.
pub fn longest_name(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|found| found.f_namemax).filter(|longest| *longest > 0)
}

/// Makes a file's data durable. Where a file system has no flush, there is nothing to wait for.
pub fn sync_file(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if is_lacking(&error) => Ok(()),
        outcome => outcome,
    }
}

/// Makes a rename in `folder` durable, where folders can be flushed: many network file systems and FUSE
/// can't, and a folder may be one that can be written to but not opened.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if is_lacking(&error) || is_no_file_there(&error) => Ok(()),
        outcome => outcome,
    }
}

/// What else is said where a folder is nothing that can be opened and flushed.
fn is_no_file_there(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| [Errno::ACCESS, Errno::ISDIR, Errno::BADF].contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_has_the_name_is_replaced_in_any_way_of_renaming() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for rename in [rename_new, rename_where_free] {
            std::fs::write(&from, "new").unwrap();
            std::fs::write(&to, "old").unwrap();
            assert_eq!(rename(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read(&to).unwrap(), b"old");
            std::fs::remove_file(&to).unwrap();
            std::os::unix::fs::symlink("nowhere", &to).unwrap();
            assert_eq!(rename(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            std::fs::remove_file(&to).unwrap();
            rename(&from, &to).unwrap();
            assert_eq!((std::fs::read(&to).unwrap(), from.exists()), (b"new".to_vec(), false));
        }
    }

    #[test]
    fn what_steps_aside_is_replaced_or_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let refused = || io::Error::from(io::ErrorKind::AlreadyExists);
        std::fs::write(&to, "old").unwrap();
        assert!(replace_in_steps(&from, &to, refused()).is_err(), "there is nothing to rename");
        assert_eq!(std::fs::read(&to).unwrap(), b"old");
        std::fs::write(&from, "new").unwrap();
        replace_in_steps(&from, &to, refused()).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
