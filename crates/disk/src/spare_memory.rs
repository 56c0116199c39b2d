//! Memory of buffers that are gone, kept for the next ones.
//!
//! Many threads use large buffers for a short time. The allocator would keep the memory of each buffer for
//! the thread that allocated it, and take new memory from the system for the other threads.

use std::sync::{Mutex, PoisonError};

/// How much is kept at most. Most buffers are of the same size: then what is kept and what is in use are
/// together no more than what was in use at some time.
const MOST: usize = 16 << 20;
/// Less memory than this is left to the allocator.
const LEAST: usize = 128 << 10;

static SPARE: SpareMemory = SpareMemory(Mutex::new(Vec::new()));

/// Memory that no buffer has.
struct SpareMemory(Mutex<Vec<Vec<u8>>>);

/// At least `size` bytes, and less than twice as many. They may hold what an earlier buffer held.
pub(crate) fn take(size: usize) -> Vec<u8> {
    SPARE.take(size).unwrap_or_else(|| vec![0; size])
}

/// Keeps `memory`, unless there is enough.
pub(crate) fn give_back(memory: Vec<u8>) {
    SPARE.give_back(memory);
}

impl SpareMemory {
    fn take(&self, size: usize) -> Option<Vec<u8>> {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What came last may still be in the processor's cache.
        let fitting = spare.iter().rposition(|memory| (size..size * 2).contains(&memory.len()))?;
        Some(spare.remove(fitting))
    }

    fn give_back(&self, memory: Vec<u8>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = spare.iter().map(Vec::len).sum();
        if memory.len() >= LEAST && kept + memory.len() <= MOST {
            spare.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_where_it_fits() {
        let spare = SpareMemory(Mutex::default());
        spare.give_back(vec![1; 300_000]);
        spare.give_back(vec![2; 200_000]);
        assert_eq!(spare.take(300_001), None);
        assert_eq!(spare.take(100_000), None, "twice as large, or more");
        assert_eq!(spare.take(190_000), Some(vec![2; 200_000]));
        assert_eq!(spare.take(190_000), Some(vec![1; 300_000]));
        assert_eq!(spare.take(190_000), None);
    }

    #[test]
    fn little_memory_is_not_kept_and_no_more_than_the_limit() {
        let spare = SpareMemory(Mutex::default());
        spare.give_back(vec![0; LEAST - 1]);
        assert_eq!(spare.take(LEAST - 1), None);
        for _ in 0..=MOST >> 20 {
            spare.give_back(vec![0; 1 << 20]);
        }
        assert_eq!(std::iter::from_fn(|| spare.take(1 << 20)).count(), MOST >> 20);
    }
}
