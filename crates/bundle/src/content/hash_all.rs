//! Hashes many sections on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};

use airlift_oci::MultiBuffer;

use crate::content::hash_one::{Unhashed, UnhashedList, hash_one};
use crate::content::lane_plan::{LanePlan, SizedSection};
use crate::content::lanes::Lanes;
use crate::parallel;

/// Hashes all sections of a list, on up to `jobs` threads (0: one per core), and returns what the list keeps
/// of the digests, in its order. On a `processor` that is faster so, each thread hashes several sections side
/// by side.
pub fn hash_all<L: UnhashedList>(list: &L, jobs: usize, processor: Option<MultiBuffer>) -> Vec<L::Found> {
    let threads = parallel::threads(jobs);
    let side_by_side =
        processor.and_then(|processor| Some((processor, LanePlan::of(&sizes(list), threads)?)));
    let Some((processor, plan)) = side_by_side else {
        let positions: Vec<usize> = (0..list.count()).collect();
        return parallel::filter_map(&positions, jobs, |position| hash_one(list, *position));
    };
    let (next_alone, next_lane) = (Queue::new(&plan.alone), Queue::new(&plan.lanes));
    let work = |(): &()| {
        let mut found = Vec::new();
        while let [position] = next_alone.take(1) {
            found.extend(hash_one(list, *position).map(|found| (*position, found)));
        }
        found.extend(Lanes::new(processor, list).run(|count| next_lane.take(count)));
        found
    };
    let found = parallel::map(&vec![(); threads], jobs, work);
    let mut found: Vec<(usize, L::Found)> = found.into_iter().flatten().collect();
    found.sort_by_key(|(position, _)| *position);
    found.into_iter().map(|(_, found)| found).collect()
}

/// Position, algorithm and size of all sections that are there.
fn sizes<L: UnhashedList>(list: &L) -> Vec<SizedSection> {
    let sized = |position| {
        let Unhashed { section, algorithm } = list.at(position)?;
        Some(SizedSection { position, algorithm, size: section.size() })
    };
    (0..list.count()).filter_map(sized).collect()
}

/// Positions that threads take from the front.
struct Queue<'a> {
    positions: &'a [usize],
    next: AtomicUsize,
}

impl<'a> Queue<'a> {
    fn new(positions: &'a [usize]) -> Self {
        Queue { positions, next: AtomicUsize::new(0) }
    }

    /// The next `count` positions, or as many as are left.
    fn take(&self, count: usize) -> &'a [usize] {
        let start = self.next.fetch_add(count, Ordering::Relaxed).min(self.positions.len());
        let end = (start + count).min(self.positions.len());
        &self.positions[start..end]
    }
}
