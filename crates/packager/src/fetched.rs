//! What a build moved.

/// What moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes of blobs that came over the network.
    pub downloaded: u64,
    /// Bytes of blobs that were there already, hashed again.
    pub reused: u64,
}

impl Fetched {
    pub(crate) fn add(&mut self, other: Fetched) {
        self.downloaded += other.downloaded;
        self.reused += other.reused;
    }
}
