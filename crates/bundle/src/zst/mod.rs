//! A bundle in zstd frames, read in place: `b.tar.zst`.
//!
//! What is compressed already lies in *stored* frames, whose every byte but the content follows from the
//! plan. What gains lies in *packed* frames, each bound by a digest of its own bytes, so that a flipped bit
//! is found even where it decodes to the same content. Both are plain zstd (RFC 8878): `zstd -d` gives the
//! very archive that would have been written without. A seek table at the end, as in zstd's own seekable
//! format, says where the frames are. `docs/format.md` is the contract.
//!
//! Reading trusts none of it. Answered are: tables that don't add up to the file, byte for byte; frames that
//! would unpack to more than they say, that want a large window or a dictionary, or that are several; bits
//! flipped in headers of frames and blocks; and claims by which more would be allocated than one frame of
//! four MiB.

pub(crate) mod cut;
pub(crate) mod frames;
pub(crate) mod packed;
pub(crate) mod stored;
pub(crate) mod table;

use std::io;

use airlift_oci::layout::LAYOUT_FILE;

use crate::plan::Plan;

/// What every zstd frame starts with, in the order of the file (RFC 8878, 3.1.1).
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What is compressed at a time, and so what a reader unpacks at a time.
pub const CHUNK: u64 = 4 << 20;

/// A stored frame has at most so much content: zstd's own limit for seekable files.
pub const MAX_STORED: u64 = 1 << 30;

/// Whether an archive can be written in frames: no more of them than readers take. Sizes are claims, so they
/// are not counted to their end.
pub fn fits(plan: &Plan) -> bool {
    // One more for the seals.
    let most = table::MAX_FRAMES as usize - 1;
    cut::pieces(plan).take(most + 1).count() <= most
}

/// Whether a file of this name is to be written in frames.
pub fn is_asked_for(output: &std::path::Path) -> bool {
    output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zst"))
}

/// Whether a file starts with one of our frames, to which the first entry's name belongs.
pub(crate) fn starts_like_ours(start: &[u8]) -> bool {
    let name = start.get(NAME_AT..).unwrap_or_default();
    start.starts_with(&MAGIC) && name.starts_with(LAYOUT_FILE.as_bytes())
}

/// Where the first entry's name is: behind the headers of the frame and its first block.
const NAME_AT: usize = stored::HEADER as usize + 3;

/// Bytes of the compressed file that are not what they have to be.
pub(crate) fn damaged(what: &str, position: u64) -> io::Error {
    let message = format!("{what} at byte {position} of the compressed file is not what it has to be");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Whether reading failed because of what is there, and not because it could not be read.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}
