//! The parts of sample images.

use airlift_oci::{Algorithm, Digest};
use bytes::Bytes;

/// Bytes, what they are, and their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The media type under which they are named and sent.
    pub media_type: String,
    /// The exact bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
}

impl Content {
    /// `bytes` with their digest by `algorithm`.
    pub fn new(algorithm: Algorithm, media_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Content { media_type: media_type.into(), digest: Digest::of(algorithm, &bytes), bytes }
    }
}
