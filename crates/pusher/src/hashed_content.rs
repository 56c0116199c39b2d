//! Content that no one has hashed yet, and the proof of it: everything that is read of it passes a hash here.

use std::io;
use std::sync::Arc;

use airlift_oci::contents::Platforms;
use airlift_oci::graph::Leaf;
use airlift_oci::{Digest, Graph, Platform, RawManifest, Root};
use airlift_registry::{BlobPieces, BlobSource};
use airlift_verifier::PieceProof;
use bytes::Bytes;

use crate::source::sealed::Sealed;
use crate::source::{BlobOrigin, ContentSource, SourceBlob};

/// How much is hashed at a time where nothing is sent.
const PIECE: usize = 256 << 10;

/// Images that are at hand as manifests, and as streams of blobs. [`HashedContent`] proves the blobs.
pub trait UnprovenContent: Send + Sync {
    /// The digest that the `index.json` of these images would have.
    fn id(&self) -> Digest;

    /// The images and all that is below them. Every manifest that is not declared absent has its bytes, which
    /// are proven, as those of any [`RawManifest`].
    fn graph(&self) -> &Graph;

    /// The platforms of an image.
    fn platforms(&self, root: &Root) -> Platforms;

    /// What a manifest below a root runs on.
    fn platform_of(&self, leaf: &Leaf) -> Option<Platform>;

    /// A blob; `None` for what isn't there.
    fn blob(&self, digest: &Digest) -> Option<Arc<dyn UnprovenBlob>>;
}

/// A blob that no one has hashed yet.
pub trait UnprovenBlob: Send + Sync {
    /// How many bytes it should have.
    fn size(&self) -> u64;

    /// Where it comes from.
    fn origin(&self) -> BlobOrigin;

    /// Its bytes from its start, for each attempt to send it. They are read on a thread that may block.
    ///
    /// # Errors
    /// If it can't be read.
    fn open(&self) -> io::Result<Box<dyn BlobPieces>>;
}

/// Content that is hashed whenever it is read.
pub struct HashedContent<C>(C);

impl<C: UnprovenContent> HashedContent<C> {
    /// Makes a source of a push of content that no one has hashed yet.
    pub fn new(content: C) -> Self {
        HashedContent(content)
    }
}

impl<C: UnprovenContent> Sealed for HashedContent<C> {}

impl<C: UnprovenContent> ContentSource for HashedContent<C> {
    fn id(&self) -> Digest {
        self.0.id()
    }

    fn graph(&self) -> &Graph {
        self.0.graph()
    }

    fn platforms(&self, root: &Root) -> Platforms {
        self.0.platforms(root)
    }

    fn platform_of(&self, leaf: &Leaf) -> Option<Platform> {
        self.0.platform_of(leaf)
    }

    fn blob(&self, digest: &Digest) -> Option<Arc<dyn SourceBlob>> {
        match self.0.graph().manifest(digest).and_then(|entry| entry.raw.as_ref()) {
            Some(raw) => Some(Arc::new(ManifestBlob(raw.clone()))),
            None => Some(Arc::new(HashedBlob { digest: *digest, blob: self.0.blob(digest)? })),
        }
    }
}

/// A manifest that is used as a blob.
struct ManifestBlob(RawManifest);

impl Sealed for ManifestBlob {}

impl BlobSource for ManifestBlob {
    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        Ok(Box::new(self.0.bytes().clone()))
    }
}

impl SourceBlob for ManifestBlob {
    fn digest(&self) -> Digest {
        self.0.digest()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn origin(&self) -> BlobOrigin {
        BlobOrigin::Memory
    }

    fn prove(&self, progress: &mut dyn FnMut(u64)) -> io::Result<()> {
        progress(self.size());
        Ok(())
    }
}

struct HashedBlob {
    digest: Digest,
    blob: Arc<dyn UnprovenBlob>,
}

impl Sealed for HashedBlob {}

impl HashedBlob {
    fn pieces(&self) -> io::Result<HashedPieces> {
        let proof = PieceProof::new(self.digest, self.blob.size());
        Ok(HashedPieces { pieces: self.blob.open()?, proof })
    }
}

impl BlobSource for HashedBlob {
    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        Ok(Box::new(self.pieces()?))
    }
}

impl SourceBlob for HashedBlob {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn size(&self) -> u64 {
        self.blob.size()
    }

    fn origin(&self) -> BlobOrigin {
        self.blob.origin()
    }

    /// A registry is not asked for what need not be sent.
    fn prove(&self, progress: &mut dyn FnMut(u64)) -> io::Result<()> {
        if let BlobOrigin::Registry(_) = self.origin() {
            progress(self.size());
            return Ok(());
        }
        let mut pieces = self.pieces()?;
        loop {
            match pieces.next_piece(PIECE)?.len() {
                0 => return Ok(()),
                count => progress(count as u64),
            }
        }
    }
}

/// Hashes pieces. The last one comes only if the digest matches.
struct HashedPieces {
    pieces: Box<dyn BlobPieces>,
    proof: PieceProof,
}

impl BlobPieces for HashedPieces {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        let HashedPieces { pieces, proof } = self;
        proof.next_piece(most, |most| pieces.next_piece(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A blob that claims a size and has these bytes.
    struct Made(&'static [u8], u64);

    impl UnprovenBlob for Made {
        fn size(&self) -> u64 {
            self.1
        }

        fn origin(&self) -> BlobOrigin {
            BlobOrigin::Layout("oci:made".to_owned())
        }

        fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
            Ok(Box::new(Bytes::from_static(self.0)))
        }
    }

    /// What comes of reading a blob with the digest of `content`: the bytes that came, and the end.
    fn read(content: &[u8], made: Made) -> (usize, io::Result<()>) {
        let blob = HashedBlob { digest: Digest::sha256(content), blob: Arc::new(made) };
        let mut pieces = blob.open().unwrap();
        let mut came = 0;
        loop {
            match pieces.next_piece(3) {
                Ok(piece) if piece.is_empty() => return (came, Ok(())),
                Ok(piece) => came += piece.len(),
                Err(error) => return (came, Err(error)),
            }
        }
    }

    #[test]
    fn the_last_bytes_come_only_if_the_digest_matches() {
        assert!(matches!(read(b"content", Made(b"content", 7)), (7, Ok(()))));
        assert!(matches!(read(b"", Made(b"", 0)), (0, Ok(()))));
        for (made, kind) in [
            (Made(b"contemt", 7), io::ErrorKind::InvalidData),
            (Made(b"contentional", 12), io::ErrorKind::InvalidData),
            (Made(b"content", 6), io::ErrorKind::InvalidData),
            (Made(b"conte", 7), io::ErrorKind::UnexpectedEof),
        ] {
            let size = made.1;
            let (came, end) = read(b"content", made);
            assert_eq!(end.unwrap_err().kind(), kind);
            assert!((came as u64) < size);
        }
        // What comes behind its end is not read.
        assert!(matches!(read(b"content", Made(b"contentional", 7)), (7, Ok(()))));
    }

    #[test]
    fn what_a_layout_has_is_proven_by_reading_it() {
        let blob = |bytes| HashedBlob { digest: Digest::sha256(b"content"), blob: Arc::new(Made(bytes, 7)) };
        let mut passed = 0;
        blob(b"content").prove(&mut |bytes| passed += bytes).unwrap();
        assert_eq!(passed, 7);
        assert!(blob(b"contemt").prove(&mut |_| ()).is_err());
    }
}
