//! Reads an extent, a part of one file, as quickly as the system allows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};

use crate::aligned::AlignedBuffer;
use crate::direct_file::reopen_direct;
use crate::page_cache::read_cached_at;
use crate::piece_reader::PieceReader;
use crate::read_ahead::{ReadPieces, ReadThread};
use crate::read_at::{Contiguous, ReadAt, read_full_at};

/// Direct reads start at multiples of so many bytes, and have as many.
const BLOCK: u64 = 512;
/// How much is hashed at a time. It stays in the L2 cache; larger pieces don't.
pub const PIECE: usize = 256 << 10;
/// How much is read at a time past the page cache at most, where the system reads nothing ahead.
const DIRECT_READ: usize = 1 << 20;
/// A reader that reads ahead has up to twice as much in memory. Many small extents are read side by side, so
/// what is read of an extent at a time is at most this share of it, or a piece.
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
    /// Bytes of the extent that were read so far.
    read: u64,
    /// Those of them that are still to be handed on. No piece is empty.
    unhanded: VecDeque<Bytes>,
}

impl ExtentReader {
    /// Opens nothing yet: the first read does.
    pub fn new(extent: Extent) -> Self {
        ExtentReader { extent, handles: None, read: 0, unhanded: VecDeque::new() }
    }
}

/// How much of an extent of that size is read at a time past the page cache.
fn direct_read(size: u64) -> usize {
    let share = usize::try_from(size / DIRECT_SHARE).unwrap_or(DIRECT_READ);
    share.next_multiple_of(PIECE).clamp(PIECE, DIRECT_READ)
}

/// What reading takes, once it has begun.
#[derive(Debug)]
struct Handles {
    /// `None` while the thread reads.
    source: Option<ExtentSource>,
    thread: Option<ReadThread<ExtentSource>>,
}

impl Handles {
    fn open(extent: &Extent) -> Self {
        let is_large = extent.size >= DIRECT_READ as u64;
        let direct = if is_large { reopen_direct(&extent.file) } else { None };
        let (file, direct_read) = (Arc::clone(&extent.file), direct_read(extent.size));
        let source = ExtentSource { file, direct, direct_read, is_cold: false, cold_until: 0 };
        Handles { source: Some(source), thread: None }
    }

    /// Reads on at `position`, which is where the last piece ended. At most `left` bytes are wanted.
    fn read_pieces(&mut self, position: u64, left: u64) -> io::Result<VecDeque<Bytes>> {
        let pieces = match (&mut self.source, &mut self.thread) {
            (Some(source), _) => source.read_pieces(position, left)?,
            (None, Some(thread)) => {
                let (source, pieces) = thread.answer()?;
                self.source = Some(source);
                pieces?
            }
            (None, None) => VecDeque::new(),
        };
        let count = length(&pieces);
        if count > 0 && count < left {
            self.read_ahead(position + count, left - count);
        }
        Ok(pieces)
    }

    /// Orders the next pieces, if they are to be read past the page cache.
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
            thread.order(source, position, left);
        }
    }
}

fn length(pieces: &VecDeque<Bytes>) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

/// Where an extent's bytes are read from.
#[derive(Debug)]
struct ExtentSource {
    file: Arc<File>,
    direct: Option<File>,
    /// How much is read at a time past the page cache.
    direct_read: usize,
    /// Whether the last read went past the page cache.
    is_cold: bool,
    /// Up to where the page cache is not looked at.
    cold_until: u64,
}

impl ReadPieces for ExtentSource {
    fn read_pieces(&mut self, position: u64, left: u64) -> io::Result<VecDeque<Bytes>> {
        let up_to = |limit: usize| limit.min(usize::try_from(left).unwrap_or(limit));
        let ExtentSource { file, direct, direct_read, is_cold, cold_until } = self;
        *is_cold = false;
        if let Some(past_the_cache) = direct.as_ref().filter(|_| position.is_multiple_of(BLOCK)) {
            if position >= *cold_until {
                let cached = |room: &mut [u8]| Ok(read_cached_at(file, room, position).unwrap_or(0));
                let piece = read_piece(up_to(PIECE), cached)?;
                if !piece.is_empty() {
                    return Ok(piece);
                }
                *cold_until = position + COLD;
            }
            if let Ok(buffers) = read_direct(past_the_cache, position, up_to(*direct_read)) {
                *is_cold = true;
                return Ok(wanted(buffers, left));
            }
            // Whatever the reason, the ordinary read either works or fails with the right error.
            *direct = None;
        }
        read_piece(up_to(PIECE), |room| read_full_at(file, room, position))
    }
}

/// One piece of at most `length` bytes; none if `read` gives no bytes.
fn read_piece(
    length: usize,
    read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
) -> io::Result<VecDeque<Bytes>> {
    let mut buffer = AlignedBuffer::new(length.next_multiple_of(BLOCK as usize));
    buffer.refill(length, read)?;
    Ok(wanted(vec![buffer], length as u64))
}

/// Reads past the page cache, up to the end of the block: each piece into a buffer of its own, which is used
/// again when that piece is gone.
fn read_direct(file: &File, position: u64, length: usize) -> io::Result<Vec<AlignedBuffer>> {
    let length = length.next_multiple_of(BLOCK as usize);
    let starts = (0..length).step_by(PIECE);
    let mut buffers: Vec<_> = starts.map(|start| AlignedBuffer::new(PIECE.min(length - start))).collect();
    AlignedBuffer::refill_all(&mut buffers, |rooms| Ok(rustix::io::preadv(file, rooms, position)?))?;
    Ok(buffers)
}

/// The first `left` bytes of what was read; a direct read goes on to the block's end, which is padding.
fn wanted(buffers: Vec<AlignedBuffer>, mut left: u64) -> VecDeque<Bytes> {
    let mut pieces = VecDeque::with_capacity(buffers.len());
    for mut buffer in buffers {
        buffer.shorten_to(left);
        left -= buffer.bytes().len() as u64;
        if !buffer.bytes().is_empty() {
            pieces.push_back(Bytes::from_owner(buffer));
        }
    }
    pieces
}

impl BufRead for ExtentReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let ExtentReader { extent, handles, read, unhanded } = self;
        let handles = handles.get_or_insert_with(|| Handles::open(extent));
        if unhanded.is_empty() && *read < extent.size {
            *unhanded = handles.read_pieces(extent.position + *read, extent.size - *read)?;
            if unhanded.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *read += length(unhanded);
        }
        Ok(unhanded.front().map_or(&[], |piece| piece))
    }

    fn consume(&mut self, count: usize) {
        if let Some(piece) = self.unhanded.front_mut() {
            piece.advance(count);
            if piece.is_empty() {
                self.unhanded.pop_front();
            }
        }
    }
}

impl PieceReader for ExtentReader {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        let count = self.fill_buf()?.len().min(most);
        let piece = self.unhanded.front().map_or_else(Bytes::new, |piece| piece.slice(..count));
        self.consume(count);
        Ok(piece)
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
    fn pieces_keep_their_bytes_while_the_reader_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let content: Vec<u8> = (0..9_000_777_u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        file.sync_all().unwrap();
        for (position, most) in [(0, PIECE), (0, 100_000), (512, usize::MAX), (7, PIECE)] {
            for (is_cold, kept) in [(false, 0), (true, 0), (true, 3), (false, 3), (true, usize::MAX)] {
                if is_cold {
                    crate::drop_cached(&file);
                }
                let size = content.len() as u64 - position;
                let mut reader = ExtentReader::new(Extent { file: Arc::clone(&file), position, size });
                let mut pieces = VecDeque::new();
                let mut at = position as usize;
                let mut check = |piece: Bytes| {
                    assert!(piece.len() <= most.min(PIECE));
                    assert!(piece == content[at..at + piece.len()], "{position}, {most}, {is_cold}, {kept}");
                    at += piece.len();
                };
                loop {
                    let piece = reader.next_piece(most).unwrap();
                    if piece.is_empty() {
                        break;
                    }
                    pieces.push_back(piece);
                    if pieces.len() > kept {
                        pieces.pop_front().map(&mut check);
                    }
                }
                pieces.into_iter().for_each(&mut check);
                assert_eq!(at, content.len());
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
