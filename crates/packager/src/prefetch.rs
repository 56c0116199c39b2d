//! Fetches small blobs into memory while others are written, for outputs that take one blob after the other.

use std::collections::{HashMap, HashSet, VecDeque};

use airlift_oci::{Digest, Observer};
use airlift_registry::Error;
use tokio::task::JoinSet;

use crate::blob_job::BlobJob;
use crate::error::FetchError;
use crate::nearest_copy::NearestCopy;
use crate::sink::MemorySink;

/// Blobs up to this size are fetched ahead, into memory; larger ones when it is their turn, straight into the
/// output.
const SMALL: u64 = 8 << 20;
/// So much of them is in memory at a time.
const WINDOW: u64 = 64 << 20;

/// What became of a blob: its content, and how many bytes crossed the network for it.
type Prefetched = Result<(Vec<u8>, u64), Error>;

/// Small blobs on their way into memory.
pub(crate) struct Prefetch {
    tasks: JoinSet<(Digest, Prefetched)>,
    /// Begun, and not taken.
    begun: HashSet<Digest>,
    done: HashMap<Digest, Prefetched>,
    /// Bytes of those that were begun and not taken.
    bytes: u64,
    /// How many jobs of the queue were looked at.
    seen: usize,
    limit: usize,
}

impl Prefetch {
    /// Fetches at most `limit` blobs at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Prefetch {
            tasks: JoinSet::new(),
            begun: HashSet::new(),
            done: HashMap::new(),
            bytes: 0,
            seen: 0,
            limit: limit.max(1),
        }
    }

    /// Begins with as many more of the jobs in `queue` as there is room for.
    pub(crate) fn go_on(&mut self, queue: &VecDeque<BlobJob>, observer: &dyn Observer) {
        while self.begun.len() < self.limit
            && let Some(job) = queue.get(self.seen)
        {
            let is_wanted = job.entry.size <= SMALL && matches!(job.nearest, NearestCopy::Network);
            if is_wanted && self.bytes + job.entry.size > WINDOW {
                return;
            }
            if is_wanted {
                self.begin(job, observer);
            }
            self.seen += 1;
        }
    }

    fn begin(&mut self, job: &BlobJob, observer: &dyn Observer) {
        let digest = job.entry.digest;
        self.begun.insert(digest);
        self.bytes += job.entry.size;
        job.announce(observer);
        let remote = job.remote.clone();
        self.tasks.spawn(async move {
            let mut memory = MemorySink::default();
            let fetched = remote.fetch(None, &mut memory).await;
            (digest, fetched.map(|downloaded| (memory.0, downloaded)))
        });
    }

    /// Waits for a job's blob if it was begun, and puts it into the job, which was the first of the queue.
    pub(crate) async fn supply(&mut self, job: &mut BlobJob) -> Result<(), FetchError> {
        self.seen = self.seen.saturating_sub(1);
        let digest = job.entry.digest;
        if !self.begun.remove(&digest) {
            return Ok(());
        }
        let outcome = loop {
            if let Some(outcome) = self.done.remove(&digest) {
                break outcome;
            }
            match self.tasks.join_next().await {
                Some(Ok((digest, outcome))) => drop(self.done.insert(digest, outcome)),
                Some(Err(error)) => return Err(FetchError::Task(error)),
                None => return Ok(()),
            }
        };
        self.bytes -= job.entry.size;
        let refused = |source| FetchError::Registry { path: job.path.clone(), source };
        let (bytes, downloaded) = outcome.map_err(refused)?;
        job.nearest = NearestCopy::Prefetched { bytes, downloaded };
        Ok(())
    }
}
