//! A stretch of an archive: read at will, hashed in place, never copied out.

use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use airlift_disk::read::ReadAt;
use airlift_disk::run::read_buffered;
use airlift_oci::{Algorithm, Digest, Hasher};

use super::stretch::Stretch;
use crate::content::storage::Storage;

/// `size` bytes from `offset` on. All sections of an archive share its open descriptors, so swapping the file
/// under its name changes nothing. The files of a folder are opened while they are read: a layout may have
/// more of them than a process may have open.
#[derive(Clone, Debug)]
pub struct Section {
    source: Source,
    offset: u64,
    size: u64,
}

#[derive(Clone, Debug)]
enum Source {
    Open(Storage),
    Named(Arc<Path>),
}

impl Source {
    fn open(&self) -> io::Result<Storage> {
        match self {
            Source::Open(storage) => Ok(storage.clone()),
            Source::Named(path) => airlift_disk::read::open_regular(path).map(|file| Arc::new(file).into()),
        }
    }
}

impl Section {
    /// The stretch of `storage` from `offset`, `size` bytes long.
    pub fn new(storage: impl Into<Storage>, offset: u64, size: u64) -> Self {
        Section { source: Source::Open(storage.into()), offset, size }
    }

    /// A whole file of `size` bytes, to be opened when it is read, unless it is a link by then.
    pub(crate) fn of_path(path: &Path, size: u64) -> Self {
        Section { source: Source::Named(path.into()), offset: 0, size }
    }

    /// Where it starts in the archive.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All of it, for documents whose size was checked against a limit before.
    pub fn read_all(&self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.size).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = vec![0; length];
        if self.source.open()?.read_full_at(&mut bytes, self.offset)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    /// Its digest; `progress` is told of each piece's length.
    pub fn digest(&self, algorithm: Algorithm, mut progress: impl FnMut(u64)) -> io::Result<Digest> {
        let mut hasher = Hasher::new(algorithm);
        let mut reader = self.reader();
        loop {
            let piece = reader.fill_buf()?;
            let count = piece.len();
            if count == 0 {
                return Ok(hasher.finish());
            }
            hasher.update(piece);
            reader.consume(count);
            progress(count as u64);
        }
    }

    /// Reads it from the start.
    pub fn reader(&self) -> SectionReader {
        SectionReader { section: self.clone(), storage: None, current: None, begun: 0 }
    }
}

/// Reads a [`Section`] from start to end, in pieces that fit the L2 cache. The end of the archive inside the
/// section is an error, not an end.
#[derive(Debug)]
pub struct SectionReader {
    section: Section,
    storage: Option<Storage>,
    current: Option<Stretch>,
    /// Bytes of the section that lie in the stretches up to the current one, that one included.
    begun: u64,
}

impl SectionReader {
    /// Turns to the bytes behind those that were begun. Of an empty section that is nothing, in a file that
    /// can be opened.
    fn turn(&mut self) -> io::Result<()> {
        let storage = match &self.storage {
            Some(storage) => storage,
            None => self.storage.insert(self.section.source.open()?),
        };
        let left = self.section.size - self.begun;
        if left == 0 {
            return Ok(());
        }
        let (stretch, count) = storage.stretch(self.section.offset + self.begun, left)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.begun += count;
        self.current = Some(stretch);
        Ok(())
    }

    fn has_more_here(&mut self) -> io::Result<bool> {
        match &mut self.current {
            Some(reader) => Ok(!reader.fill_buf()?.is_empty()),
            None => Ok(false),
        }
    }
}

impl BufRead for SectionReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.has_more_here()? && (self.begun < self.section.size || self.storage.is_none()) {
            self.turn()?;
        }
        match &mut self.current {
            Some(reader) => reader.fill_buf(),
            None => Ok(&[]),
        }
    }

    fn consume(&mut self, count: usize) {
        if let Some(reader) = &mut self.current {
            reader.consume(count);
        }
    }
}

impl Read for SectionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}
