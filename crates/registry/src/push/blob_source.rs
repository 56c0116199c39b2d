//! Where an upload's bytes come from.

use std::{fmt, io};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

/// The right to read a source and to send it. It ends when this is dropped.
pub struct UploadPermit {
    permit: Option<Box<dyn Send + Sync>>,
    end: PermitEnd,
}

/// When a permit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PermitEnd {
    /// With the last byte that is sent.
    Sent,
    /// With the answer.
    Answered,
}

impl UploadPermit {
    /// For callers that don't count uploads.
    pub const UNCOUNTED: UploadPermit = UploadPermit { permit: None, end: PermitEnd::Sent };

    /// The right that `permit` stands for. It ends with the last byte that is sent, before the answer. The
    /// system may still have many of these bytes in its buffers.
    pub fn until_sent(permit: impl Send + Sync + 'static) -> Self {
        UploadPermit { permit: Some(Box::new(permit)), end: PermitEnd::Sent }
    }

    /// The right that `permit` stands for. It ends with the registry's answer.
    pub fn until_answered(permit: impl Send + Sync + 'static) -> Self {
        UploadPermit { permit: Some(Box::new(permit)), end: PermitEnd::Answered }
    }

    /// What ends with the last byte, and what ends with the answer.
    pub(super) fn split(self) -> (Self, Self) {
        match self.end {
            PermitEnd::Sent => (self, UploadPermit::UNCOUNTED),
            PermitEnd::Answered => (UploadPermit::UNCOUNTED, self),
        }
    }
}

impl fmt::Debug for UploadPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UploadPermit { permit, end } = self;
        f.debug_struct("UploadPermit").field("is_counted", &permit.is_some()).field("end", end).finish()
    }
}

/// A blob's bytes, in order.
pub trait BlobPieces: Send {
    /// The next bytes: at most `most`, and none only at the end. They are sent as they are, without a copy.
    ///
    /// # Errors
    /// If the content can't be read, or turns out not to be what it should be.
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes>;
}

impl BlobPieces for Bytes {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        Ok(self.split_to(self.len().min(most)))
    }
}

/// Where an upload's bytes come from.
pub trait BlobSource: Send + Sync {
    /// The blob's bytes from its start, for one attempt. They are read on a thread that may block. An
    /// attempt that goes on with a broken upload reads from the start, too, and sends only what the registry
    /// lacks.
    ///
    /// A read error ends the upload before its last byte is sent, so a reader that hashes can prove its
    /// content at the end. It isn't retried and comes back as [`Error::Source`](crate::Error::Source).
    ///
    /// # Errors
    /// If the content can't be read.
    fn open(&self) -> io::Result<Box<dyn BlobPieces>>;

    /// Waits until the source may be read, in each attempt, when the registry has opened an upload.
    fn permit(&self) -> BoxFuture<'_, UploadPermit> {
        std::future::ready(UploadPermit::UNCOUNTED).boxed()
    }
}
