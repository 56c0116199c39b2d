//! In which order blobs are fetched, and how many at a time: large ones by the line's rate, the largest
//! first, and beside them small ones, which are mostly a wait for the answer.

use airlift_registry::Concurrency;

use crate::blob_job::BlobJob;

/// Blobs that one limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Large,
    Small,
}

/// The blobs that wait, and how many are on their way.
pub(crate) struct Lanes<J = BlobJob> {
    /// By size, the next one last.
    large: Vec<J>,
    small: Vec<J>,
    large_running: usize,
    small_running: usize,
    concurrency: Concurrency,
}

impl Lanes {
    pub(crate) fn new(jobs: Vec<BlobJob>, concurrency: Concurrency) -> Self {
        Lanes::by_size(jobs, |job| job.entry.size, concurrency)
    }
}

impl<J> Lanes<J> {
    fn by_size(mut jobs: Vec<J>, size: impl Fn(&J) -> u64, concurrency: Concurrency) -> Self {
        // The largest first, so that none of them starts when the others are done.
        jobs.sort_by_key(&size);
        let (large, small) = jobs.into_iter().partition(|job| Concurrency::is_large(size(job)));
        Lanes { large, small, large_running: 0, small_running: 0, concurrency }
    }

    /// The next blob that there is room for.
    pub(crate) fn start_next(&mut self) -> Option<(Lane, J)> {
        let running = self.large_running + self.small_running;
        if self.concurrency.is_sequential() && running > 0 {
            return None;
        }
        if self.large_running < self.concurrency.large_blobs
            && let Some(job) = self.large.pop()
        {
            self.large_running += 1;
            return Some((Lane::Large, job));
        }
        let has_room = self.small_running < self.concurrency.small_blobs;
        let job = if has_room { self.small.pop()? } else { return None };
        self.small_running += 1;
        Some((Lane::Small, job))
    }

    pub(crate) fn finished(&mut self, lane: Lane) {
        match lane {
            Lane::Large => self.large_running -= 1,
            Lane::Small => self.small_running -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn started(lanes: &mut Lanes<u64>) -> Vec<(Lane, u64)> {
        std::iter::from_fn(|| lanes.start_next()).collect()
    }

    #[test]
    fn small_blobs_do_not_wait_for_large_ones() {
        let mut jobs: Vec<u64> = (1..=100).collect();
        jobs.extend([MIB, 3 * MIB, 2 * MIB]);
        let mut lanes = Lanes::by_size(jobs, |size| *size, Concurrency::new(2));
        let first = started(&mut lanes);
        assert_eq!(first[..3], [(Lane::Large, 3 * MIB), (Lane::Large, 2 * MIB), (Lane::Small, 100)]);
        assert_eq!(first.len(), 2 + Concurrency::new(2).small_blobs);
        lanes.finished(Lane::Large);
        assert_eq!(started(&mut lanes), [(Lane::Large, MIB)]);
        lanes.finished(Lane::Small);
        lanes.finished(Lane::Large);
        assert_eq!(started(&mut lanes).len(), 1);
    }

    #[test]
    fn one_transfer_at_a_time_means_one_of_either_kind() {
        let mut lanes = Lanes::by_size(vec![1, 2 * MIB, 2], |size| *size, Concurrency::new(1));
        for expected in [(Lane::Large, 2 * MIB), (Lane::Small, 2), (Lane::Small, 1)] {
            assert_eq!(started(&mut lanes), [expected]);
            lanes.finished(expected.0);
        }
        assert_eq!(started(&mut lanes), []);
    }
}
