//! Packed frames: one chunk of content, compressed by zstd itself.

use std::io::{self, BufRead, Cursor, Read};

use airlift_disk::{PIECE, PieceReader, ReadAt, read_buffered};
use airlift_oci::Digest;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

use crate::zst::format::{CHUNK, MAGIC, damaged};

/// Level 3 is zstd's default, and gains most per second.
const LEVEL: i32 = 3;
/// A window of 2^(10 + 12) = 4 MiB: content is not larger, so no window needs to be.
const MAX_WINDOW: u8 = 12 << 3;

/// The SHA-256 of a packed frame's own bytes.
pub(crate) type FrameDigest = [u8; FRAME_DIGEST_SIZE];
/// The length of a SHA-256 in bytes.
pub(crate) const FRAME_DIGEST_SIZE: usize = 32;

/// Compresses chunk after chunk. The same chunk gives the same frame, with the same version of zstd.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
}

impl Packer {
    pub(crate) fn new() -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        compressor.include_contentsize(true)?;
        compressor.include_dictid(false)?;
        Ok(Packer { compressor })
    }

    /// The frame of a chunk; `None` if it gains too little to be worth unpacking.
    pub(crate) fn pack(&mut self, chunk: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let frame = self.compressor.compress(chunk)?;
        Ok(gains(chunk.len() as u64, frame.len() as u64).then_some(frame))
    }
}

/// Whether a frame is so much smaller than its content that unpacking it at each reading is worth it.
fn gains(size: u64, packed: u64) -> bool {
    packed.saturating_mul(16) <= size.saturating_mul(15)
}

/// Where a packed frame lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedFrame {
    /// Where it starts in the compressed file.
    pub(crate) position: u64,
    /// How large it is there.
    pub(crate) packed: u64,
    /// How much content it has.
    pub(crate) size: u64,
}

impl PackedFrame {
    /// Whether a frame may be like that: no larger than a chunk, and so small that it was not stored.
    pub(crate) fn is_sane(&self) -> bool {
        (1..=CHUNK).contains(&self.size) && self.packed > 0 && gains(self.size, self.packed)
    }

    /// The frame's own bytes. The frame must be sane, so they are few.
    pub(crate) fn bytes(&self, source: &dyn ReadAt) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.packed).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = vec![0; length];
        if source.read_full_at(&mut bytes, self.position)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    /// The content, if the frame's bytes have the digest that the file says.
    pub(crate) fn unpack(&self, source: &dyn ReadAt, digest: &FrameDigest) -> io::Result<Vec<u8>> {
        let bytes = self.bytes(source)?;
        if digest_of(&bytes) != *digest {
            return Err(damaged("the frame", self.position));
        }
        self.content_of(&bytes)
    }

    /// What the frame's bytes unpack to: one frame, of the size that is expected, not a byte less or more.
    pub(crate) fn content_of(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let bad = || damaged("the frame", self.position);
        let length = usize::try_from(self.size).map_err(|_| bad())?;
        let is_one = matches!(find_frame_compressed_size(bytes), Ok(found) if found == bytes.len());
        let says = get_frame_content_size(bytes).ok().flatten();
        if !is_one || says != Some(self.size) || !is_harmless(bytes) {
            return Err(bad());
        }
        // The buffer has exactly that size, so zstd needs no window, and nothing grows.
        let mut content = Vec::with_capacity(length);
        let unpacked = Decompressor::new()?.decompress_to_buffer(bytes, &mut content).map_err(|_| bad())?;
        if unpacked == length { Ok(content) } else { Err(bad()) }
    }
}

/// The digest of a packed frame's bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> FrameDigest {
    let mut digest = [0; FRAME_DIGEST_SIZE];
    digest.copy_from_slice(Digest::sha256(bytes).as_bytes());
    digest
}

/// A frame's length by its own blocks' headers, if it is one; `None` for what is cut off or no frame.
pub(crate) fn length_of(bytes: &[u8]) -> Option<u64> {
    find_frame_compressed_size(bytes).ok().map(|length| length as u64)
}

/// Whether the frame's header (RFC 8878, 3.1.1.1) asks for nothing unusual: a checksum, no dictionary, a
/// small window.
fn is_harmless(bytes: &[u8]) -> bool {
    let Some(([magic @ .., descriptor], [window, ..])) = bytes.split_at_checked(5) else { return false };
    let is_single_segment = descriptor & 0b0010_0000 != 0;
    *magic == MAGIC && descriptor & 0b0001_1111 == 0b0000_0100 && (is_single_segment || *window <= MAX_WINDOW)
}

/// Reads a part of a packed frame's content, which is in memory.
#[derive(Debug)]
pub(crate) struct UnpackedReader {
    content: Cursor<Vec<u8>>,
    left: usize,
}

impl UnpackedReader {
    /// Reads `count` bytes from `start` on; both lie within the content.
    pub(crate) fn new(content: Vec<u8>, start: u64, count: u64) -> Self {
        let mut content = Cursor::new(content);
        content.set_position(start);
        UnpackedReader { content, left: usize::try_from(count).unwrap_or(usize::MAX) }
    }
}

impl BufRead for UnpackedReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let rest = self.content.fill_buf()?;
        Ok(&rest[..rest.len().min(self.left).min(PIECE)])
    }

    fn consume(&mut self, count: usize) {
        self.content.consume(count);
        self.left -= count.min(self.left);
    }
}

/// The pieces are copies: otherwise each would keep the whole chunk in memory.
impl PieceReader for UnpackedReader {}

impl Read for UnpackedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}
