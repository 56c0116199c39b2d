//! The body of an upload: read on a thread of its own, sent piece by piece, watched for stalls.
//!
//! The last piece is held back until the source has said that it is through: a source that finds its content corrupt at the very end still
//! keeps the registry from getting all of it.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airlift_bundle::{Digest, Event};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::blob_push::BlobSource;
use crate::transport::Inner;

/// Bytes read and sent at once: few calls, and all of it in the L2 cache.
const PIECE: usize = 256 * 1024;

/// What is known of an upload while it goes on.
pub(crate) struct Watch {
    sent: AtomicU64,
    size: u64,
    moved: Mutex<Instant>,
    failure: Mutex<Option<io::Error>>,
}

impl Watch {
    fn new(size: u64) -> Arc<Self> {
        Arc::new(Watch {
            sent: AtomicU64::new(0),
            size,
            moved: Mutex::new(Instant::now()),
            failure: Mutex::default(),
        })
    }

    /// Bytes that went up.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// What the source failed with, if it did.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn touch(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Returns when nothing has moved for `idle`, or, once all is sent, the registry hasn't answered for `answer`.
    pub(crate) async fn stalled(&self, idle: Duration, answer: Duration) -> (&'static str, Duration) {
        loop {
            let (waiting_for, limit) = if self.sent() >= self.size {
                ("no answer to the upload", answer)
            } else {
                ("no byte went", idle)
            };
            let due = *self.moved.lock().unwrap_or_else(PoisonError::into_inner) + limit;
            if Instant::now() >= due {
                return (waiting_for, limit);
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// Opens `source` and makes a request's body of it, which ends in an error unless exactly `size` bytes came and the source was content.
pub(crate) async fn body(
    inner: &Arc<Inner>,
    digest: Digest,
    size: u64,
    source: &dyn BlobSource,
) -> io::Result<(reqwest::Body, Arc<Watch>)> {
    let reader = source.open()?;
    let piece = inner.rate.as_ref().map_or(PIECE, |rate| rate.piece(PIECE));
    let (sender, receiver) = mpsc::channel(2);
    let watch = Watch::new(size);
    let kept = Arc::clone(&watch);
    let reading = tokio::task::spawn_blocking(move || {
        if let Err(error) = read(reader, size, piece, &sender) {
            let text = error.to_string();
            *kept.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            // Ends the request before its length is reached, so the registry can't take it as complete.
            let _ = sender.blocking_send(Err(io::Error::other(text)));
        }
    });
    if size == 0 {
        // Nobody polls a body of no length: what the source has to say is heard here.
        reading.await.map_err(io::Error::other)?;
        if let Some(failure) = watch.failure() {
            return Err(failure);
        }
    }
    let state = (receiver, Arc::clone(&watch), Arc::clone(inner));
    let stream = futures::stream::unfold(state, move |(mut receiver, watch, inner)| async move {
        let piece: io::Result<Bytes> = receiver.recv().await?;
        if let Ok(piece) = &piece {
            if let Some(rate) = &inner.rate {
                rate.pass(piece.len()).await;
            }
            watch.touch();
            watch.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            inner.observer.notice(Event::Advanced { digest, bytes: piece.len() as u64 });
        }
        Some((piece, (receiver, watch, inner)))
    });
    Ok((reqwest::Body::wrap_stream(stream), watch))
}

/// Reads all of `reader` into `sender`, one piece behind.
fn read(
    mut reader: Box<dyn Read + Send>,
    size: u64,
    piece: usize,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut total = 0_u64;
    let mut held: Option<Bytes> = None;
    loop {
        let next = fill(&mut *reader, piece, size - total)?;
        total += next.len() as u64;
        if total > size {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("there is more than its {size} bytes"),
            ));
        }
        let at_end = next.is_empty();
        if at_end && total < size {
            let message = format!("it ends after {total} of {size} bytes");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        if let Some(held) = held.replace(next)
            && sender.blocking_send(Ok(held)).is_err()
        {
            // The request is over; whoever made it knows why.
            return Ok(());
        }
        if at_end {
            return Ok(());
        }
    }
}

/// The next piece: full, unless the source ends or all that is expected is there. An empty one is the source's end.
fn fill(reader: &mut dyn Read, piece: usize, expected: u64) -> io::Result<Bytes> {
    // One byte more than expected is asked for where nothing more is: that is how too much is found.
    let most = usize::try_from(expected).unwrap_or(usize::MAX).clamp(1, piece);
    let mut buffer = Vec::with_capacity(most);
    reader.take(most as u64).read_to_end(&mut buffer)?;
    Ok(Bytes::from(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes, then an error.
    struct Corrupt(io::Cursor<Vec<u8>>);

    impl Read for Corrupt {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("not the content that it should be")),
                bytes => Ok(bytes),
            }
        }
    }

    fn pieces(reader: Box<dyn Read + Send>, size: u64) -> (io::Result<()>, Vec<u8>) {
        let (sender, mut receiver) = mpsc::channel(1000);
        let result = read(reader, size, 10, &sender);
        drop(sender);
        let mut sent = Vec::new();
        while let Some(piece) = receiver.blocking_recv() {
            sent.extend_from_slice(&piece.unwrap());
        }
        (result, sent)
    }

    #[test]
    fn sends_exactly_the_content() {
        for size in [0, 1, 9, 10, 11, 20, 35] {
            let content: Vec<u8> = (0..size).collect();
            let (result, sent) = pieces(Box::new(io::Cursor::new(content.clone())), u64::from(size));
            assert!(result.is_ok());
            assert_eq!(sent, content);
        }
    }

    #[test]
    fn an_error_at_the_very_end_comes_before_the_last_byte_is_sent() {
        for size in [1_usize, 10, 25] {
            let reader = Corrupt(io::Cursor::new(vec![7; size]));
            let (result, sent) = pieces(Box::new(reader), size as u64);
            assert!(result.is_err());
            assert!(sent.len() < size, "{} of {size} went out", sent.len());
        }
    }

    #[test]
    fn a_source_of_another_size_is_never_sent_whole() {
        for (has, size) in [(9, 10), (0, 1), (11, 10), (1, 0), (30, 10)] {
            let (result, sent) = pieces(Box::new(io::Cursor::new(vec![7; has])), size);
            assert!(result.is_err(), "{has} of {size}");
            assert!((sent.len() as u64) < size.max(1));
        }
    }
}
