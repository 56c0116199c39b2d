//! Fetches small blobs into memory while others are written, for outputs that take one blob after the other.

use std::collections::{HashMap, HashSet, VecDeque};

use airlift_oci::{Digest, Observer};
use airlift_registry::{Concurrency, Error};
use tokio::task::JoinSet;

use crate::blob_job::{BlobJob, Fallback};
use crate::error::FetchError;
use crate::nearest_copy::NearestCopy;
use crate::remote_blob::RemoteBlob;
use crate::sink::MemorySink;

/// Small blobs that are in memory or on their way there have so many bytes together. Large ones are fetched
/// when it is their turn, straight into the output.
const WINDOW: u64 = 32 << 20;

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
    concurrency: Concurrency,
}

impl Prefetch {
    pub(crate) fn new(concurrency: Concurrency) -> Self {
        Prefetch {
            tasks: JoinSet::new(),
            begun: HashSet::new(),
            done: HashMap::new(),
            bytes: 0,
            seen: 0,
            concurrency,
        }
    }

    /// Begins with as many more of the jobs in `queue` as there is room for.
    pub(crate) fn go_on(&mut self, queue: &VecDeque<BlobJob>, observer: &dyn Observer) {
        while self.has_room()
            && let Some(job) = queue.get(self.seen)
        {
            let size = job.entry.size;
            let is_wanted = !Concurrency::is_large(size) && matches!(job.nearest, NearestCopy::Network);
            if is_wanted && self.bytes + size > WINDOW {
                return;
            }
            if is_wanted && let Fallback::Fetch(remote) = &job.fallback {
                self.begin(job, remote.clone(), observer);
            }
            self.seen += 1;
        }
    }

    /// Whether one more may be on its way.
    fn has_room(&self) -> bool {
        // Where one thing is done at a time, each blob is fetched when its turn comes.
        !self.concurrency.is_sequential() && self.tasks.len() < self.concurrency.small_shares
    }

    fn begin(&mut self, job: &BlobJob, remote: Box<RemoteBlob>, observer: &dyn Observer) {
        let digest = job.entry.digest;
        self.begun.insert(digest);
        self.bytes += job.entry.size;
        job.announce(observer);
        // At most 8 MiB: larger blobs are not begun.
        let mut memory = MemorySink(Vec::with_capacity(job.entry.size as usize));
        self.tasks.spawn(async move {
            let fetched = remote.fetch(None, &mut memory).await;
            (digest, fetched.map(|downloaded| (memory.0, downloaded)))
        });
    }

    /// Waits for a job's blob if it was begun, and puts it into the job, which was the first of the queue.
    /// Meanwhile, the others go on.
    pub(crate) async fn supply(
        &mut self,
        job: &mut BlobJob,
        queue: &VecDeque<BlobJob>,
        observer: &dyn Observer,
    ) -> Result<(), FetchError> {
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
            self.go_on(queue, observer);
        };
        self.bytes -= job.entry.size;
        let mirror = || match &job.fallback {
            Fallback::Fetch(remote) => remote.mirror(),
            Fallback::Report(_) => None,
        };
        let refused = |source| FetchError::Registry { path: job.path.clone(), mirror: mirror(), source };
        let (bytes, downloaded) = outcome.map_err(refused)?;
        job.nearest = NearestCopy::Prefetched { bytes, downloaded };
        Ok(())
    }
}
