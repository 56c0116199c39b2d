//! Reading at offsets: the trait that a file, several files and other keepers of bytes implement.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::piece_reader::PieceReader;

/// Bytes that can be read at any offset. One file and several files one behind the other implement it; so
/// can an object store.
pub trait ReadAt: fmt::Debug + Send + Sync {
    /// How many bytes there are.
    ///
    /// # Errors
    /// If the system can't say.
    fn size(&self) -> io::Result<u64>;

    /// Reads at `offset` until `buffer` is full or the bytes end; returns how many were read.
    ///
    /// # Errors
    /// If the system can't read, or if the bytes are damaged ([`is_damage`]).
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Reads at `offset` what is in memory already, at most as much as `buffer` holds, without waiting for a
    /// disk. `None` if nothing is, or if that can't be known.
    fn read_cached_at(&self, _buffer: &mut [u8], _offset: u64) -> Option<usize> {
        None
    }

    /// Reads on from `offset`, for as many of the `wanted` bytes as lie in one place. It is at least one of
    /// them, unless the bytes end at `offset`. [`crate::RangeReader`] goes on where one place ends.
    ///
    /// # Errors
    /// If the system can't read, or if the bytes are damaged ([`is_damage`]).
    fn contiguous_from(self: Arc<Self>, offset: u64, wanted: u64) -> io::Result<Contiguous>;
}

/// Bytes that lie in one place.
pub struct Contiguous {
    /// Reads them from the first to the last. An end before that is an error.
    pub reader: Box<dyn PieceReader + Send + Sync>,
    /// How many they are.
    pub size: u64,
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_full_at(buffer, offset)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        (**self).read_cached_at(buffer, offset)
    }

    fn contiguous_from(self: Arc<Self>, offset: u64, wanted: u64) -> io::Result<Contiguous> {
        Arc::clone(&*self).contiguous_from(offset, wanted)
    }
}

/// Bytes that can be read, but are not what they have to be.
pub fn damage(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// Whether reading failed because the bytes are damaged, and not because the system can't read them.
pub fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// Reads at `offset` until `buffer` is full or the file ends; returns how many bytes were read.
///
/// # Errors
/// If the system can't read.
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
