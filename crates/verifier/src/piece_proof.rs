//! Content in pieces that is compared with its digest on its way.

use std::io;

use airlift_oci::{Digest, Hasher};
use bytes::Bytes;

/// Hashes content that goes by in pieces. The last piece passes only if the digest matches, so a caller that
/// counts bytes never gets all of other content.
pub struct PieceProof {
    digest: Digest,
    left: u64,
    /// `None` when the digest has been compared.
    hasher: Option<Hasher>,
}

impl PieceProof {
    /// The proof of content with that digest, which has so many bytes.
    pub fn new(digest: Digest, size: u64) -> Self {
        PieceProof { digest, left: size, hasher: Some(Hasher::new(digest.algorithm())) }
    }

    /// The next piece of at most `most` bytes, which `read` gives; an empty one only at the end.
    ///
    /// # Errors
    /// If `read` fails, the content ends too early, or its digest doesn't match.
    pub fn next_piece(
        &mut self,
        most: usize,
        read: impl FnOnce(usize) -> io::Result<Bytes>,
    ) -> io::Result<Bytes> {
        if most == 0 {
            return Ok(Bytes::new());
        }
        if self.left == 0 {
            return self.conclude().map(|()| Bytes::new());
        }
        let piece = read(usize::try_from(self.left).unwrap_or(usize::MAX).min(most))?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(piece.len() as u64);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        if self.left == 0 {
            self.conclude()?;
        }
        Ok(piece)
    }

    /// Compares the digest, once, when all was read.
    fn conclude(&mut self) -> io::Result<()> {
        match self.hasher.take().map(Hasher::finish) {
            Some(found) if found != self.digest => Err(altered(&self.digest, &found)),
            _ => Ok(()),
        }
    }
}

pub(crate) fn altered(expected: &Digest, found: &Digest) -> io::Error {
    let message = format!("the content was altered: its digest is {found}, not {expected}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}
