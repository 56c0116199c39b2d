//! Readers that hand on what they read.

use std::io::{self, BufRead};

use bytes::Bytes;

/// A reader whose bytes can outlive it. One that has them in shared memory hands them on without a copy.
pub trait PieceReader: BufRead {
    /// The next bytes: at most `most`, and none only at the end.
    ///
    /// # Errors
    /// If the reader can't read.
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        let buffered = self.fill_buf()?;
        let piece = Bytes::copy_from_slice(&buffered[..buffered.len().min(most)]);
        self.consume(piece.len());
        Ok(piece)
    }
}
