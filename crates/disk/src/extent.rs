//! Reads an extent, a part of one file, as quickly as the system allows.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::aligned::AlignedBuffer;
use crate::direct_file::reopen_direct;
use crate::page_cache::read_cached_at;
use crate::read_at::{Contiguous, ReadAt, read_full_at};

/// Direct reads start at multiples of so many bytes, and have as many.
const BLOCK: u64 = 512;
/// How much is hashed at a time. It stays in the L2 cache; larger pieces don't.
pub const PIECE: usize = 256 << 10;
/// How much is read at a time past the page cache, where the system reads nothing ahead.
const DIRECT_READ: usize = 1 << 20;
/// How far the page cache is not asked again after it had nothing. Asking makes the system read ahead: asked
/// all the time, it would read everything twice, and fill the cache with data that is not used.
const COLD: u64 = 32 << 20;

/// Bytes that lie one behind the other in one file.
#[derive(Clone, Debug)]
pub struct Extent {
    /// The file.
    pub file: Arc<File>,
    /// Where in that file they start.
    pub position: u64,
    /// How many they are. The file may end before.
    pub size: u64,
}

/// Reads an [`Extent`] from start to end, in pieces that fit the L2 cache. The end of the file inside the
/// extent is an error, not an end.
///
/// Data that is in the page cache is taken from there. Other data is read past it where the file system
/// allows that: an archive is read once and is often larger than memory, and on some machines new pages cost
/// more than the hashing.
#[derive(Debug)]
pub struct ExtentReader {
    extent: Extent,
    handles: Option<Handles>,
    /// Bytes of the extent that were read into the buffer so far.
    read: u64,
    /// Bytes of the buffer that were handed on.
    handed: usize,
}

impl ExtentReader {
    /// Opens nothing yet: the first read does.
    pub fn new(extent: Extent) -> Self {
        ExtentReader { extent, handles: None, read: 0, handed: 0 }
    }
}

/// What reading takes, once it has begun.
#[derive(Debug)]
struct Handles {
    direct: Option<File>,
    buffer: AlignedBuffer,
    /// Up to where the page cache is not looked at.
    cold_until: u64,
}

impl Handles {
    fn open(extent: &Extent) -> Self {
        let is_large = extent.size >= DIRECT_READ as u64;
        let direct = if is_large { reopen_direct(&extent.file) } else { None };
        let capacity = if direct.is_some() { DIRECT_READ } else { PIECE };
        let needed = usize::try_from(extent.size.next_multiple_of(BLOCK)).unwrap_or(capacity);
        Handles { direct, buffer: AlignedBuffer::new(capacity.min(needed)), cold_until: 0 }
    }

    /// Reads on at `position`, of which at most `left` bytes are wanted.
    fn fill(&mut self, file: &File, position: u64, left: u64) -> io::Result<()> {
        let up_to = |limit: usize| limit.min(usize::try_from(left).unwrap_or(limit));
        let Handles { direct, buffer, cold_until } = self;
        if let Some(past_the_cache) = direct.as_ref().filter(|_| position.is_multiple_of(BLOCK)) {
            if position >= *cold_until {
                buffer.refill(up_to(PIECE), |room| Ok(read_cached_at(file, room, position).unwrap_or(0)))?;
                if !buffer.bytes().is_empty() {
                    return Ok(());
                }
                *cold_until = position + COLD;
            }
            let whole_blocks = up_to(DIRECT_READ).next_multiple_of(BLOCK as usize);
            if buffer.refill(whole_blocks, |room| past_the_cache.read_at(room, position)).is_ok() {
                return Ok(());
            }
            // Whatever the reason, the ordinary read either works or fails with the right error.
            *direct = None;
        }
        buffer.refill(up_to(PIECE), |room| read_full_at(file, room, position))
    }
}

impl BufRead for ExtentReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let ExtentReader { extent, handles, read, handed } = self;
        let handles = handles.get_or_insert_with(|| Handles::open(extent));
        if *handed == handles.buffer.bytes().len() && *read < extent.size {
            let left = extent.size - *read;
            handles.fill(&extent.file, extent.position + *read, left)?;
            // A direct read goes on to the block's end, which is padding.
            handles.buffer.shorten_to(left);
            if handles.buffer.bytes().is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *read += handles.buffer.bytes().len() as u64;
            *handed = 0;
        }
        let rest = &handles.buffer.bytes()[*handed..];
        Ok(&rest[..rest.len().min(PIECE)])
    }

    fn consume(&mut self, count: usize) {
        self.handed += count;
    }
}

impl Read for ExtentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full_at(self, buffer, offset)
    }

    fn contiguous_from(self: Arc<Self>, offset: u64, wanted: u64) -> io::Result<Contiguous> {
        let extent = Extent { file: self, position: offset, size: wanted };
        Ok(Contiguous { reader: Box::new(ExtentReader::new(extent)), size: wanted })
    }
}

/// Reads through the reader's own buffer.
///
/// # Errors
/// If the reader can't read.
pub fn read_buffered(reader: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
    let piece = reader.fill_buf()?;
    let count = piece.len().min(buffer.len());
    buffer[..count].copy_from_slice(&piece[..count]);
    reader.consume(count);
    Ok(count)
}
