//! Reading a blob's source, on a thread that may block: piece by piece, the last one held back until the
//! source has proven its content.

use std::io;

use airlift_oci::Digest;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::push::blob_source::BlobPieces;

/// The part of a blob that goes up: from `offset` to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct UploadRange {
    pub(super) digest: Digest,
    /// Bytes that the registry has.
    pub(super) offset: u64,
    /// The whole blob's size.
    pub(super) size: u64,
}

impl UploadRange {
    /// Bytes to send.
    pub(super) fn rest(&self) -> u64 {
        self.size.saturating_sub(self.offset)
    }
}

/// A source on its way into a request.
pub(super) struct ReadLoop<'a> {
    pub(super) content: Box<dyn BlobPieces>,
    /// How many bytes a piece has at most.
    pub(super) piece: usize,
    pub(super) sender: &'a mpsc::Sender<io::Result<Bytes>>,
}

impl ReadLoop<'_> {
    /// Reads all of the source, and sends what comes after `range.offset`, one piece behind. `skipped` is
    /// called when that is reached.
    pub(super) fn run(mut self, range: UploadRange, skipped: impl FnOnce()) -> io::Result<()> {
        let mut total = 0_u64;
        while total < range.offset && !self.sender.is_closed() {
            let next = self.next(range.offset - total)?;
            if next.is_empty() {
                return Err(ended(total, range.size));
            }
            total += next.len() as u64;
        }
        skipped();
        let mut held: Option<Bytes> = None;
        loop {
            let next = self.next(range.size.saturating_sub(total))?;
            total += next.len() as u64;
            if total > range.size {
                let message = format!("there is more than its {} bytes", range.size);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let at_end = next.is_empty();
            if at_end && total < range.size {
                return Err(ended(total, range.size));
            }
            if let Some(held) = held.replace(next)
                && self.sender.blocking_send(Ok(held)).is_err()
            {
                // The request is over, and its sender knows why.
                return Ok(());
            }
            if at_end {
                return Ok(());
            }
        }
    }

    /// The next piece, at most what is expected. An empty one is the source's end.
    fn next(&mut self, expected: u64) -> io::Result<Bytes> {
        // One byte is read even where no more is expected: that is how a source that is too long is found.
        let most = usize::try_from(expected).unwrap_or(usize::MAX).clamp(1, self.piece);
        self.content.next_piece(most)
    }
}

fn ended(total: u64, size: u64) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("it ends after {total} of {size} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes, then an error.
    struct Corrupt(Bytes);

    impl BlobPieces for Corrupt {
        fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
            let piece = self.0.next_piece(most)?;
            if piece.is_empty() {
                return Err(io::Error::other("not the content that it should be"));
            }
            Ok(piece)
        }
    }

    fn pieces(content: Box<dyn BlobPieces>, size: u64) -> (io::Result<()>, Vec<u8>) {
        pieces_from(content, 0, size)
    }

    fn pieces_from(content: Box<dyn BlobPieces>, offset: u64, size: u64) -> (io::Result<()>, Vec<u8>) {
        let (sender, mut receiver) = mpsc::channel(1000);
        let range = UploadRange { digest: Digest::sha256(b""), offset, size };
        let result = ReadLoop { content, piece: 10, sender: &sender }.run(range, || {});
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
            let (result, sent) = pieces(Box::new(Bytes::from(content.clone())), u64::from(size));
            assert!(result.is_ok());
            assert_eq!(sent, content);
        }
    }

    #[test]
    fn sends_the_rest_and_proves_the_whole() {
        for offset in [0, 1, 10, 24, 25] {
            let content: Vec<u8> = (0..25).collect();
            let (result, sent) = pieces_from(Box::new(Bytes::from(content.clone())), offset, 25);
            assert!(result.is_ok());
            assert_eq!(sent, content[offset as usize..], "{offset}");
            let (result, sent) = pieces_from(Box::new(Corrupt(Bytes::from(content))), offset, 25);
            assert!(
                result.is_err() && sent.len() < 25 - offset as usize + usize::from(offset == 25),
                "{offset}"
            );
        }
        let (result, _) = pieces_from(Box::new(Bytes::from(vec![7; 5])), 10, 25);
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_error_at_the_very_end_comes_before_the_last_byte_is_sent() {
        for size in [1_usize, 10, 25] {
            let reader = Corrupt(Bytes::from(vec![7; size]));
            let (result, sent) = pieces(Box::new(reader), size as u64);
            assert!(result.is_err());
            assert!(sent.len() < size, "{} of {size} went out", sent.len());
        }
    }

    #[test]
    fn a_source_of_another_size_is_never_sent_whole() {
        for (has, size) in [(9, 10), (0, 1), (11, 10), (1, 0), (30, 10)] {
            let (result, sent) = pieces(Box::new(Bytes::from(vec![7; has])), size);
            assert!(result.is_err(), "{has} of {size}");
            assert!((sent.len() as u64) < size.max(1));
        }
    }
}
