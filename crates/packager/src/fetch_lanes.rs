//! In which order blobs are fetched, and how many at a time: large ones by their number, the largest first,
//! and beside them small ones by their bytes, the largest and the smallest in turn.

use std::collections::VecDeque;

use airlift_registry::Concurrency;

use crate::blob_job::BlobJob;

/// What a blob on its way counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Large,
    /// So many shares.
    Small(usize),
}

/// The blobs that wait, and how many are on their way.
pub(crate) struct Lanes<J = BlobJob> {
    /// By size, the next one last.
    large: Vec<J>,
    /// By size.
    small: VecDeque<(usize, J)>,
    large_running: usize,
    /// Shares of those that are on their way.
    small_running: usize,
    /// Whether the next small blob is the smallest, not the largest. So the wait for the smallest ones passes
    /// while the bytes of the others come.
    is_smallest_next: bool,
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
        let (large, small): (Vec<J>, Vec<J>) =
            jobs.into_iter().partition(|job| Concurrency::is_large(size(job)));
        let small = small.into_iter().map(|job| (Concurrency::shares(size(&job)), job)).collect();
        Lanes { large, small, large_running: 0, small_running: 0, is_smallest_next: false, concurrency }
    }

    /// The next blob that there is room for.
    pub(crate) fn start_next(&mut self) -> Option<(Lane, J)> {
        let is_idle = self.large_running == 0 && self.small_running == 0;
        if self.concurrency.is_sequential() && !is_idle {
            return None;
        }
        if self.large_running < self.concurrency.large_blobs
            && let Some(job) = self.large.pop()
        {
            self.large_running += 1;
            return Some((Lane::Large, job));
        }
        let next = if self.is_smallest_next { self.small.front() } else { self.small.back() };
        let (shares, _) = next?;
        if self.small_running + shares > self.concurrency.small_shares {
            return None;
        }
        let next = if self.is_smallest_next { self.small.pop_front() } else { self.small.pop_back() };
        let (shares, job) = next?;
        self.small_running += shares;
        self.is_smallest_next = !self.is_smallest_next;
        Some((Lane::Small(shares), job))
    }

    pub(crate) fn finished(&mut self, lane: Lane) {
        match lane {
            Lane::Large => self.large_running -= 1,
            Lane::Small(shares) => self.small_running -= shares,
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
        jobs.extend([8 * MIB, 30 * MIB, 20 * MIB]);
        let mut lanes = Lanes::by_size(jobs, |size| *size, Concurrency::new(2));
        let first = started(&mut lanes);
        let expected = [(Lane::Large, 30 * MIB), (Lane::Large, 20 * MIB), (Lane::Small(1), 100)];
        assert_eq!(first[..3], expected);
        assert_eq!(first.len(), 2 + Concurrency::new(2).small_shares);
        lanes.finished(Lane::Large);
        assert_eq!(started(&mut lanes), [(Lane::Large, 8 * MIB)]);
        lanes.finished(Lane::Small(1));
        lanes.finished(Lane::Large);
        assert_eq!(started(&mut lanes).len(), 1);
    }

    #[test]
    fn small_blobs_are_bounded_by_their_bytes_the_largest_beside_the_smallest() {
        let jobs: Vec<u64> = (0..100).map(|number| (number % 10) * 800_000).collect();
        let mut lanes = Lanes::by_size(jobs.clone(), |size| *size, Concurrency::new(2));
        let mut all = started(&mut lanes);
        assert_eq!(all[..3].iter().map(|(_, size)| *size).collect::<Vec<_>>(), [7_200_000, 0, 7_200_000]);
        let mut next = 0;
        while let Some((lane, _)) = all.get(next).copied() {
            let in_flight: u64 = all[next..].iter().map(|(_, size)| size).sum();
            assert!(in_flight <= 32 * MIB);
            lanes.finished(lane);
            all.extend(started(&mut lanes));
            next += 1;
        }
        let mut sizes: Vec<u64> = all.into_iter().map(|(_, size)| size).collect();
        sizes.sort_unstable();
        let mut expected = jobs;
        expected.sort_unstable();
        assert_eq!(sizes, expected);
    }

    #[test]
    fn one_transfer_at_a_time_means_one_of_either_kind() {
        let mut lanes = Lanes::by_size(vec![1, 20 * MIB, 2], |size| *size, Concurrency::new(1));
        for (lane, size) in [(Lane::Large, 20 * MIB), (Lane::Small(1), 2), (Lane::Small(1), 1)] {
            assert_eq!(started(&mut lanes), [(lane, size)]);
            lanes.finished(lane);
        }
        assert_eq!(started(&mut lanes), []);
    }
}
