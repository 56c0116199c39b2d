//! The lock of those that read a small file, change it and replace it: one after another, so that none
//! replaces what it has not read.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::folder::folder_of;

/// Characters of the file's name that the name of its lock has. File systems permit 255 bytes.
const LONGEST_NAME: usize = 60;

/// Keeps other runs from changing a file, until it is dropped. The lock is on an empty file beside it, which
/// is there only as long as someone changes the file; the file itself is replaced, and a lock on it with it.
#[derive(Debug)]
pub struct WriterLock {
    path: PathBuf,
    _file: File,
}

impl WriterLock {
    /// Waits for the lock of `file`, which is no link and need not be there. `None` where none can be had:
    /// the file system has no locks, or nothing can be written there.
    pub fn wait(file: &Path) -> Option<Self> {
        let name: String = file.file_name()?.to_string_lossy().chars().take(LONGEST_NAME).collect();
        let path = folder_of(file).join(format!(".{name}.writer"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        loop {
            let opened = options.open(&path).ok()?;
            if opened.lock().is_err() {
                let _ = std::fs::remove_file(&path);
                return None;
            }
            // The run that had the lock before has removed the file, unless it was killed.
            let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
            let named = std::fs::symlink_metadata(&path).map(identity).ok();
            if named.is_some() && named == opened.metadata().map(identity).ok() {
                return Some(WriterLock { path, _file: opened });
            }
        }
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // If it stays, the next run takes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_that_change_a_file_none_loses_anything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counted");
        std::fs::write(&path, "0").unwrap();
        // A run that was killed left this.
        std::fs::write(folder.path().join(".counted.writer"), "").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let _lock = WriterLock::wait(&path).unwrap();
                        let count: u32 = std::fs::read_to_string(&path).unwrap().parse().unwrap();
                        std::fs::write(&path, (count + 1).to_string()).unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "200");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no lock is left");
        assert!(WriterLock::wait(&folder.path().join("no/such")).is_none());
    }
}
