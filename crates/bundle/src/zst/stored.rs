//! Stored frames: content as it is, in raw blocks. Size and places follow from the content's length alone.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use airlift_disk::{PieceReader, RangeReader, ReadAt, read_buffered};
use airlift_oci::layout::LAYOUT_FILE;
use bytes::Bytes;

use crate::tar::header::BLOCK;
use crate::zst::format::{MAGIC, damaged};

/// The largest block that a zstd frame may have; all but the last are that large.
const RAW: u64 = 128 << 10;
/// Magic, descriptor, window and content size.
pub(crate) const HEADER: u64 = 14;
const BLOCK_HEADER: u64 = 3;

/// What precedes the first block: content size in 8 bytes, a window of one block, neither dictionary nor
/// checksum.
pub(crate) fn header(size: u64) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    header[..4].copy_from_slice(&MAGIC);
    header[4] = 0b1100_0000;
    // 2 to the power of 10 + 7.
    header[5] = 7 << 3;
    header[6..].copy_from_slice(&size.to_le_bytes());
    header
}

/// How large a frame with `size` bytes of content is. `size` is at most [`crate::zst::MAX_STORED`], and not
/// zero.
pub(crate) fn frame_size(size: u64) -> u64 {
    HEADER + size + size.div_ceil(RAW) * BLOCK_HEADER
}

/// What precedes the block from `offset` on in content of `size`, and how many bytes the block has.
pub(crate) fn block(size: u64, offset: u64) -> ([u8; BLOCK_HEADER as usize], u64) {
    let length = RAW.min(size - offset);
    let is_last = offset + length == size;
    let [a, b, c, ..] = (length << 3 | u64::from(is_last)).to_le_bytes();
    ([a, b, c], length)
}

/// Whether a file starts with a frame of ours, which has the name of the first entry.
pub(crate) fn starts_like_ours(start: &[u8]) -> bool {
    let name = start.get((HEADER + BLOCK_HEADER) as usize..).unwrap_or_default();
    start.starts_with(&MAGIC) && name.starts_with(LAYOUT_FILE.as_bytes())
}

/// Where a stored frame lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredFrame {
    /// Where it starts in the compressed file.
    pub(crate) position: u64,
    /// How much content it has.
    pub(crate) size: u64,
}

/// Reads content of one stored frame, and checks the headers of the frame and of its blocks on the way.
#[derive(Debug)]
pub(crate) struct StoredReader {
    inner: RangeReader,
    frame: StoredFrame,
    /// Where the next block starts in the content.
    next_block: u64,
    /// Where reading ends in the content.
    end: u64,
    /// How many bytes of the current block are still to be read.
    left_in_block: u64,
    /// How many bytes to skip before the next block's header.
    to_skip: u64,
    /// How many bytes of the first block's content to skip.
    skip_content: u64,
}

impl StoredReader {
    /// Reads `wanted` bytes of the content from `offset` on.
    pub(crate) fn new(source: Arc<dyn ReadAt>, frame: StoredFrame, offset: u64, wanted: u64) -> Self {
        let end = offset.saturating_add(wanted).min(frame.size);
        let first_block = offset - offset % RAW;
        let place = |content: u64| frame.position + HEADER + content / RAW * (RAW + BLOCK_HEADER);
        let start = if first_block == 0 { frame.position } else { place(first_block) };
        // What bypasses the page cache has to start at a whole block of the file.
        let aligned = start - start % BLOCK;
        let last_block = end.saturating_sub(1) / RAW * RAW;
        let stop = place(last_block) + BLOCK_HEADER + (end - last_block);
        StoredReader {
            inner: RangeReader::new(source, aligned, stop - aligned),
            frame,
            next_block: first_block,
            end,
            left_in_block: 0,
            to_skip: start - aligned,
            skip_content: offset - first_block,
        }
    }

    /// Turns to the next block, if there is one that is wanted.
    fn turn(&mut self) -> io::Result<()> {
        skip(&mut self.inner, std::mem::take(&mut self.to_skip))?;
        let StoredFrame { position, size } = self.frame;
        if self.next_block == 0 {
            self.expect(&header(size), "the header of the frame", position)?;
        }
        let (block_header, length) = block(size, self.next_block);
        let place = position + HEADER + self.next_block / RAW * (RAW + BLOCK_HEADER);
        self.expect(&block_header, "the header of the block", place)?;
        let skipped = std::mem::take(&mut self.skip_content);
        skip(&mut self.inner, skipped)?;
        self.left_in_block = length.min(self.end - self.next_block) - skipped;
        self.next_block += length;
        Ok(())
    }

    fn expect(&mut self, expected: &[u8], what: &str, position: u64) -> io::Result<()> {
        let mut found = [0; HEADER as usize];
        let found = &mut found[..expected.len()];
        self.inner.read_exact(found)?;
        if found == expected { Ok(()) } else { Err(damaged(what, position)) }
    }
}

fn skip(reader: &mut impl BufRead, mut count: u64) -> io::Result<()> {
    while count > 0 {
        let piece = reader.fill_buf()?.len();
        if piece == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let taken = piece.min(usize::try_from(count).unwrap_or(piece));
        reader.consume(taken);
        count -= taken as u64;
    }
    Ok(())
}

impl BufRead for StoredReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left_in_block == 0 {
            if self.next_block >= self.end {
                return Ok(&[]);
            }
            self.turn()?;
        }
        let piece = self.inner.fill_buf()?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let left = usize::try_from(self.left_in_block).unwrap_or(usize::MAX);
        Ok(&piece[..piece.len().min(left)])
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
        self.left_in_block = self.left_in_block.saturating_sub(count as u64);
    }
}

impl PieceReader for StoredReader {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        let in_block = self.fill_buf()?.len();
        if in_block == 0 {
            return Ok(Bytes::new());
        }
        let piece = self.inner.next_piece(most.min(in_block))?;
        self.left_in_block = self.left_in_block.saturating_sub(piece.len() as u64);
        Ok(piece)
    }
}

impl Read for StoredReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}
