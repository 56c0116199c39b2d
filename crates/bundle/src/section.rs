//! A stretch of an open file: read at will, hashed in place, never copied out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::os::read_full_at;
use crate::{Algorithm, Digest, Hasher};

/// What is hashed at a time: it stays in the L2 cache, which larger pieces don't.
const PIECE: usize = 256 << 10;

/// `size` bytes from `offset` on. All sections of an archive share one open descriptor, so swapping the file under
/// its name changes nothing. The files of a folder are opened while they are read: a layout may have more of them than
/// a process may have open.
#[derive(Clone, Debug)]
pub struct Section {
    source: Source,
    offset: u64,
    size: u64,
}

#[derive(Clone, Debug)]
enum Source {
    Open(Arc<File>),
    Named(Arc<Path>),
}

impl Source {
    fn open(&self) -> io::Result<Arc<File>> {
        match self {
            Source::Open(file) => Ok(Arc::clone(file)),
            Source::Named(path) => crate::os::open_regular(path).map(Arc::new),
        }
    }
}

impl Section {
    /// The stretch of `file` from `offset`, `size` bytes long.
    pub fn new(file: Arc<File>, offset: u64, size: u64) -> Self {
        Section { source: Source::Open(file), offset, size }
    }

    /// A whole file of `size` bytes, to be opened when it is read, unless it is a link by then.
    pub(crate) fn of_path(path: &Path, size: u64) -> Self {
        Section { source: Source::Named(path.into()), offset: 0, size }
    }

    /// Where it starts in the file.
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
        if read_full_at(&*self.source.open()?, &mut bytes, self.offset)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    /// Its digest; `progress` is told of each piece's length.
    pub fn digest(&self, algorithm: Algorithm, mut progress: impl FnMut(u64)) -> io::Result<Digest> {
        let mut hasher = Hasher::new(algorithm);
        let mut buffer = vec![0; PIECE.min(usize::try_from(self.size).unwrap_or(PIECE))];
        let mut reader = self.reader();
        let mut left = self.size;
        while left > 0 {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(&buffer[..count]);
            left -= count as u64;
            progress(count as u64);
        }
        Ok(hasher.finish())
    }

    /// Reads it from the start.
    pub fn reader(&self) -> SectionReader {
        SectionReader { section: self.clone(), file: None, at: 0 }
    }
}

/// Reads a [`Section`] from start to end. The end of the file inside the section is an error, not an end.
#[derive(Debug)]
pub struct SectionReader {
    section: Section,
    file: Option<Arc<File>>,
    at: u64,
}

impl Read for SectionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.section.size - self.at;
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.section.source.open()?),
        };
        let count = read_full_at(file, &mut buffer[..wanted], self.section.offset + self.at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}
