//! A part of a section that is read in one way.

use std::io::{self, BufRead, Cursor, Read};

use airlift_disk::run::{PIECE, RunReader, read_buffered};

use crate::zst::stored::StoredReader;

/// Reads a part of a section, in pieces that fit the L2 cache.
#[derive(Debug)]
pub(crate) enum Stretch {
    /// As it lies in a file.
    Run(RunReader),
    /// Out of a stored frame.
    Stored(StoredReader),
    /// Out of a packed frame.
    Unpacked(Unpacked),
}

impl BufRead for Stretch {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Stretch::Run(reader) => reader.fill_buf(),
            Stretch::Stored(reader) => reader.fill_buf(),
            Stretch::Unpacked(reader) => reader.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            Stretch::Run(reader) => reader.consume(count),
            Stretch::Stored(reader) => reader.consume(count),
            Stretch::Unpacked(reader) => reader.consume(count),
        }
    }
}

impl Read for Stretch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}

/// A frame's content, unpacked, of which a part is read.
#[derive(Debug)]
pub(crate) struct Unpacked {
    content: Cursor<Vec<u8>>,
    left: usize,
}

impl Unpacked {
    /// Reads `count` bytes from `start` on; both lie within the content.
    pub(crate) fn new(content: Vec<u8>, start: u64, count: u64) -> Self {
        let mut content = Cursor::new(content);
        content.set_position(start);
        Unpacked { content, left: usize::try_from(count).unwrap_or(usize::MAX) }
    }

    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let rest = self.content.fill_buf()?;
        Ok(&rest[..rest.len().min(self.left).min(PIECE)])
    }

    fn consume(&mut self, count: usize) {
        self.content.consume(count);
        self.left -= count.min(self.left);
    }
}
