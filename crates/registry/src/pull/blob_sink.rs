//! Where a fetched blob goes.

use std::io;

/// Where a blob's bytes go, in order and from its start.
pub trait BlobSink: Send {
    /// Takes the next piece. Called from an async task: it should not block for long.
    ///
    /// # Errors
    /// If the piece can't be kept; the transfer ends with that error.
    fn write(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Forgets everything written so far: the blob comes again from its start.
    ///
    /// # Errors
    /// If it can't start over; the transfer ends with that error.
    fn restart(&mut self) -> io::Result<()>;
}
