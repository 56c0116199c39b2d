//! A map by digest that stays small with a million entries: 32 bytes for a SHA-256, its value, and some five
//! to ten bytes to find it.
//!
//! The map of the standard library takes more than twice as much: it has room for entries that are not there,
//! and each key has room for the longest digest.

use std::hash::{BuildHasher, Hash, RandomState};

use crate::Digest;

/// A map by digest. A value can't be replaced or removed.
#[derive(Clone, Debug)]
pub struct DigestMap<V> {
    sha256: Table<[u8; 32], V>,
    others: Table<Digest, V>,
}

/// A set of digests.
pub type DigestSet = DigestMap<()>;

impl<V> Default for DigestMap<V> {
    fn default() -> Self {
        DigestMap { sha256: Table::default(), others: Table::default() }
    }
}

impl<V> DigestMap<V> {
    /// Adds a value, unless the digest has one. Returns whether it was added.
    pub fn insert(&mut self, digest: Digest, value: V) -> bool {
        match digest.sha256_bytes() {
            Some(bytes) => self.sha256.insert(bytes, value),
            None => self.others.insert(digest, value),
        }
    }

    /// Makes room for so many more SHA-256 digests at once, where it is known how many come.
    pub fn reserve(&mut self, additional: usize) {
        self.sha256.reserve(additional);
    }

    /// The value of a digest.
    pub fn get(&self, digest: &Digest) -> Option<&V> {
        self.find(digest).map(|(_, value)| value)
    }

    /// The value of a digest, and a number that no other digest has. The numbers are the positions in
    /// [`DigestMap::digests`], so they last until a digest is added.
    pub fn find(&self, digest: &Digest) -> Option<(usize, &V)> {
        match digest.sha256_bytes() {
            Some(bytes) => self.sha256.find(&bytes),
            None => {
                self.others.find(digest).map(|(position, value)| (self.sha256.keys.len() + position, value))
            }
        }
    }

    /// Whether a digest has a value.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.get(digest).is_some()
    }

    /// How many digests have a value.
    pub fn len(&self) -> usize {
        self.sha256.keys.len() + self.others.keys.len()
    }

    /// Whether no digest has a value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All digests, in the order in which they were added; but those that are no SHA-256 come last.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        let sha256 = self.sha256.keys.iter().map(|bytes| Digest::from_sha256(*bytes));
        sha256.chain(self.others.keys.iter().copied())
    }
}

impl<V> Extend<(Digest, V)> for DigestMap<V> {
    fn extend<T: IntoIterator<Item = (Digest, V)>>(&mut self, entries: T) {
        entries.into_iter().for_each(|(digest, value)| {
            self.insert(digest, value);
        });
    }
}

impl<V> FromIterator<(Digest, V)> for DigestMap<V> {
    fn from_iter<T: IntoIterator<Item = (Digest, V)>>(entries: T) -> Self {
        let mut map = DigestMap::default();
        map.extend(entries);
        map
    }
}

impl FromIterator<Digest> for DigestSet {
    fn from_iter<T: IntoIterator<Item = Digest>>(digests: T) -> Self {
        digests.into_iter().map(|digest| (digest, ())).collect()
    }
}

/// Keys and values in the order in which they came, and slots that say where a key is. A key's slot is the
/// first free one from its hash on. The hash is seeded: no one outside can choose keys that all want one
/// slot.
#[derive(Clone, Debug)]
struct Table<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
    /// Positions of keys, or [`FREE`]. A power of two in number, at most three quarters of them taken.
    slots: Vec<u32>,
    state: RandomState,
}

const FREE: u32 = u32::MAX;

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table { keys: Vec::new(), values: Vec::new(), slots: Vec::new(), state: RandomState::new() }
    }
}

impl<K: Hash + Eq, V> Table<K, V> {
    /// The value of a key, and its position.
    fn find(&self, key: &K) -> Option<(usize, &V)> {
        let position = self.slots[self.slot_of(key)?] as usize;
        self.values.get(position).map(|value| (position, value))
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.reserve_slots(1);
        match self.slot_of(&key) {
            Some(slot) if self.slots[slot] == FREE => {
                self.slots[slot] = self.keys.len() as u32;
                self.keys.push(key);
                self.values.push(value);
                true
            }
            _ => false,
        }
    }

    /// The slot that has the key, or the free one in which it belongs; `None` where there are no slots yet.
    fn slot_of(&self, key: &K) -> Option<usize> {
        let last = self.slots.len().checked_sub(1)?;
        let mut slot = self.state.hash_one(key) as usize & last;
        while self.slots[slot] != FREE && self.keys[self.slots[slot] as usize] != *key {
            slot = (slot + 1) & last;
        }
        Some(slot)
    }

    fn reserve(&mut self, additional: usize) {
        self.keys.reserve_exact(additional);
        self.values.reserve_exact(additional);
        self.reserve_slots(additional);
    }

    fn reserve_slots(&mut self, additional: usize) {
        let wanted = (self.keys.len() + additional) * 4;
        if wanted <= self.slots.len() * 3 {
            return;
        }
        let count = wanted.div_ceil(3).next_power_of_two().max(8);
        self.slots = vec![FREE; count];
        for (position, key) in self.keys.iter().enumerate() {
            let mut slot = self.state.hash_one(key) as usize & (count - 1);
            while self.slots[slot] != FREE {
                slot = (slot + 1) & (count - 1);
            }
            self.slots[slot] = position as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{DigestMap, DigestSet};
    use crate::{Algorithm, Digest};

    fn digest(number: usize) -> Digest {
        let algorithm = if number.is_multiple_of(3) { Algorithm::Sha512 } else { Algorithm::Sha256 };
        Digest::of(algorithm, &number.to_le_bytes())
    }

    #[test]
    fn it_is_the_map_of_the_standard_library() {
        let (mut map, mut known) = (DigestMap::default(), HashMap::new());
        for number in (0..5_000).chain(0..100) {
            let digest = digest(number);
            assert_eq!(map.contains(&digest), known.contains_key(&digest), "{number}");
            assert_eq!(
                map.insert(digest, number + 1),
                known.insert(digest, number + 1).is_none(),
                "{number}"
            );
            assert_eq!(map.len(), known.len());
        }
        for number in 0..10_000 {
            assert_eq!(map.get(&digest(number)), known.get(&digest(number)), "{number}");
        }
        let digests: Vec<Digest> = map.digests().collect();
        assert_eq!(digests.len(), known.len());
        assert!(digests.iter().all(|digest| known.contains_key(digest)));
        for (position, digest) in digests.iter().enumerate() {
            assert_eq!(map.find(digest), Some((position, &known[digest])));
        }
    }

    #[test]
    fn room_can_be_made_at_once() {
        for count in [0, 1, 5, 6, 7, 1_000] {
            let mut map: DigestMap<usize> = [(digest(1), 0)].into_iter().collect();
            map.reserve(count);
            let slots = map.sha256.slots.len();
            (2..).filter(|number| number % 3 > 0).take(count).for_each(|number| {
                assert!(map.insert(digest(number), number));
            });
            assert_eq!((map.len(), map.sha256.slots.len()), (count + 1, slots));
            assert!(slots.is_power_of_two());
            assert_eq!((map.get(&digest(1)), map.get(&digest(0))), (Some(&0), None));
        }
    }

    #[test]
    fn the_first_value_stays_and_order_is_kept() {
        let digests: Vec<Digest> = [7, 1, 4, 2].map(digest).to_vec();
        let set: DigestSet = digests.iter().chain(&digests).copied().collect();
        assert_eq!(set.digests().collect::<Vec<_>>(), digests);
        let mut map = DigestMap::default();
        assert!(map.is_empty() && map.get(&digest(1)).is_none());
        assert!(map.insert(digest(1), 'a') && !map.insert(digest(1), 'b'));
        assert_eq!(map.get(&digest(1)), Some(&'a'));
    }
}
