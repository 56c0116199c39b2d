//! Which sections are hashed side by side, and which by themselves.

use std::cmp::Reverse;

use airlift_oci::Algorithm;
use airlift_oci::multi_buffer::LANES;

/// With fewer sections than this, the gain is not worth it.
const FEWEST_SECTIONS: usize = 12;

/// How much faster a core hashes [`LANES`] sections side by side than one after the other.
const SPEED_UP: u128 = 2;

/// Sections below this size stay in the order of the archive, so that the system reads ahead.
const SMALL: u64 = 1 << 20;

/// A section of which only the size counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SizedSection {
    /// Its position in the list.
    pub(crate) position: usize,
    pub(crate) algorithm: Algorithm,
    pub(crate) size: u64,
}

/// All sections, by their positions in the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LanePlan {
    /// Those that are hashed by themselves, the largest first.
    pub(crate) alone: Vec<usize>,
    /// Those that are hashed side by side: the large ones first, so that the last ones end at about the same
    /// time.
    pub(crate) lanes: Vec<usize>,
}

impl LanePlan {
    /// Plans for so many threads. `None` if hashing side by side would not be faster.
    ///
    /// A section in a lane takes longer than by itself. It must not take longer there than all sections
    /// together would take by themselves on all threads.
    pub(crate) fn of(sections: &[SizedSection], threads: usize) -> Option<Self> {
        let (mut lanes, mut alone): (Vec<SizedSection>, Vec<SizedSection>) =
            sections.iter().partition(|section| section.algorithm == Algorithm::Sha256);
        lanes.sort_by_key(|section| Reverse(section.size.max(SMALL)));
        let mut together: u128 = lanes.iter().map(|section| u128::from(section.size)).sum();
        let mut is_too_large = |section: &&SizedSection| {
            let size = u128::from(section.size);
            let is_too_large = size * LANES as u128 * threads as u128 > together * SPEED_UP;
            together -= if is_too_large { size } else { 0 };
            is_too_large
        };
        let count = lanes.iter().take_while(&mut is_too_large).count();
        alone.extend(lanes.drain(..count));
        alone.sort_by_key(|section| Reverse(section.size));
        let positions = |sections: Vec<SizedSection>| sections.iter().map(|one| one.position).collect();
        let is_worth_it = lanes.len() >= FEWEST_SECTIONS;
        is_worth_it.then(|| LanePlan { alone: positions(alone), lanes: positions(lanes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(sizes: &[u64]) -> Vec<SizedSection> {
        let section = |(position, size): (usize, &u64)| SizedSection {
            position,
            algorithm: Algorithm::Sha256,
            size: *size,
        };
        sizes.iter().enumerate().map(section).collect()
    }

    fn plan(sizes: &[u64], threads: usize) -> Option<LanePlan> {
        LanePlan::of(&sections(sizes), threads)
    }

    #[test]
    fn few_sections_and_sections_of_which_each_core_gets_few_are_hashed_by_themselves() {
        assert_eq!(plan(&[5 << 20; 11], 1), None);
        assert!(plan(&[5 << 20; 12], 1).is_some());
        assert_eq!(plan(&[5 << 20; 12], 2), None);
        assert_eq!(plan(&[5 << 20; 200], 64), None);
    }

    #[test]
    fn the_largest_ones_are_hashed_by_themselves_and_first() {
        let mut sizes = vec![3 << 20; 40];
        sizes[7] = 50 << 20;
        sizes[9] = 60 << 20;
        let plan = plan(&sizes, 2).unwrap();
        assert_eq!(plan.alone, [9, 7]);
        assert_eq!(plan.lanes.len(), 38);
    }

    #[test]
    fn small_ones_keep_their_order() {
        let sizes: Vec<u64> = (0..40).map(|n| if n == 20 { 2 << 20 } else { 100_000 + n }).collect();
        let plan = plan(&sizes, 1).unwrap();
        assert_eq!(plan.alone, [20]);
        assert!(plan.lanes.is_sorted());
    }

    #[test]
    fn other_algorithms_are_hashed_by_themselves() {
        let mut sections = sections(&[5; 21]);
        sections[20].algorithm = Algorithm::Sha512;
        assert_eq!(LanePlan::of(&sections, 1).unwrap().alone, [20]);
    }
}
