//! A download that is read while it goes on: a few pieces are in memory at a time, and nothing is on disk.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use airlift_packager::RemoteBlob;
use airlift_registry::{BlobPieces, BlobSink};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::channel::mpsc;
use futures::executor::block_on;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Bytes that are handed on at once: few calls, and as many as an upload sends at once.
const PIECE: usize = 256 * 1024;
/// Pieces that wait to be read, beside the one that is read and the one that is filled.
const WAITING: usize = 1;

/// Begins to fetch a blob of `size` bytes, and gives a reader of what comes. A download that breaks is
/// resumed as any other; one that begins anew goes on behind the bytes that were read before, so the reader
/// has to hash them all. It ends when the reader is dropped.
pub(crate) fn download(blob: RemoteBlob, size: u64, runtime: &Handle) -> PipeReader {
    let (sender, receiver) = mpsc::channel(WAITING);
    let piece = usize::try_from(size).unwrap_or(usize::MAX).clamp(1, PIECE);
    let task = runtime.spawn(async move {
        let mut sink = PipeSink::new(sender, piece);
        match blob.fetch(None, &mut sink).await {
            Ok(_) => sink.finish().await,
            Err(error) => sink.fail(io::Error::other(error)).await,
        }
    });
    PipeReader { receiver, piece: Bytes::new(), task }
}

/// Gathers what comes into pieces, and hands them on as the reader takes them.
struct PipeSink {
    sender: mpsc::Sender<io::Result<Bytes>>,
    /// Bytes of a piece.
    piece: usize,
    filling: BytesMut,
    /// Full pieces for which there was no room. More comes when they have gone.
    full: VecDeque<Bytes>,
    /// Bytes that were taken in all.
    taken: u64,
    /// Bytes that come once more, and that the reader has or will get.
    repeated: u64,
}

impl PipeSink {
    fn new(sender: mpsc::Sender<io::Result<Bytes>>, piece: usize) -> Self {
        let (filling, full) = (BytesMut::with_capacity(piece), VecDeque::new());
        PipeSink { sender, piece, filling, full, taken: 0, repeated: 0 }
    }

    /// Hands the rest on.
    async fn finish(mut self) {
        self.full.push_back(self.filling.split().freeze());
        poll_fn(|context| self.poll_ready(context)).await;
    }

    /// Ends the reader's bytes with an error.
    async fn fail(mut self, error: io::Error) {
        if poll_fn(|context| self.sender.poll_ready(context)).await.is_ok() {
            // The reader may be gone by now.
            let _ = self.sender.start_send(Err(error));
        }
    }
}

impl BlobSink for PipeSink {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.full.is_empty() {
            match self.sender.poll_ready(context) {
                Poll::Pending => return Poll::Pending,
                // The reader is gone: the next piece fails.
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    let piece = self.full.pop_front().unwrap_or_default();
                    // The reader may be gone by now.
                    let _ = self.sender.start_send(Ok(piece));
                }
            }
        }
        Poll::Ready(())
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.sender.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let repeated = usize::try_from(self.repeated).unwrap_or(usize::MAX).min(piece.len());
        self.repeated -= repeated as u64;
        let mut rest = &piece[repeated..];
        self.taken += rest.len() as u64;
        while !rest.is_empty() {
            let fits = rest.len().min(self.piece - self.filling.len());
            self.filling.extend_from_slice(&rest[..fits]);
            rest = &rest[fits..];
            if self.filling.len() == self.piece {
                let next = BytesMut::with_capacity(self.piece);
                self.full.push_back(std::mem::replace(&mut self.filling, next).freeze());
            }
        }
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.repeated = self.taken;
        Ok(())
    }
}

/// Reads what a download brings. It waits for it on a thread that may block.
pub(crate) struct PipeReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    /// What is left of the piece that came last.
    piece: Bytes,
    task: JoinHandle<()>,
}

impl BlobPieces for PipeReader {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        while self.piece.is_empty() {
            match block_on(self.receiver.next()) {
                Some(next) => self.piece = next?,
                None => return Ok(Bytes::new()),
            }
        }
        Ok(self.piece.split_to(self.piece.len().min(most)))
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// A sink with pieces of four bytes, and what was read of them.
    struct Pipe {
        sink: PipeSink,
        receiver: mpsc::Receiver<io::Result<Bytes>>,
        read: Vec<u8>,
    }

    impl Pipe {
        fn new() -> Self {
            let (sender, receiver) = mpsc::channel(WAITING);
            Pipe { sink: PipeSink::new(sender, 4), receiver, read: Vec::new() }
        }

        /// Writes a piece, and reads only where there is no room for it.
        fn write(&mut self, piece: &[u8]) {
            while poll_fn(|context| self.sink.poll_ready(context)).now_or_never().is_none() {
                assert!(read_one(&mut self.receiver, &mut self.read));
            }
            self.sink.write(piece).unwrap();
        }

        /// All that was written.
        fn end(self) -> Vec<u8> {
            let Pipe { sink, mut receiver, mut read } = self;
            let mut finish = std::pin::pin!(sink.finish());
            while finish.as_mut().now_or_never().is_none() {
                assert!(read_one(&mut receiver, &mut read));
            }
            while read_one(&mut receiver, &mut read) {}
            read
        }
    }

    /// Reads a piece, if there is one.
    fn read_one(receiver: &mut mpsc::Receiver<io::Result<Bytes>>, read: &mut Vec<u8>) -> bool {
        let Some(Some(Ok(piece))) = receiver.next().now_or_never() else { return false };
        read.extend_from_slice(&piece);
        true
    }

    /// What is read of a blob that comes in these pieces, and once more from its start after one of them.
    fn passed(pieces: &[&[u8]], again_after: Option<usize>) -> Vec<u8> {
        let mut pipe = Pipe::new();
        for (number, piece) in pieces.iter().enumerate() {
            pipe.write(piece);
            if again_after == Some(number) {
                pipe.sink.restart().unwrap();
                pieces[..=number].iter().for_each(|piece| pipe.write(piece));
            }
        }
        pipe.end()
    }

    #[test]
    fn all_bytes_pass_once_however_they_come() {
        let content = b"what comes in pieces of any size";
        for size in 1..content.len() {
            let pieces: Vec<&[u8]> = content.chunks(size).collect();
            assert_eq!(passed(&pieces, None), content, "{size}");
            for number in 0..pieces.len() {
                assert_eq!(passed(&pieces, Some(number)), content, "{size}, again after {number}");
            }
        }
    }

    #[test]
    fn a_reader_that_takes_nothing_holds_the_download_back() {
        let Pipe { mut sink, receiver, .. } = Pipe::new();
        let mut written = 0;
        while poll_fn(|context| sink.poll_ready(context)).now_or_never().is_some() {
            sink.write(b"1234").unwrap();
            written += 1;
            assert!(written < 10);
        }
        drop(receiver);
        assert!(poll_fn(|context| sink.poll_ready(context)).now_or_never().is_some());
        assert_eq!(sink.write(b"5").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
