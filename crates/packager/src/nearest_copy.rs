//! Where a blob is taken from.

use std::path::PathBuf;

use airlift_bundle::Section;
use bytes::Bytes;

/// The nearest place that may have a blob.
pub(crate) enum NearestCopy {
    /// It has been in memory since the plan was made.
    Memory(Bytes),
    /// It was fetched into memory while other blobs were written.
    Prefetched {
        /// All of it.
        bytes: Vec<u8>,
        /// Bytes that came over the network for it.
        downloaded: u64,
    },
    /// Local content may have it: files with the places in them, unproven.
    Local(Vec<(PathBuf, Section)>),
    /// Only the network has it.
    Network,
}
