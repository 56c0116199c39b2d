//! Renames that never replace a file, and renames that do.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::unsupported::is_unsupported;

/// Renames `from` to `to`, which must not exist.
///
/// Some file systems know neither a rename that never replaces nor hard links. There the name is checked just
/// before: a file that takes it between the check and the rename is replaced.
///
/// # Errors
/// If `to` exists (`AlreadyExists`), or the system can't rename.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rename_without_replacing(from, to) {
        Err(error) if is_unsupported(&error) => {}
        outcome => return outcome,
    }
    // A hard link fails where the name is taken; that makes link and unlink a rename that never replaces.
    match std::fs::hard_link(from, to) {
        Ok(()) => std::fs::remove_file(from),
        // A network file system may lose its answer and be asked again: then the link is there already.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_same_file(from, to) => {
            std::fs::remove_file(from)
        }
        Err(error) if is_unsupported(&error) || can_not_link(&error) => rename_where_free(from, to),
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

/// Other errors that mean that there are no hard links, or no more of them: Android's shared storage answers
/// EACCES, AFS EXDEV.
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
///
/// # Errors
/// If the system can't rename. `to` is then what it was.
pub fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists || is_unsupported(&error) => {
            replace_in_steps(from, to, error)
        }
        outcome => outcome,
    }
}

/// Replaces on file systems whose renames never replace: the old file gets another name, and its own again if
/// the new file can't be renamed.
fn replace_in_steps(from: &Path, to: &Path, refused: io::Error) -> io::Result<()> {
    if std::fs::symlink_metadata(to).is_err() {
        return Err(refused);
    }
    let mut aside = to.as_os_str().to_owned();
    aside.push(".replaced");
    let aside = PathBuf::from(aside);
    rename_new(to, &aside)?;
    if let Err(error) = rename_new(from, to) {
        // If that fails too, the old file is kept under the other name.
        let _ = rename_new(&aside, to);
        return Err(error);
    }
    // The new file is in place. If the old one stays, that is no reason to fail.
    let _ = std::fs::remove_file(&aside);
    Ok(())
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
