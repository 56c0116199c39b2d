//! A stretch of an open file: read at will, hashed in place, never copied out.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::header::{BLOCK, padded};
use crate::os::{AlignedBuffer, read_cached_at, read_full_at, reopen_direct};
use crate::{Algorithm, Digest, Hasher};

/// What is hashed at a time: it stays in the L2 cache, which larger pieces don't.
const PIECE: usize = 256 << 10;
/// What is read at a time past the page cache, where nothing is read ahead.
const DIRECT_READ: usize = 1 << 20;

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
        SectionReader { section: self.clone(), handles: None, read: 0, handed: 0 }
    }
}

/// Reads a [`Section`] from start to end, in pieces that fit the L2 cache. The end of the file inside the section is an
/// error, not an end.
///
/// What the page cache has is taken from there. What it hasn't is read past it where the file system allows it: an archive is
/// read once and is often larger than memory, and new pages cost more than the hashing on some machines.
#[derive(Debug)]
pub struct SectionReader {
    section: Section,
    handles: Option<Handles>,
    /// Bytes of the section that were read into the buffer so far.
    read: u64,
    /// Bytes of the buffer that were handed on.
    handed: usize,
}

/// What reading takes, once it has begun.
#[derive(Debug)]
struct Handles {
    file: Arc<File>,
    direct: Option<File>,
    buffer: AlignedBuffer,
}

impl Handles {
    fn open(section: &Section) -> io::Result<Self> {
        let file = section.source.open()?;
        let is_large = section.size >= DIRECT_READ as u64;
        let direct = if is_large { reopen_direct(&file) } else { None };
        let capacity = if direct.is_some() { DIRECT_READ } else { PIECE };
        let needed = usize::try_from(padded(section.size)).unwrap_or(capacity);
        Ok(Handles { file, direct, buffer: AlignedBuffer::new(capacity.min(needed)) })
    }

    /// Reads on at `offset`, of which at most `left` bytes are wanted.
    fn fill(&mut self, offset: u64, left: u64) -> io::Result<()> {
        let up_to = |limit: usize| limit.min(usize::try_from(left).unwrap_or(limit));
        let Handles { file, direct, buffer } = self;
        if let Some(past_the_cache) = direct.as_ref().filter(|_| offset.is_multiple_of(BLOCK)) {
            buffer.refill(up_to(PIECE), |room| Ok(read_cached_at(file, room, offset).unwrap_or(0)))?;
            if !buffer.bytes().is_empty() {
                return Ok(());
            }
            let whole_blocks = up_to(DIRECT_READ).next_multiple_of(BLOCK as usize);
            if buffer.refill(whole_blocks, |room| past_the_cache.read_at(room, offset)).is_ok() {
                return Ok(());
            }
            // Whatever it has against it, the ordinary way either works or says what is wrong.
            *direct = None;
        }
        buffer.refill(up_to(PIECE), |room| read_full_at(file, room, offset))
    }
}

impl BufRead for SectionReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let handles = match &mut self.handles {
            Some(handles) => handles,
            none => none.insert(Handles::open(&self.section)?),
        };
        if self.handed == handles.buffer.bytes().len() && self.read < self.section.size {
            let left = self.section.size - self.read;
            handles.fill(self.section.offset + self.read, left)?;
            // A direct read goes on to the block's end, which is padding.
            handles.buffer.shorten_to(left);
            if handles.buffer.bytes().is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.read += handles.buffer.bytes().len() as u64;
            self.handed = 0;
        }
        let rest = &handles.buffer.bytes()[self.handed..];
        Ok(&rest[..rest.len().min(PIECE)])
    }

    fn consume(&mut self, count: usize) {
        self.handed += count;
    }
}

impl Read for SectionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        self.consume(count);
        Ok(count)
    }
}
