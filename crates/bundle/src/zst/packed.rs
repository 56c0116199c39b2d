//! Packed frames: one chunk of content, compressed by zstd itself.

use std::io;

use airlift_disk::read::ReadAt;
use airlift_oci::Digest;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

use crate::content::storage::Storage;
use crate::zst::{CHUNK, MAGIC, damaged};

/// Level 3 is where zstd's gain per second is best, and everybody's default.
const LEVEL: i32 = 3;
/// A window of 2^(10 + 12) = 4 MiB: content is not larger, so no window needs to be.
const MAX_WINDOW: u8 = 12 << 3;

/// The digest of a packed frame's bytes.
pub(crate) type Seal = [u8; SEAL];
/// The length of a SHA-256.
pub(crate) const SEAL: usize = 32;

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

    /// The frame of a chunk; `None` where it gains too little to be worth it.
    pub(crate) fn pack(&mut self, chunk: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let frame = self.compressor.compress(chunk)?;
        Ok(gains(chunk.len() as u64, frame.len() as u64).then_some(frame))
    }
}

/// Whether a frame is so much smaller than its content that unpacking it, again and again, is worth it.
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

    /// The frame's own bytes. Only of a sane one, so they are few.
    pub(crate) fn bytes(&self, storage: &Storage) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.packed).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = vec![0; length];
        if storage.read_full_at(&mut bytes, self.position)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    /// The content, if the frame's bytes are those that were sealed.
    pub(crate) fn unpack(&self, storage: &Storage, seal: &Seal) -> io::Result<Vec<u8>> {
        let bytes = self.bytes(storage)?;
        if seal_of(&bytes) != *seal {
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
        // Into exactly that room, so there is no window, and nothing to grow.
        let mut content = Vec::with_capacity(length);
        let unpacked = Decompressor::new()?.decompress_to_buffer(bytes, &mut content).map_err(|_| bad())?;
        if unpacked == length { Ok(content) } else { Err(bad()) }
    }
}

pub(crate) fn seal_of(bytes: &[u8]) -> Seal {
    let mut seal = [0; SEAL];
    seal.copy_from_slice(Digest::sha256(bytes).as_bytes());
    seal
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
