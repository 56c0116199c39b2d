//! Which things of an old list are those of a new one.

use std::collections::HashMap;
use std::hash::Hash;

/// Things of two lists, matched step by step. What one step has matched is out for the next.
pub(super) struct Matching<'a, T> {
    old: Vec<Option<&'a T>>,
    new: Vec<Option<&'a T>>,
    pairs: Vec<(&'a T, &'a T)>,
}

/// What becomes of several things with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    /// They are matched in their order.
    InOrder,
    /// They are left alone: no one can say which is which.
    LeaveAlone,
}

/// What came of a matching.
pub(super) struct Matched<'a, T> {
    /// In both lists, old and new.
    pub(super) pairs: Vec<(&'a T, &'a T)>,
    /// In the old list alone.
    pub(super) gone: Vec<&'a T>,
    /// In the new list alone.
    pub(super) added: Vec<&'a T>,
}

impl<'a, T> Matching<'a, T> {
    pub(super) fn new(old: &'a [T], new: &'a [T]) -> Self {
        let all = |list: &'a [T]| list.iter().map(Some).collect();
        Matching { old: all(old), new: all(new), pairs: Vec::new() }
    }

    /// Matches what has the same key in both lists. What has no key is left alone.
    pub(super) fn by<K: Hash + Eq>(
        mut self,
        repeats: Repeats,
        old_key: impl Fn(&T) -> Option<K>,
        new_key: impl Fn(&T) -> Option<K>,
    ) -> Self {
        let mut places: HashMap<K, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (position, thing) in self.old.iter().enumerate() {
            if let Some(key) = thing.and_then(&old_key) {
                places.entry(key).or_default().0.push(position);
            }
        }
        for (position, thing) in self.new.iter().enumerate() {
            if let Some(key) = thing.and_then(&new_key) {
                places.entry(key).or_default().1.push(position);
            }
        }
        for (old, new) in places.into_values() {
            if repeats == Repeats::LeaveAlone && (old.len() > 1 || new.len() > 1) {
                continue;
            }
            for (old, new) in old.into_iter().zip(new) {
                self.pairs.extend(self.old[old].take().zip(self.new[new].take()));
            }
        }
        self
    }

    pub(super) fn finish(self) -> Matched<'a, T> {
        Matched {
            pairs: self.pairs,
            gone: self.old.into_iter().flatten().collect(),
            added: self.new.into_iter().flatten().collect(),
        }
    }
}
