//! How much of one kind callers run side by side.

/// Blobs of this size and more are large: the bytes take longer than the wait for the answer.
pub(super) const LARGE_BLOB: u64 = 1024 * 1024;
/// Small requests at one registry at a time: with 64 of them, a line of 300 ms carries 200 a second.
pub(super) const MOST_SMALL_REQUESTS: usize = 64;
/// Small blobs at a time, each in memory for a while.
const MOST_SMALL_BLOBS: usize = 32;

/// How much callers may run side by side. How many of the requests are in flight is for the transport to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Transfers of blobs of 1 MiB and more.
    pub large_blobs: usize,
    /// Transfers of all other blobs.
    pub small_blobs: usize,
    /// Tasks that wait for small requests most of the time.
    pub tasks: usize,
}

impl Concurrency {
    /// The concurrency of a run with so many large transfers. Where that is one, one thing is done at a time.
    pub fn new(large_blobs: usize) -> Self {
        let large_blobs = large_blobs.max(1);
        if large_blobs == 1 {
            return Concurrency { large_blobs, small_blobs: 1, tasks: 1 };
        }
        Concurrency { large_blobs, small_blobs: MOST_SMALL_BLOBS, tasks: MOST_SMALL_REQUESTS }
    }

    /// Whether a blob of so many bytes is a large one.
    pub fn is_large(bytes: u64) -> bool {
        bytes >= LARGE_BLOB
    }

    /// Whether one thing is done at a time.
    pub fn is_sequential(&self) -> bool {
        self.tasks == 1
    }
}
