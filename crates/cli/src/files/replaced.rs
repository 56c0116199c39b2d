//! Small files that are replaced in one step: receipts, locks and lists. An interrupted run leaves the old
//! one or the new one, and nothing else. Pipes and devices are written to as they are.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use airlift_disk::{behind_links, folder_of, keep_owner, rename_over, sync_file};
use tempfile::NamedTempFile;

use super::standard_stream::StandardStream;

/// Characters of the final name that the temporary one has. File systems permit 255 bytes.
const LONGEST_NAME: usize = 60;

/// Where a text goes.
enum Place {
    /// The regular file with this path, which is no link and need not be there.
    File(PathBuf),
    /// Standard output or standard error.
    Standard(StandardStream),
    /// A pipe, a device, or another open file of this process, such as /dev/fd/3.
    Opened,
}

/// Makes sure that [`replace`] can write to a path, and changes nothing.
///
/// # Errors
/// If it can't.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    match place(path)? {
        Place::File(file) => temporary(&file).map(drop),
        // Opening a pipe would wait for its reader.
        Place::Standard(_) | Place::Opened => Ok(()),
    }
}

/// The regular file that [`replace`] would replace, links followed. It need not be there. `None`: a pipe, a
/// device, or an open file of this process.
///
/// # Errors
/// If there can be no file.
pub(crate) fn replaced_file(path: &Path) -> io::Result<Option<PathBuf>> {
    Ok(match place(path)? {
        Place::File(file) => Some(file),
        Place::Standard(_) | Place::Opened => None,
    })
}

/// Gives the file at `path` this text. A link stays, and the file that it leads to is replaced. A file that
/// is there keeps its mode, and its owner where that is possible.
///
/// # Errors
/// If it can't be written. The old file is there then, as it was.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    replace_if(path, text, || Ok(true)).map(drop)
}

/// As [`replace`], if `is_due` says so right before. Says whether it was replaced.
///
/// # Errors
/// As there, and those of `is_due`.
pub(crate) fn replace_if(
    path: &Path,
    text: &str,
    is_due: impl FnOnce() -> io::Result<bool>,
) -> io::Result<bool> {
    match place(path)? {
        Place::File(file) => replace_file(&file, text, is_due),
        _ if !is_due()? => Ok(false),
        Place::Standard(stream) => stream.write(text).map(|()| true),
        Place::Opened => {
            OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes()).map(|()| true)
        }
    }
}

fn place(path: &Path) -> io::Result<Place> {
    if let Some(stream) = StandardStream::of(path) {
        return Ok(Place::Standard(stream));
    }
    let file = behind_links(path)?;
    // There, links lead to open files, and their text may be no path.
    let is_open_file = |path: &Path| folder_of(path).canonicalize().is_ok_and(|in_| in_.starts_with("/proc"));
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() || links(path).any(|link| is_open_file(&link)) => Ok(Place::Opened),
        _ => Ok(Place::File(file)),
    }
}

/// A path, and those that its links lead to.
fn links(path: &Path) -> impl Iterator<Item = PathBuf> {
    let next = |path: &PathBuf| Some(folder_of(path).join(std::fs::read_link(path).ok()?));
    std::iter::successors(Some(path.to_owned()), next)
}

fn replace_file(path: &Path, text: &str, is_due: impl FnOnce() -> io::Result<bool>) -> io::Result<bool> {
    let keep_owner = |file: &File| {
        keep_owner(file, path);
        Ok(())
    };
    let file = written_beside(path, text.as_bytes(), keep_owner)?;
    if !is_due()? {
        return Ok(false);
    }
    rename_over(file.path(), path)?;
    // Its temporary name is gone.
    file.into_temp_path().keep().map(|_| true).map_err(|error| error.error)
}

/// A file on disk with these bytes beside `path`, with the mode of the file that is there, and with the owner
/// that `own` gives it. It goes unless it gets that name.
///
/// # Errors
/// If it can't be written, and those of `own`.
pub(super) fn written_beside(
    path: &Path,
    bytes: &[u8],
    own: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut file = temporary(path)?;
    // To the file itself: the wrapper's errors have the temporary name.
    file.as_file_mut().write_all(bytes)?;
    own(file.as_file())?;
    // The mode comes last: a change of the owner takes rights away.
    if let Ok(found) = std::fs::metadata(path) {
        file.as_file().set_permissions(found.permissions())?;
    }
    sync_file(file.as_file())?;
    Ok(file)
}

/// A file beside `path`, which goes unless it gets that name. An interrupted run may leave it, so its name
/// says what it was to become.
///
/// # Errors
/// If its folder permits no file.
pub(super) fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let name: String =
        path.file_name().unwrap_or_default().to_string_lossy().chars().take(LONGEST_NAME).collect();
    // Readable for others, as files usually are; temporary files are not. Errors are the system's own: the
    // temporary name says nothing to a reader.
    let mut options = File::options();
    options.read(true).write(true).create_new(true).mode(0o644);
    tempfile::Builder::new().prefix(&format!(".{name}-")).make_in(folder_of(path), |path| options.open(path))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_stays_and_its_file_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("list"), "old").unwrap();
        std::fs::set_permissions(path("list"), std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink("list", path("link")).unwrap();
        symlink("new", path("dangling")).unwrap();
        for (link, file) in [("link", "list"), ("dangling", "new")] {
            check_writable(&path(link)).unwrap();
            replace(&path(link), "text").unwrap();
            assert!(path(link).is_symlink(), "{link}");
            assert!(!path(file).is_symlink(), "{link}");
            assert_eq!(std::fs::read_to_string(path(file)).unwrap(), "text");
        }
        assert_eq!(std::fs::metadata(path("list")).unwrap().permissions().mode() & 0o7777, 0o640);
        symlink("circle", path("circle")).unwrap();
        for name in ["circle", "no/such", "."] {
            check_writable(&path(name)).unwrap_err();
            replace(&path(name), "text").unwrap_err();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing temporary stays");
    }

    #[test]
    fn a_pipe_is_written_to_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        symlink("pipe", folder.path().join("link")).unwrap();
        for name in ["pipe", "link"] {
            let name = folder.path().join(name);
            check_writable(&name).unwrap();
            let opened = pipe.clone();
            let reader = std::thread::spawn(move || {
                let mut text = String::new();
                File::open(opened).unwrap().read_to_string(&mut text).unwrap();
                text
            });
            replace(&name, "text").unwrap();
            assert_eq!(reader.join().unwrap(), "text");
            assert!(std::fs::metadata(&name).unwrap().file_type().is_fifo());
        }
    }

    #[test]
    fn an_open_file_is_written_to() {
        use std::os::fd::AsRawFd;
        let mut file = tempfile::tempfile().unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        if path.exists() {
            replace(&path, "text").unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "text");
        }
    }
}
