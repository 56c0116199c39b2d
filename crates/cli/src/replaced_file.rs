//! Small files that are replaced in one step: receipts and locks. An interrupted run leaves the old one or
//! the new one, and nothing else.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use airlift_disk::persist;
use tempfile::NamedTempFile;

/// Characters of the final name that the temporary one has. File systems permit 255 bytes.
const LONGEST_NAME: usize = 60;

/// A file beside `path`, which goes unless it gets that name. An interrupted run may leave it, so its name
/// says what it was to become.
///
/// # Errors
/// If no file can be made there.
pub(crate) fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name: String =
        path.file_name().unwrap_or_default().to_string_lossy().chars().take(LONGEST_NAME).collect();
    // Readable for others, as files usually are; temporary files are not. Errors are the system's own: the
    // temporary name says nothing to a reader.
    let mut options = File::options();
    options.read(true).write(true).create_new(true).mode(0o644);
    tempfile::Builder::new()
        .prefix(&format!(".{name}-"))
        .make_in(folder.unwrap_or(Path::new(".")), |path| options.open(path))
}

/// Gives the file at `path` this text.
///
/// # Errors
/// If it can't be written. The old file is there then, as it was.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = temporary(path)?;
    file.as_file_mut().write_all(text.as_bytes())?;
    persist(file.as_file(), file.path(), path)?;
    // Its temporary name is gone.
    file.into_temp_path().keep().map(drop).map_err(|error| error.error)
}
