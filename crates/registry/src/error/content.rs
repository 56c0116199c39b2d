//! What can be wrong with a response that isn't a refusal.

use airlift_oci::Digest;

/// How a response differs from what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentFault {
    /// The bytes are other bytes.
    #[error("the bytes are not {expected}: they hash to {actual}")]
    Digest {
        /// The digest asked for.
        expected: Digest,
        /// The digest that the bytes have.
        actual: Digest,
    },
    /// `Docker-Content-Digest` speaks of other bytes.
    #[error("the registry says that this is {header}, but it is {actual}")]
    Header {
        /// What the header says.
        header: Digest,
        /// What the content is.
        actual: Digest,
    },
    /// Announced with another size than the descriptor's.
    #[error("{actual} bytes are announced, {expected} belong there")]
    Size {
        /// The size asked for.
        expected: u64,
        /// The size announced.
        actual: u64,
    },
    /// More bytes came than belong there; reading stopped.
    #[error("more than the {expected} bytes came that belong there")]
    Overlong {
        /// The size asked for.
        expected: u64,
    },
    /// The body ended early.
    #[error("the body ended after {received} of {expected} bytes")]
    Short {
        /// The size asked for.
        expected: u64,
        /// What came.
        received: u64,
    },
    /// Larger than Airlift reads into memory.
    #[error("the {what} is larger than {limit} bytes")]
    TooLarge {
        /// What it is: "manifest", "token answer".
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// Compressed on the way, so the bytes are not the registry's.
    #[error("the answer has Content-Encoding '{}', though plain bytes were asked for", .0.escape_debug())]
    Encoding(String),
    /// Nothing where a manifest should be.
    #[error("the answer is empty: this is no registry, or a broken one")]
    Empty,
    /// A web page instead of content.
    #[error("the answer is an HTML page: a proxy or login page?")]
    Html,
    /// A range other than the one asked for.
    #[error("bytes from {start} were asked for, the answer has Content-Range '{}'", .got.escape_debug())]
    Range {
        /// The first byte asked for.
        start: u64,
        /// The answer's header.
        got: String,
    },
    /// A status that has no meaning here.
    #[error("status {0} is not an answer to this request")]
    Status(u16),
    /// An upload was opened without saying where.
    #[error("the answer has no usable Location")]
    Location,
    /// An upload was acknowledged before its last byte was sent.
    #[error("the upload was acknowledged before all of it was sent")]
    EarlyAnswer,
    /// A broken upload was resumed, and the registry has another part of it than we sent.
    #[error("the upload is at another place than its end")]
    UploadOffset,
    /// A list of referrers that can't be read.
    #[error("the list of referrers can't be read: {0}")]
    Referrers(String),
    /// A list of tags that can't be read.
    #[error("the list of tags can't be read: {0}")]
    Tags(String),
    /// Pages that lead in a circle, or don't end.
    #[error("the list of referrers doesn't end")]
    Endless,
    /// The token service's answer has no token.
    #[error("the answer holds no token")]
    Token,
}
