//! Memory that is aligned for direct reads and writes.

use std::io::{self, IoSliceMut};
use std::mem;

use crate::spare_memory;

/// The strictest memory alignment that a block device asks for.
pub(crate) const MEMORY_ALIGNMENT: usize = 4_096;

/// A fixed buffer whose start is aligned for direct reads and writes.
#[derive(Debug)]
pub struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    filled: usize,
    capacity: usize,
}

impl AlignedBuffer {
    /// An empty buffer for up to `capacity` bytes, a multiple of tar's block.
    pub fn new(capacity: usize) -> Self {
        let memory = spare_memory::take(capacity + MEMORY_ALIGNMENT);
        let start = memory.as_ptr().align_offset(MEMORY_ALIGNMENT).min(MEMORY_ALIGNMENT);
        AlignedBuffer { memory, start, filled: 0, capacity }
    }

    /// Takes as much of `piece` as fits and returns the rest.
    pub fn fill<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let (taken, rest) = piece.split_at(piece.len().min(self.capacity - self.filled));
        let at = self.start + self.filled;
        self.memory[at..at + taken.len()].copy_from_slice(taken);
        self.filled += taken.len();
        rest
    }

    /// Fills up with zeros to a multiple of `unit`, which divides the capacity.
    pub fn pad_to(&mut self, unit: usize) {
        let end = self.filled.next_multiple_of(unit).min(self.capacity);
        self.memory[self.start + self.filled..self.start + end].fill(0);
        self.filled = end;
    }

    /// Replaces what it holds: `read` gets room for `length` bytes, at most the capacity, and returns how
    /// many it filled.
    ///
    /// # Errors
    /// If `read` fails. The buffer is empty then.
    pub fn refill(
        &mut self,
        length: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let length = length.min(self.capacity);
        self.filled = 0;
        self.filled = read(&mut self.memory[self.start..self.start + length])?.min(length);
        Ok(())
    }

    /// Replaces what `buffers` hold: `read` gets the room of each, and returns how many bytes it filled, one
    /// buffer after the other.
    ///
    /// # Errors
    /// If `read` fails. The buffers are empty then.
    pub(crate) fn refill_all(
        buffers: &mut [AlignedBuffer],
        read: impl FnOnce(&mut [IoSliceMut<'_>]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let rooms = buffers.iter_mut().map(|buffer| {
            buffer.filled = 0;
            IoSliceMut::new(&mut buffer.memory[buffer.start..buffer.start + buffer.capacity])
        });
        let mut left = read(&mut rooms.collect::<Vec<_>>())?;
        for buffer in buffers {
            buffer.filled = left.min(buffer.capacity);
            left -= buffer.filled;
        }
        Ok(())
    }

    /// How many bytes it has room for.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The bytes that it holds.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.filled]
    }

    /// Whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.filled == self.capacity
    }

    /// Drops all but the first `length` bytes.
    pub fn shorten_to(&mut self, length: u64) {
        self.filled = self.filled.min(usize::try_from(length).unwrap_or(self.filled));
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.filled = 0;
    }
}

impl AsRef<[u8]> for AlignedBuffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Drop for AlignedBuffer {
    fn drop(&mut self) {
        spare_memory::give_back(mem::take(&mut self.memory));
    }
}
