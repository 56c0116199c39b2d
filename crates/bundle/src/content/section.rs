//! A part of an archive: read or hashed in place, never copied out.

use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use airlift_disk::{PieceReader, RangeReader, ReadAt, read_buffered};
use airlift_oci::{Algorithm, Digest, Hasher};
use bytes::Bytes;

use crate::content::storage::Storage;

/// `size` bytes from `offset` on. All sections of an archive share its open files, so replacing a file under
/// its name changes nothing. The files of a folder are opened when they are read: a layout may have more of
/// them than a process may have open.
#[derive(Clone, Debug)]
pub struct Section {
    source: Source,
    offset: u64,
    size: u64,
}

#[derive(Clone, Debug)]
enum Source {
    Open(Arc<dyn ReadAt>),
    Path(Arc<Path>),
}

impl Section {
    /// The `size` bytes of `storage` from `offset` on.
    pub fn new(storage: impl Into<Storage>, offset: u64, size: u64) -> Self {
        Section { source: Source::Open(storage.into().source()), offset, size }
    }

    /// A whole file of `size` bytes. It is opened when it is read, unless it is a link by then.
    pub(crate) fn of_path(path: &Path, size: u64) -> Self {
        Section { source: Source::Path(path.into()), offset: 0, size }
    }

    /// Where it starts in the archive.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What its bytes are read from.
    pub(crate) fn open(&self) -> io::Result<Arc<dyn ReadAt>> {
        match &self.source {
            Source::Open(source) => Ok(Arc::clone(source)),
            Source::Path(path) => {
                Ok(Arc::new(airlift_disk::open_regular(path, airlift_disk::Links::Refuse)?))
            }
        }
    }

    /// All of its bytes, for documents whose size the caller has limited.
    ///
    /// # Errors
    /// If it can't be read, or the archive ends before it does.
    pub fn read_all(&self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.size).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = vec![0; length];
        if self.open()?.read_full_at(&mut bytes, self.offset)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    /// Its digest; `progress` gets each piece's length.
    ///
    /// # Errors
    /// If it can't be read, or the archive ends before it does.
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
        SectionReader { section: self.clone(), reader: None }
    }
}

/// Reads a [`Section`] from start to end, in pieces that fit the L2 cache. If the archive ends inside the
/// section, that is an error, not the end.
#[derive(Debug)]
pub struct SectionReader {
    section: Section,
    /// `None` before the first read. That opens the file even if the section is empty: it must be possible.
    reader: Option<RangeReader>,
}

impl SectionReader {
    /// The next bytes: at most `most`, and none only at the end. They are not copied, unless the archive is
    /// packed.
    ///
    /// # Errors
    /// If the archive can't be read, or ends inside the section.
    pub fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        self.opened()?.next_piece(most)
    }

    fn opened(&mut self) -> io::Result<&mut RangeReader> {
        match &mut self.reader {
            Some(reader) => Ok(reader),
            none => {
                let Section { offset, size, .. } = self.section;
                Ok(none.insert(RangeReader::new(self.section.open()?, offset, size)))
            }
        }
    }
}

impl BufRead for SectionReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.opened()?.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if let Some(reader) = &mut self.reader {
            reader.consume(count);
        }
    }
}

impl Read for SectionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}
