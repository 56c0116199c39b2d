//! Where an upload's bytes come from.

use std::io;

/// Where an upload's bytes come from.
pub trait BlobSource: Send + Sync {
    /// A fresh reader from the blob's start, for one attempt. It is read on a thread that may block. An
    /// attempt that goes on with a broken upload reads from the start, too, and sends only what the registry
    /// lacks.
    ///
    /// A read error ends the upload before its last byte is sent, so a reader that hashes can prove its
    /// content at the end. It isn't retried and comes back as [`Error::Source`](crate::Error::Source).
    ///
    /// # Errors
    /// If the content can't be read.
    fn open(&self) -> io::Result<Box<dyn io::Read + Send>>;
}
