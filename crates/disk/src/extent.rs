//! Reads an extent, a part of one file, as quickly as the system allows.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::mem;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::aligned::AlignedBuffer;
use crate::direct_file::reopen_direct;
use crate::page_cache::read_cached_at;
use crate::read_ahead::{FillAt, ReadThread};
use crate::read_at::{Contiguous, ReadAt, read_full_at};

/// Direct reads start at multiples of so many bytes, and have as many.
const BLOCK: u64 = 512;
/// How much is hashed at a time. It stays in the L2 cache; larger pieces don't.
pub const PIECE: usize = 256 << 10;
/// How much is read at a time past the page cache at most, where the system reads nothing ahead.
const DIRECT_READ: usize = 1 << 20;
/// A reader that reads ahead needs two buffers. Many small extents are read side by side, so the buffers of
/// an extent have at most this share of it, or a piece.
const DIRECT_SHARE: u64 = 8;
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
/// more than the hashing. Past the cache the system reads nothing ahead, so a thread does.
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

/// How much of an extent of that size is read at a time past the page cache.
fn direct_read(size: u64) -> usize {
    let share = usize::try_from(size / DIRECT_SHARE).unwrap_or(DIRECT_READ);
    share.clamp(PIECE, DIRECT_READ).next_multiple_of(BLOCK as usize)
}

/// What reading takes, once it has begun.
#[derive(Debug)]
struct Handles {
    /// `None` while the thread reads.
    source: Option<ExtentSource>,
    buffer: AlignedBuffer,
    /// The second buffer, while the thread has none.
    spare: Option<AlignedBuffer>,
    thread: Option<ReadThread<ExtentSource>>,
}

impl Handles {
    fn open(extent: &Extent) -> Self {
        let is_large = extent.size >= DIRECT_READ as u64;
        let direct = if is_large { reopen_direct(&extent.file) } else { None };
        let capacity = if direct.is_some() { direct_read(extent.size) } else { PIECE };
        let needed = usize::try_from(extent.size.next_multiple_of(BLOCK)).unwrap_or(capacity);
        let buffer = AlignedBuffer::new(capacity.min(needed));
        let source = ExtentSource { file: Arc::clone(&extent.file), direct, is_cold: false, cold_until: 0 };
        Handles { source: Some(source), buffer, spare: None, thread: None }
    }

    /// Reads on at `position`, which is where the last piece ended. At most `left` bytes are wanted.
    fn fill(&mut self, position: u64, left: u64) -> io::Result<()> {
        match (&mut self.source, &mut self.thread) {
            (Some(source), _) => source.fill_at(&mut self.buffer, position, left)?,
            (None, Some(thread)) => {
                let (source, buffer, outcome) = thread.answer()?;
                self.source = Some(source);
                self.spare = Some(mem::replace(&mut self.buffer, buffer));
                outcome?;
            }
            (None, None) => {}
        }
        // A direct read goes on to the block's end, which is padding.
        self.buffer.shorten_to(left);
        let count = self.buffer.bytes().len() as u64;
        if count > 0 && count < left {
            self.read_ahead(position + count, left - count);
        }
        Ok(())
    }

    /// Orders the next piece, if it is to be read past the page cache.
    fn read_ahead(&mut self, position: u64, left: u64) {
        if !self.source.as_ref().is_some_and(|source| source.is_cold) {
            return;
        }
        if self.thread.is_none() {
            // If the system gives no more threads, each piece is read when it is needed.
            self.thread = ReadThread::start().ok();
        }
        if let Some(thread) = &self.thread
            && let Some(source) = self.source.take()
        {
            let buffer = self.spare.take().unwrap_or_else(|| AlignedBuffer::new(self.buffer.capacity()));
            thread.order(source, buffer, position, left);
        }
    }
}

/// Where an extent's bytes are read from.
#[derive(Debug)]
struct ExtentSource {
    file: Arc<File>,
    direct: Option<File>,
    /// Whether the last read went past the page cache.
    is_cold: bool,
    /// Up to where the page cache is not looked at.
    cold_until: u64,
}

impl FillAt for ExtentSource {
    fn fill_at(&mut self, buffer: &mut AlignedBuffer, position: u64, left: u64) -> io::Result<()> {
        let up_to = |limit: usize| limit.min(usize::try_from(left).unwrap_or(limit));
        let ExtentSource { file, direct, is_cold, cold_until } = self;
        *is_cold = false;
        if let Some(past_the_cache) = direct.as_ref().filter(|_| position.is_multiple_of(BLOCK)) {
            if position >= *cold_until {
                buffer.refill(up_to(PIECE), |room| Ok(read_cached_at(file, room, position).unwrap_or(0)))?;
                if !buffer.bytes().is_empty() {
                    return Ok(());
                }
                *cold_until = position + COLD;
            }
            let whole_blocks = up_to(buffer.capacity()).next_multiple_of(BLOCK as usize);
            if buffer.refill(whole_blocks, |room| past_the_cache.read_at(room, position)).is_ok() {
                *is_cold = true;
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
            handles.buffer.clear();
            *handed = 0;
            handles.fill(extent.position + *read, left)?;
            if handles.buffer.bytes().is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *read += handles.buffer.bytes().len() as u64;
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

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        read_cached_at(self, buffer, offset)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(file: &Arc<File>, position: u64, size: u64) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        ExtentReader::new(Extent { file: Arc::clone(file), position, size }).read_to_end(&mut found)?;
        Ok(found)
    }

    #[test]
    fn an_extent_has_the_same_bytes_from_the_disk_and_from_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let content: Vec<u8> = (0..5_000_777_u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        file.sync_all().unwrap();
        for (start, end) in [(0, content.len()), (512, 4_195_328), (7, 3_000_000), (1_024, 2_097_153)] {
            for is_cold in [false, true] {
                if is_cold {
                    crate::drop_cached(&file);
                }
                let found = read_all(&file, start as u64, (end - start) as u64).unwrap();
                assert!(found == content[start..end], "{start} to {end}, cold: {is_cold}");
            }
        }
    }

    #[test]
    fn an_end_inside_the_extent_is_an_error_however_often_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, vec![1; 3 << 20]).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        file.sync_all().unwrap();
        crate::drop_cached(&file);
        let mut reader = ExtentReader::new(Extent { file, position: 0, size: 4 << 20 });
        let mut count = 0;
        let error = loop {
            match reader.fill_buf().map(<[u8]>::len) {
                Ok(length) => {
                    reader.consume(length);
                    count += length;
                }
                Err(error) => break error,
            }
        };
        assert_eq!((count, error.kind()), (3 << 20, io::ErrorKind::UnexpectedEof));
        assert_eq!(reader.fill_buf().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
