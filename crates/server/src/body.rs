//! Bodies in pieces of 256 KiB: requests are gathered into them, responses are read in them.

use std::ops::Range;
use std::time::Duration;

use airlift_oci::{Digest, Hasher};
use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::blocking::blocking;
use crate::failure::{Code, Failure};
use crate::storage::{Blob, StorageError};

/// The size of a piece in bytes: it stays in the L2 cache, and one thread switch a piece costs little.
pub(crate) const PIECE: usize = 256 << 10;

/// How much of an unwanted body is read before the connection is given up.
const MAX_DRAINED: usize = 16 << 20;

/// Why a body ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The connection broke, or the framing is wrong.
    Broken,
    /// Nothing came for too long.
    Stalled,
    /// More came than is taken.
    TooLarge,
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Broken => Failure::new(Code::SizeInvalid, "the body ended early"),
            BodyError::Stalled => {
                Failure::new(Code::SizeInvalid, "the body stalled").status(StatusCode::REQUEST_TIMEOUT)
            }
            BodyError::TooLarge => Failure::new(Code::SizeInvalid, "request body too large")
                .status(StatusCode::PAYLOAD_TOO_LARGE),
        }
    }
}

/// A request's body.
pub(crate) struct Incoming {
    stream: BodyDataStream,
    timeout: Duration,
    end: Option<Result<(), BodyError>>,
}

impl Incoming {
    /// `timeout`: how long the next bytes may take.
    pub(crate) fn new(body: Body, timeout: Duration) -> Self {
        Incoming { stream: body.into_data_stream(), timeout, end: None }
    }

    /// The next piece, of [`PIECE`] bytes or little more; empty at the end. What came before an error is
    /// returned first.
    pub(crate) async fn piece(&mut self) -> Result<Bytes, BodyError> {
        let mut piece = BytesMut::new();
        while piece.len() < PIECE {
            match self.frame().await {
                Some(frame) if piece.is_empty() && frame.len() >= PIECE => return Ok(frame),
                Some(frame) => piece.extend_from_slice(&frame),
                None => break,
            }
        }
        match self.end {
            Some(Err(error)) if piece.is_empty() => Err(error),
            _ => Ok(piece.freeze()),
        }
    }

    /// All of it, if it is at most `limit` bytes.
    pub(crate) async fn whole(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let mut whole = BytesMut::new();
        loop {
            let piece = self.piece().await?;
            if piece.is_empty() {
                return Ok(whole.freeze());
            }
            if whole.len() + piece.len() > limit {
                return Err(BodyError::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
    }

    /// Reads on, within limits, so that a client that is still sending gets to read the answer: closing on
    /// unread bytes would reset the connection under it.
    pub(crate) async fn drain(&mut self) {
        let timeout = self.timeout;
        let read = async {
            let mut drained = 0;
            while drained < MAX_DRAINED {
                match self.frame().await {
                    Some(frame) => drained += frame.len(),
                    None => return,
                }
            }
        };
        // The timeout is for all frames together: no client can keep a connection with an unwanted body.
        let _ = tokio::time::timeout(timeout, read).await;
    }

    async fn frame(&mut self) -> Option<Bytes> {
        if self.end.is_some() {
            return None;
        }
        let end = match tokio::time::timeout(self.timeout, self.stream.next()).await {
            Ok(Some(Ok(frame))) => return Some(frame),
            Ok(Some(Err(_))) => Err(BodyError::Broken),
            Ok(None) => Ok(()),
            Err(_) => Err(BodyError::Stalled),
        };
        self.end = Some(end);
        None
    }
}

/// A blob on its way out, whole or in part.
struct Outgoing {
    blob: Blob,
    digest: Digest,
    /// What is still to be sent.
    part: Range<u64>,
    /// How much of the blob was read, and what it hashes to so far.
    read: u64,
    hasher: Hasher,
}

/// A `part` of `blob`, read as it is asked for. All of the blob is hashed, and the last piece is held back
/// until it has its digest: a file that was altered or cut breaks the connection, and never makes a whole
/// answer.
pub(crate) fn outgoing(blob: Blob, digest: Digest, part: Range<u64>) -> Body {
    let hasher = Hasher::new(digest.algorithm());
    let outgoing = Outgoing { blob, digest, part, read: 0, hasher };
    Body::from_stream(futures::stream::try_unfold(outgoing, next_piece))
}

async fn next_piece(mut outgoing: Outgoing) -> std::io::Result<Option<(Bytes, Outgoing)>> {
    if outgoing.part.is_empty() {
        return Ok(None);
    }
    let next = move || Ok(Some((outgoing.next()?, outgoing)));
    blocking(next).await.map_err(std::io::Error::other)?
}

impl Outgoing {
    /// The next piece that is sent.
    fn next(&mut self) -> std::io::Result<Bytes> {
        while self.read < self.part.start {
            self.read_to(self.part.start)?;
        }
        let piece = self.read_to(self.part.end)?;
        self.part.start = self.read;
        if self.part.is_empty() {
            while self.read < self.blob.size {
                self.read_to(self.blob.size)?;
            }
            let hasher = std::mem::replace(&mut self.hasher, Hasher::new(self.digest.algorithm()));
            if hasher.finish() != self.digest {
                return Err(std::io::Error::other(StorageError::Altered(self.digest)));
            }
        }
        Ok(piece)
    }

    /// Reads on, a piece at most, and not past `end`.
    fn read_to(&mut self, end: u64) -> std::io::Result<Bytes> {
        let length = usize::try_from(end - self.read).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; length];
        if self.blob.source.read_full_at(&mut piece, self.blob.offset + self.read)? < length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.hasher.update(&piece);
        self.read += length as u64;
        Ok(Bytes::from(piece))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use airlift_disk::{Access, FilePart, FileSequence};

    use super::*;

    /// Two files, as an archive in volumes has them.
    fn volumes(folder: &std::path::Path) -> Arc<FileSequence> {
        let volume = |name: &str, start: u64, content: &str| {
            let path = folder.join(name);
            std::fs::write(&path, content).unwrap();
            FilePart { path, start, size: content.len() as u64, identity: None }
        };
        let files = vec![volume("1", 0, "headhalf and"), volume("2", 12, " half")];
        Arc::new(FileSequence::new(files, Access::Read))
    }

    #[tokio::test]
    async fn blobs_come_from_any_source_and_are_proven() {
        let folder = tempfile::tempdir().unwrap();
        let blob = Blob { source: volumes(folder.path()), offset: 4, size: 13 };
        let sent = async |digest: Digest, part: Range<u64>| {
            axum::body::to_bytes(outgoing(blob.clone(), digest, part), usize::MAX).await
        };
        let digest = Digest::sha256(b"half and half");
        assert_eq!(sent(digest, 0..13).await.unwrap(), "half and half");
        assert_eq!(sent(digest, 5..8).await.unwrap(), "and");
        assert!(sent(Digest::sha256(b"other"), 0..13).await.is_err(), "it is other content");
        std::fs::write(folder.path().join("2"), " h").unwrap();
        assert!(sent(digest, 0..13).await.is_err(), "it ends early");
    }
}
