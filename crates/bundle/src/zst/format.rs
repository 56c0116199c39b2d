//! Numbers and names of the format.

use std::io;

use airlift_disk::damage;

/// What every zstd frame starts with, in the order of the file (RFC 8878, 3.1.1).
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// How many bytes are compressed at a time, and so how many a reader unpacks at a time.
pub const CHUNK: u64 = 4 << 20;

/// A stored frame has at most so much content: zstd's own limit for seekable files.
pub const MAX_STORED: u64 = 1 << 30;

/// More frames than this are taken for an attack: packed ones of so many would be 8 TiB, and no archive has
/// as many entries.
pub(crate) const MAX_FRAMES: u32 = 1 << 21;

/// Bytes of the compressed file that are not what they have to be.
pub(crate) fn damaged(what: &str, position: u64) -> io::Error {
    damage(format!("{what} at byte {position} of the compressed file is not what it has to be"))
}
