//! A bundle in zstd frames, read in place: `b.tar.zst`.
//!
//! What is compressed already lies in *stored* frames, whose every byte but the content follows from the
//! plan. What gains lies in *packed* frames. The file has a digest of each packed frame's own bytes, so that
//! a flipped bit is found even where it decodes to the same content. Both kinds are plain zstd (RFC 8878):
//! `zstd -d` gives the very archive that would have been written without frames. A seek table at the end, as
//! in zstd's own seekable format, says where the frames are. `docs/format.md` is the contract.
//!
//! Reading trusts none of it. Answered are: tables that don't add up to the file, byte for byte; frames that
//! would unpack to more than they say, that want a large window or a dictionary, or that are several; bits
//! flipped in headers of frames and blocks; and claims by which more would be allocated than one frame of
//! four MiB.

pub(crate) mod format;
pub(crate) mod frames;
pub(crate) mod framing;
pub(crate) mod packed;
pub(crate) mod seek_table;
pub(crate) mod stored;

pub use format::{CHUNK, MAX_STORED};
pub use framing::fits;
