//! Work on all cores, without a runtime.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More threads than this only take memory.
const MAX_THREADS: usize = 256;

/// How many threads `jobs` asks for; zero asks for one per core.
pub(crate) fn threads(jobs: usize) -> usize {
    match jobs {
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        given => given.min(MAX_THREADS),
    }
}

/// Calls `work` on each item, on up to `jobs` threads (0: one per core). The results are in the items' order.
pub fn map<T: Sync, R: Send>(items: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    filter_map(items, jobs, |item| Some(work(item)))
}

/// The same for work that has a result for few of the items: only those take memory.
pub fn filter_map<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Option<R> + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(position) else {
                    return done;
                };
                done.extend(work(item).map(|result| (position, result)));
            }
        };
        // If the system gives no more threads, the ones that run do all of the work.
        let spawn = || std::thread::Builder::new().spawn_scoped(scope, worker).ok();
        let handles: Vec<_> = (1..threads(jobs).min(items.len())).map_while(|_| spawn()).collect();
        let mut results = worker();
        for handle in handles {
            results.extend(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeps_the_order() {
        let items: Vec<u32> = (0..1_000).collect();
        assert_eq!(super::map(&items, 7, |n| n * 2), items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(super::map(&[] as &[u32], 0, |n| *n).is_empty());
        assert_eq!(super::map(&items, usize::MAX, |n| *n), items);
        let odd = super::filter_map(&items, 7, |n| (n % 2 == 1).then_some(*n));
        assert_eq!(odd, (0..500).map(|n| n * 2 + 1).collect::<Vec<_>>());
    }
}
