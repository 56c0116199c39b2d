//! Bodies in pieces: what comes in is gathered, what goes out is read from a file, 256 KiB at a time.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::failure::{Code, Failure};
use crate::storage::{Blob, StorageError};

/// The size of a piece in bytes: it stays in the L2 cache, and a thread switch a piece costs nothing.
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
    patience: Duration,
    end: Option<Result<(), BodyError>>,
}

impl Incoming {
    /// `patience`: how long the next bytes may take.
    pub(crate) fn new(body: Body, patience: Duration) -> Self {
        Incoming { stream: body.into_data_stream(), patience, end: None }
    }

    /// The next piece, of [`PIECE`] bytes or little more; empty at the end. What came before an error is returned first.
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

    /// Reads on, within limits, so that a client that is still sending gets to read the answer: closing on unread bytes
    /// would reset the connection under it.
    pub(crate) async fn drain(&mut self) {
        let patience = self.patience;
        let read = async {
            let mut drained = 0;
            while drained < MAX_DRAINED {
                match self.frame().await {
                    Some(frame) => drained += frame.len(),
                    None => return,
                }
            }
        };
        // In all, not a frame: nobody gets to hold a connection with an unwanted body.
        let _ = tokio::time::timeout(patience, read).await;
    }

    async fn frame(&mut self) -> Option<Bytes> {
        if self.end.is_some() {
            return None;
        }
        let end = match tokio::time::timeout(self.patience, self.stream.next()).await {
            Ok(Some(Ok(frame))) => return Some(frame),
            Ok(Some(Err(_))) => Err(BodyError::Broken),
            Ok(None) => Ok(()),
            Err(_) => Err(BodyError::Stalled),
        };
        self.end = Some(end);
        None
    }
}

/// The bytes of `blob`, read as they are asked for. A file that turns out shorter breaks the connection.
pub(crate) fn outgoing(blob: Blob) -> Body {
    Body::from_stream(futures::stream::try_unfold(blob, read_piece))
}

async fn read_piece(mut blob: Blob) -> std::io::Result<Option<(Bytes, Blob)>> {
    if blob.size == 0 {
        return Ok(None);
    }
    let read = move || {
        let length = usize::try_from(blob.size).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; length];
        blob.file.read_exact_at(&mut piece, blob.offset)?;
        blob.offset += length as u64;
        blob.size -= length as u64;
        Ok(Some((Bytes::from(piece), blob)))
    };
    blocking(read).await.map_err(std::io::Error::other)?
}

/// Runs file work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work).await.map_err(StorageError::Worker)
}
