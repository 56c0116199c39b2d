//! How to check.

use airlift_oci::Limits;

/// How much of a blob is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Whether the registry has it, with its size: a HEAD, and a GET of one byte where the HEAD says no.
    #[default]
    Presence,
    /// All bytes, which are hashed. Each blob is read once from each registry.
    Bytes,
}

/// How to check.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// How much of a blob is looked at.
    pub depth: Depth,
    /// Blobs that are read side by side. With one, requests are made one after the other.
    pub jobs: usize,
    /// The limits of the graph below one image.
    pub limits: Limits,
}
