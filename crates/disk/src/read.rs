//! Reading at offsets: of a file, or of whatever else has bytes at offsets.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// What can be read at an offset.
pub trait ReadAt {
    /// Reads at `offset` until `buffer` is full or the bytes end; returns how many were read.
    ///
    /// # Errors
    /// If the system can't read, or what is there can't be read as what it has to be.
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full_at(self, buffer, offset)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_full_at(buffer, offset)
    }
}

/// Opens a regular file for reading; a symbolic link is an error, and so is a pipe or a device. Neither
/// blocks.
pub fn open_regular(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Reads at `offset` until `buffer` is full or the file ends; returns how many bytes were read.
pub fn read_full_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
