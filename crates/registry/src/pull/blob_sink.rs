//! Where a fetched blob goes.

use std::io;
use std::task::{Context, Poll};

/// Where a blob's bytes go, in order and from its start.
pub trait BlobSink: Send {
    /// Ready when the sink takes the next piece. The transfer waits for that before it asks for more bytes; a
    /// sink that is never full need not say anything. One that can take no more bytes is ready, and fails
    /// with the next piece.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

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
