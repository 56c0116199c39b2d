//! Findings that come in any order, each on the thing at a position.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::finding::Finding;

/// Findings that threads make in any order, each on the thing at a position. A hostile bundle has half a
/// million of them. The ones with the first positions are kept, and the others are only counted.
#[derive(Debug)]
pub struct FindingsByPosition {
    kept: BTreeMap<usize, Finding>,
    most: usize,
    more: FindingCounts,
}

/// How many findings were not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FindingCounts {
    pub(super) errors: u64,
    pub(super) warnings: u64,
}

impl FindingsByPosition {
    /// Keeps at most so many.
    pub(super) fn keeping(most: usize) -> Self {
        FindingsByPosition { kept: BTreeMap::new(), most, more: FindingCounts::default() }
    }

    /// Adds the finding on the thing at a position, of which there is one at most.
    pub fn insert(&mut self, position: usize, finding: Finding) {
        self.kept.insert(position, finding);
        if self.kept.len() > self.most
            && let Some((_, last)) = self.kept.pop_last()
        {
            self.more.count(&last);
        }
    }

    /// Those that were kept, by position, and how many were not.
    pub(super) fn into_parts(self) -> (impl Iterator<Item = Finding>, FindingCounts) {
        (self.kept.into_values(), self.more)
    }
}

impl FindingCounts {
    pub(super) fn count(&mut self, finding: &Finding) {
        *(if finding.is_error() { &mut self.errors } else { &mut self.warnings }) += 1;
    }
}

impl AddAssign for FindingCounts {
    fn add_assign(&mut self, other: Self) {
        self.errors += other.errors;
        self.warnings += other.warnings;
    }
}

#[cfg(test)]
mod tests {
    use super::{FindingCounts, FindingsByPosition};
    use crate::findings::{Finding, Rule};

    #[test]
    fn the_first_positions_are_kept_in_whatever_order_they_come() {
        let finding = |position: usize| Finding::new(Rule::BlobDigest, position.to_string());
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]] {
            let mut findings = FindingsByPosition::keeping(2);
            order.iter().for_each(|position| findings.insert(*position, finding(*position)));
            let (kept, more) = findings.into_parts();
            assert_eq!(kept.map(|one| one.message).collect::<Vec<_>>(), ["0", "1"]);
            assert_eq!(more, FindingCounts { errors: 3, warnings: 0 });
        }
    }
}
