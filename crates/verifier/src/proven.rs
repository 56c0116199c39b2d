//! Content that is proven by its digest while it is read.

use std::io;

use airlift_bundle::Section;
use airlift_bundle::content::section::SectionReader;
use airlift_oci::{Digest, RawManifest};
use bytes::Bytes;

use crate::piece_proof::{PieceProof, altered};

/// Content that is hashed whenever it is read.
#[derive(Clone, Debug)]
pub struct ProvenContent {
    digest: Digest,
    source: ProvenSource,
}

#[derive(Clone, Debug)]
enum ProvenSource {
    Blob(Section),
    Manifest(Bytes),
}

impl ProvenContent {
    /// A manifest, which is proven already.
    pub(crate) fn of_manifest(raw: &RawManifest) -> Self {
        ProvenContent { digest: raw.digest(), source: ProvenSource::Manifest(raw.bytes().clone()) }
    }

    /// A blob, which is proven whenever it is read.
    pub(crate) fn of_blob(digest: Digest, section: Section) -> Self {
        ProvenContent { digest, source: ProvenSource::Blob(section) }
    }

    /// Its digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        match &self.source {
            ProvenSource::Blob(section) => section.size(),
            ProvenSource::Manifest(bytes) => bytes.len() as u64,
        }
    }

    /// Reads and hashes all of it, for content that is not sent. `progress` gets the length of each piece.
    ///
    /// # Errors
    /// If it can't be read, or its digest doesn't match.
    pub fn prove(&self, progress: impl FnMut(u64)) -> io::Result<()> {
        match &self.source {
            ProvenSource::Manifest(_) => Ok(()),
            ProvenSource::Blob(section) => {
                let found = section.digest(self.digest.algorithm(), progress)?;
                if found == self.digest { Ok(()) } else { Err(altered(&self.digest, &found)) }
            }
        }
    }

    /// Reads it from the start. The last piece is held back until the digest matched, so a caller that counts
    /// bytes never gets all of damaged content.
    pub fn reader(&self) -> ProvenReader {
        let (inner, size) = match &self.source {
            ProvenSource::Blob(section) => (InnerReader::Blob(section.reader()), section.size()),
            ProvenSource::Manifest(bytes) => (InnerReader::Manifest(bytes.clone()), bytes.len() as u64),
        };
        ProvenReader { inner, proof: PieceProof::new(self.digest, size) }
    }
}

enum InnerReader {
    Blob(SectionReader),
    Manifest(Bytes),
}

/// Reads content and proves it before its end.
pub struct ProvenReader {
    inner: InnerReader,
    proof: PieceProof,
}

impl ProvenReader {
    /// The next bytes, hashed: at most `most`, and none only where the content ends. The last of them come
    /// if the digest matches.
    ///
    /// # Errors
    /// If the content can't be read, or its digest doesn't match.
    pub fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        let ProvenReader { inner, proof } = self;
        proof.next_piece(most, |most| match inner {
            InnerReader::Blob(reader) => reader.next_piece(most),
            InnerReader::Manifest(bytes) => Ok(bytes.split_to(bytes.len().min(most))),
        })
    }
}
