//! The bodies of an upload: read on a thread of their own, sent piece by piece, watched for stalls.
//!
//! The last piece is held back until the source has said that it is through: a source that finds its content
//! corrupt at the very end still keeps the registry from getting all of it. Where the registry has a part
//! already, that part is read and not sent, so that the source proves the whole.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::{Digest, Event};
use bytes::{Bytes, BytesMut};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::Instant;

use crate::blob_push::BlobSource;
use crate::transport::Inner;

/// Bytes read and sent at once: few calls, and all of it in the L2 cache.
const PIECE: usize = 256 * 1024;

/// The part of a blob that goes up: from `offset` to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) digest: Digest,
    /// Bytes that the registry has.
    pub(crate) offset: u64,
    /// The whole blob's size.
    pub(crate) size: u64,
}

impl Part {
    /// Bytes to send.
    pub(crate) fn rest(&self) -> u64 {
        self.size.saturating_sub(self.offset)
    }
}

/// What is known of an upload while it goes on.
pub(crate) struct Watch {
    sent: AtomicU64,
    /// Bytes to send.
    size: u64,
    moved: Mutex<Instant>,
}

impl Watch {
    fn new(size: u64) -> Arc<Self> {
        Arc::new(Watch { sent: AtomicU64::new(0), size, moved: Mutex::new(Instant::now()) })
    }

    /// Bytes that went up.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Something moves at `when`: now, or as soon as the rate limit lets it.
    fn touch(&self, when: Instant) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = when;
    }

    /// Returns when nothing has moved for `idle`, or, once all is sent, the registry hasn't answered for
    /// `answer`.
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

/// A source that is read on a thread of its own. Requests take their bodies out of it, one after the other.
pub(crate) struct Feed {
    inner: Arc<Inner>,
    digest: Digest,
    supply: Arc<AsyncMutex<Supply>>,
    failure: Arc<Mutex<Option<io::Error>>>,
}

/// What was read and not sent.
struct Supply {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    /// Of a piece, what a request left for the next one.
    rest: Bytes,
}

impl Supply {
    /// The next bytes, at most `most`. `None`: there are no more.
    async fn next(&mut self, most: u64) -> Option<io::Result<Bytes>> {
        if self.rest.is_empty() {
            match self.receiver.recv().await? {
                Ok(piece) => self.rest = piece,
                Err(error) => return Some(Err(error)),
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        Some(Ok(self.rest.split_to(most)))
    }
}

/// A request's body on its way.
struct Flow {
    supply: Arc<AsyncMutex<Supply>>,
    watch: Arc<Watch>,
    inner: Arc<Inner>,
    digest: Digest,
    left: u64,
}

impl Flow {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Flow)> {
        if self.left == 0 {
            return None;
        }
        let piece = self.supply.lock().await.next(self.left).await?;
        if let Ok(piece) = &piece {
            if let Some(rate) = &self.inner.rate {
                let due = rate.book(piece.len());
                // Waiting for our own limit is no stall.
                self.watch.touch(due);
                tokio::time::sleep_until(due).await;
            }
            let bytes = piece.len() as u64;
            self.left -= bytes;
            self.watch.touch(Instant::now());
            self.watch.sent.fetch_add(bytes, Ordering::Relaxed);
            self.inner.observer.notice(Event::Advanced { digest: self.digest, bytes });
        }
        Some((piece, self))
    }
}

impl Feed {
    /// Opens `source` for `part`. It ends in an error unless exactly `part.size` bytes come and the source is
    /// content. Returns when there is something to send.
    pub(crate) async fn open(inner: &Arc<Inner>, part: Part, source: &dyn BlobSource) -> io::Result<Self> {
        let reader = source.open()?;
        let largest = usize::try_from(part.size).unwrap_or(PIECE).clamp(1, PIECE);
        let piece = inner.rate.as_ref().map_or(largest, |rate| rate.piece(largest));
        let (sender, receiver) = mpsc::channel(2);
        let (skipped, there) = oneshot::channel();
        let failure = Arc::<Mutex<Option<io::Error>>>::default();
        let kept = Arc::clone(&failure);
        let reading = tokio::task::spawn_blocking(move || {
            let outcome = Reading::new(reader, piece, &sender).run(part, || {
                // Nobody waits for it any more when the upload was given up.
                let _ = skipped.send(());
            });
            if let Err(error) = outcome {
                let text = error.to_string();
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // Ends the request before its length is reached, so the registry can't take it as complete.
                let _ = sender.blocking_send(Err(io::Error::other(text)));
            }
        });
        // An error means that the reading ended before: what it has to say is looked at next.
        let _ = there.await;
        if part.rest() == 0 {
            // Nobody polls a body of no length: what the source has to say is heard here.
            reading.await.map_err(io::Error::other)?;
        }
        let supply = Arc::new(AsyncMutex::new(Supply { receiver, rest: Bytes::new() }));
        let feed = Feed { inner: Arc::clone(inner), digest: part.digest, supply, failure };
        match feed.failure() {
            Some(failure) => Err(failure),
            None => Ok(feed),
        }
    }

    /// A body of the next `length` bytes, and what watches over it.
    pub(crate) fn body(&self, length: u64) -> (reqwest::Body, Arc<Watch>) {
        let watch = Watch::new(length);
        let flow = Flow {
            supply: Arc::clone(&self.supply),
            watch: Arc::clone(&watch),
            inner: Arc::clone(&self.inner),
            digest: self.digest,
            left: length,
        };
        (reqwest::Body::wrap_stream(futures::stream::unfold(flow, Flow::next)), watch)
    }

    /// What the source failed with, if it did.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A source on its way into a request.
struct Reading<'a> {
    reader: Box<dyn Read + Send>,
    /// Bytes read at once.
    piece: usize,
    sender: &'a mpsc::Sender<io::Result<Bytes>>,
    /// The buffers of pieces that are on their way, the oldest first. Those that went are filled again: they
    /// are in the cache.
    lent: VecDeque<Bytes>,
}

impl<'a> Reading<'a> {
    fn new(reader: Box<dyn Read + Send>, piece: usize, sender: &'a mpsc::Sender<io::Result<Bytes>>) -> Self {
        Reading { reader, piece, sender, lent: VecDeque::new() }
    }

    /// Reads all of the source, and sends what comes after `part.offset`, one piece behind. `skipped` is
    /// called when that is reached.
    fn run(mut self, part: Part, skipped: impl FnOnce()) -> io::Result<()> {
        let mut total = 0_u64;
        while total < part.offset && !self.sender.is_closed() {
            let next = self.next(part.offset - total)?;
            if next.is_empty() {
                return Err(ended(total, part.size));
            }
            total += next.len() as u64;
        }
        skipped();
        let mut held: Option<Bytes> = None;
        loop {
            let next = self.next(part.size.saturating_sub(total))?;
            total += next.len() as u64;
            if total > part.size {
                let message = format!("there is more than its {} bytes", part.size);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let at_end = next.is_empty();
            if at_end && total < part.size {
                return Err(ended(total, part.size));
            }
            if let Some(held) = held.replace(next)
                && self.sender.blocking_send(Ok(held)).is_err()
            {
                // The request is over; whoever made it knows why.
                return Ok(());
            }
            if at_end {
                return Ok(());
            }
        }
    }

    /// The next piece: full, unless the source ends or all that is expected is there. An empty one is the
    /// source's end.
    fn next(&mut self, expected: u64) -> io::Result<Bytes> {
        // One byte more than expected is asked for where nothing more is: that is how too much is found.
        let most = usize::try_from(expected).unwrap_or(usize::MAX).clamp(1, self.piece);
        let mut buffer = self.room();
        let mut filled = 0;
        while filled < most {
            match self.reader.read(&mut buffer[filled..most]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let whole = buffer.freeze();
        let piece = whole.slice(..filled);
        self.lent.push_back(whole);
        Ok(piece)
    }

    /// A buffer of the size of a piece: the oldest that was lent, if it is back.
    fn room(&mut self) -> BytesMut {
        match self.lent.pop_front().map(Bytes::try_into_mut) {
            Some(Ok(room)) => return room,
            Some(Err(lent)) => self.lent.push_front(lent),
            None => {}
        }
        BytesMut::zeroed(self.piece)
    }
}

fn ended(total: u64, size: u64) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("it ends after {total} of {size} bytes"))
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
        pieces_from(reader, 0, size)
    }

    fn pieces_from(reader: Box<dyn Read + Send>, offset: u64, size: u64) -> (io::Result<()>, Vec<u8>) {
        let (sender, mut receiver) = mpsc::channel(1000);
        let part = Part { digest: Digest::sha256(b""), offset, size };
        let result = Reading::new(reader, 10, &sender).run(part, || {});
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
    fn sends_the_rest_and_proves_the_whole() {
        for offset in [0, 1, 10, 24, 25] {
            let content: Vec<u8> = (0..25).collect();
            let (result, sent) = pieces_from(Box::new(io::Cursor::new(content.clone())), offset, 25);
            assert!(result.is_ok());
            assert_eq!(sent, content[offset as usize..], "{offset}");
            let (result, sent) = pieces_from(Box::new(Corrupt(io::Cursor::new(content))), offset, 25);
            assert!(
                result.is_err() && sent.len() < 25 - offset as usize + usize::from(offset == 25),
                "{offset}"
            );
        }
        let (result, _) = pieces_from(Box::new(io::Cursor::new(vec![7; 5])), 10, 25);
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
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
