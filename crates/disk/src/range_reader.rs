//! Reads a range of bytes in order, wherever they lie.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use bytes::Bytes;

use crate::extent::read_buffered;
use crate::piece_reader::PieceReader;
use crate::read_at::{Contiguous, ReadAt};

/// Reads a range from start to end, in pieces that fit the L2 cache. If the bytes end inside the range, that
/// is an error, not the end.
pub struct RangeReader {
    source: Arc<dyn ReadAt>,
    /// Where the bytes start that `current` doesn't have.
    offset: u64,
    /// How many these are.
    left: u64,
    current: Option<Contiguous>,
}

impl RangeReader {
    /// Reads `size` bytes from `offset` on. The first read opens what it needs.
    pub fn new(source: Arc<dyn ReadAt>, offset: u64, size: u64) -> Self {
        RangeReader { source, offset, left: size, current: None }
    }

    /// Turns to the next place.
    fn advance(&mut self) -> io::Result<()> {
        let next = Arc::clone(&self.source).contiguous_from(self.offset, self.left)?;
        if next.size == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += next.size;
        self.left -= next.size;
        self.current = Some(next);
        Ok(())
    }

    /// Turns to the next place if all of this one was read and there is one.
    fn turn_to_the_next(&mut self) -> io::Result<()> {
        if !self.has_more_here()? && self.left > 0 {
            self.advance()?;
        }
        Ok(())
    }

    fn has_more_here(&mut self) -> io::Result<bool> {
        match &mut self.current {
            Some(current) => Ok(!current.reader.fill_buf()?.is_empty()),
            None => Ok(false),
        }
    }
}

impl BufRead for RangeReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.turn_to_the_next()?;
        match &mut self.current {
            Some(current) => current.reader.fill_buf(),
            None => Ok(&[]),
        }
    }

    fn consume(&mut self, count: usize) {
        if let Some(current) = &mut self.current {
            current.reader.consume(count);
        }
    }
}

impl PieceReader for RangeReader {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        self.turn_to_the_next()?;
        match &mut self.current {
            Some(current) => current.reader.next_piece(most),
            None => Ok(Bytes::new()),
        }
    }
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}

impl fmt::Debug for RangeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RangeReader { source, offset, left, .. } = self;
        f.debug_struct("RangeReader")
            .field("source", source)
            .field("offset", offset)
            .field("left", left)
            .finish()
    }
}
