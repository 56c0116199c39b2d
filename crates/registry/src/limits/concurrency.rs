//! How much of one kind callers run side by side.

/// Blobs of this size and more are large: the bytes take longer than the wait for the answer, also on a long
/// line.
const LARGE_BLOB: u64 = 8 * MIB;
/// Requests whose bodies are smaller than this are small: the wait for the answer is most of their time.
pub(super) const SMALL_REQUEST: u64 = MIB;
/// Small requests at one registry at a time: with 64 of them, a line of 300 ms carries 200 a second.
pub(super) const MOST_SMALL_REQUESTS: usize = 64;
/// Shares of small blobs at a time. That fills a line of 600 ms and 50 MB/s, and bounds what is in memory.
const MOST_SMALL_SHARES: usize = 32;
const MIB: u64 = 1024 * 1024;

/// How much callers may run side by side. How many of the requests are in flight is for the transport to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Transfers of blobs of 8 MiB and more.
    pub large_blobs: usize,
    /// Transfers of all other blobs, counted in [`Self::shares`].
    pub small_shares: usize,
    /// Tasks that wait for small requests most of the time.
    pub tasks: usize,
}

impl Concurrency {
    /// The concurrency of a run with so many large transfers. Where that is one, one thing is done at a time.
    pub fn new(large_blobs: usize) -> Self {
        let large_blobs = large_blobs.max(1);
        let tasks = if large_blobs == 1 { 1 } else { MOST_SMALL_REQUESTS };
        Concurrency { large_blobs, small_shares: MOST_SMALL_SHARES, tasks }
    }

    /// Whether a blob of so many bytes is a large one.
    pub fn is_large(bytes: u64) -> bool {
        bytes >= LARGE_BLOB
    }

    /// How many shares a blob takes that isn't large: one for each MiB that it begins, and at least one.
    pub fn shares(bytes: u64) -> usize {
        bytes.min(LARGE_BLOB).div_ceil(MIB).max(1) as usize
    }

    /// Whether one thing is done at a time.
    pub fn is_sequential(&self) -> bool {
        self.tasks == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_takes_as_many_shares_as_it_has_mib() {
        let shares = [0, 1, MIB, MIB + 1, 8 * MIB - 1].map(Concurrency::shares);
        assert_eq!(shares, [1, 1, 1, 2, 8]);
        assert!(!Concurrency::is_large(8 * MIB - 1) && Concurrency::is_large(8 * MIB));
        assert!(Concurrency::shares(u64::MAX) <= Concurrency::new(2).small_shares);
    }
}
