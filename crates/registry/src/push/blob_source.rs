//! Where an upload's bytes come from.

use std::{fmt, io};

use futures::FutureExt;
use futures::future::BoxFuture;

/// The right to read a source and to send it. It ends when this is dropped.
pub struct UploadPermit(Option<Box<dyn Send + Sync>>);

impl UploadPermit {
    /// For callers that don't count uploads.
    pub const UNCOUNTED: UploadPermit = UploadPermit(None);

    /// The right that `permit` stands for. It ends with the last byte that is sent, before the answer.
    pub fn until_sent(permit: impl Send + Sync + 'static) -> Self {
        UploadPermit(Some(Box::new(permit)))
    }
}

impl fmt::Debug for UploadPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UploadPermit").field(&self.0.is_some()).finish()
    }
}

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

    /// Waits until the source may be read, in each attempt, when the registry has opened an upload.
    fn permit(&self) -> BoxFuture<'_, UploadPermit> {
        std::future::ready(UploadPermit::UNCOUNTED).boxed()
    }
}
