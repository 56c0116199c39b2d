//! In which order blobs are fetched, and how many at a time: large ones by their number, the largest first,
//! and beside them small ones by their bytes, the largest and the smallest in turn.

use std::collections::VecDeque;
use std::sync::Arc;

use airlift_registry::Concurrency;
use tokio::sync::Semaphore;

use crate::blob_job::BlobJob;
use crate::room::Room;

/// The blobs that wait, and the room for those that are on their way.
pub(crate) struct Lanes<J = BlobJob> {
    /// By size, the next one last.
    large: Vec<J>,
    /// By size.
    small: VecDeque<(u32, J)>,
    large_room: Arc<Semaphore>,
    small_room: Arc<Semaphore>,
    /// Whether the next small blob is the smallest, not the largest. So the wait for the smallest ones passes
    /// while the bytes of the others come.
    is_smallest_next: bool,
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
        let large_room = Arc::new(Semaphore::new(concurrency.large_blobs));
        let is_sequential = concurrency.is_sequential();
        let small_room = match is_sequential {
            true => Arc::clone(&large_room),
            false => Arc::new(Semaphore::new(concurrency.small_shares)),
        };
        let shares = |job: &J| if is_sequential { 1 } else { Concurrency::shares(size(job)) as u32 };
        let small = small.into_iter().map(|job| (shares(&job), job)).collect();
        Lanes { large, small, large_room, small_room, is_smallest_next: false }
    }

    /// The next blob, as soon as there is room for it; `None` if none waits.
    pub(crate) async fn next(&mut self) -> Option<(Room, J)> {
        let small = if self.is_smallest_next { self.small.front() } else { self.small.back() };
        let small = small.map(|(shares, _)| *shares);
        // Neither semaphore is ever closed.
        let shares = tokio::select! {
            biased;
            Ok(permit) = Arc::clone(&self.large_room).acquire_owned(), if !self.large.is_empty() => {
                return self.large.pop().map(|job| (Room::new(permit), job));
            }
            Ok(permit) = Arc::clone(&self.small_room).acquire_many_owned(small.unwrap_or(0)),
                if small.is_some() => permit,
            else => return None,
        };
        let job = if self.is_smallest_next { self.small.pop_front() } else { self.small.pop_back() };
        self.is_smallest_next = !self.is_smallest_next;
        job.map(|(_, job)| (Room::new(shares), job))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn started(lanes: &mut Lanes<u64>) -> Vec<(Room, u64)> {
        std::iter::from_fn(|| lanes.next().now_or_never().flatten()).collect()
    }

    fn sizes(started: &[(Room, u64)]) -> Vec<u64> {
        started.iter().map(|(_, size)| *size).collect()
    }

    #[test]
    fn small_blobs_do_not_wait_for_large_ones() {
        let mut jobs: Vec<u64> = (1..=100).collect();
        jobs.extend([8 * MIB, 30 * MIB, 20 * MIB]);
        let mut lanes = Lanes::by_size(jobs, |size| *size, Concurrency::new(2));
        let mut first = started(&mut lanes);
        assert_eq!(sizes(&first)[..4], [30 * MIB, 20 * MIB, 100, 1]);
        assert_eq!(first.len(), 2 + Concurrency::new(2).small_shares);
        drop(first.remove(0));
        assert_eq!(sizes(&started(&mut lanes)), [8 * MIB]);
        drop(first.pop());
        assert_eq!(started(&mut lanes).len(), 1);
    }

    #[test]
    fn small_blobs_are_bounded_by_their_bytes_the_largest_beside_the_smallest() {
        let mut expected: Vec<u64> = (0..100).map(|number| (number % 10) * 800_000).collect();
        let mut lanes = Lanes::by_size(expected.clone(), |size| *size, Concurrency::new(2));
        let mut running = VecDeque::from(started(&mut lanes));
        assert_eq!(sizes(running.make_contiguous())[..3], [7_200_000, 0, 7_200_000]);
        let mut fetched = Vec::new();
        while let Some((room, size)) = running.pop_front() {
            assert!(size + running.iter().map(|(_, size)| size).sum::<u64>() <= 32 * MIB);
            fetched.push(size);
            drop(room);
            running.extend(started(&mut lanes));
        }
        fetched.sort_unstable();
        expected.sort_unstable();
        assert_eq!(fetched, expected);
    }

    #[test]
    fn bytes_that_have_arrived_make_room() {
        let mut lanes = Lanes::by_size(vec![8 * MIB - 1; 10], |size| *size, Concurrency::new(2));
        let mut first = started(&mut lanes);
        assert_eq!(first.len(), 4);
        let (room, _) = &mut first[0];
        (0..7).for_each(|_| room.arrived(MIB as usize));
        assert!(started(&mut lanes).is_empty());
        first[1].0.arrived(MIB as usize);
        let mut more = started(&mut lanes);
        assert_eq!(more.len(), 1);
        let all = first.iter_mut().chain(&mut more);
        all.for_each(|(room, _)| room.arrived(100 * MIB as usize));
        more.extend(started(&mut lanes));
        assert_eq!(first.len() + more.len(), 8, "each keeps one share to its end");
    }

    #[test]
    fn one_transfer_at_a_time_means_one_of_either_kind() {
        let mut lanes = Lanes::by_size(vec![1, 20 * MIB, 2 * MIB, 2], |size| *size, Concurrency::new(1));
        for size in [20 * MIB, 2 * MIB, 1, 2] {
            let mut one = started(&mut lanes);
            assert_eq!(sizes(&one), [size]);
            one[0].0.arrived(100 * MIB as usize);
            assert!(started(&mut lanes).is_empty());
        }
        assert!(started(&mut lanes).is_empty());
    }
}
