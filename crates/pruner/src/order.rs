//! The order of deletions: an index before what it lists.

use std::collections::{HashMap, HashSet, VecDeque};

use airlift_oci::Digest;

/// Those of `all` that are in `chosen`, an index before all that it lists, else in the order of `all`.
pub(crate) fn parents_first(
    all: &[Digest],
    chosen: &HashSet<Digest>,
    children: &HashMap<Digest, Vec<Digest>>,
) -> Vec<Digest> {
    // Each once, in the order of the index, so that the same plan is made again.
    let listed = |digest: &Digest| -> Vec<Digest> {
        let mut met = HashSet::new();
        let children = children.get(digest).into_iter().flatten();
        children.filter(|child| chosen.contains(*child) && met.insert(**child)).copied().collect()
    };
    let mut parents: HashMap<Digest, usize> = HashMap::new();
    for child in chosen.iter().flat_map(&listed) {
        *parents.entry(child).or_default() += 1;
    }
    let free = all.iter().filter(|digest| chosen.contains(digest) && !parents.contains_key(*digest));
    let mut ready: VecDeque<Digest> = free.copied().collect();
    let mut order = Vec::new();
    while let Some(digest) = ready.pop_front() {
        order.push(digest);
        for child in listed(&digest) {
            if let Some(count) = parents.get_mut(&child) {
                *count -= 1;
                if *count == 0 {
                    ready.push_back(child);
                }
            }
        }
    }
    order
}

/// By each manifest that some of `order` name, which of these do.
pub(crate) fn parents(
    order: &[Digest],
    named: &HashMap<Digest, Vec<Digest>>,
) -> HashMap<Digest, Vec<Digest>> {
    let mut parents: HashMap<Digest, Vec<Digest>> = HashMap::new();
    for parent in order {
        for child in named.get(parent).into_iter().flatten() {
            let known = parents.entry(*child).or_default();
            if !known.contains(parent) {
                known.push(*parent);
            }
        }
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_of_two_indexes_goes_after_both() {
        let digest = |text: &str| Digest::sha256(text.as_bytes());
        let [a, b, c, d] = ["a", "b", "c", "d"].map(digest);
        let children = HashMap::from([(a, vec![c, d]), (b, vec![c]), (c, vec![d])]);
        let all = [d, c, a, b];
        let order = parents_first(&all, &HashSet::from(all), &children);
        assert_eq!(order, [a, b, c, d]);
        assert_eq!(parents_first(&all, &HashSet::from([c, d]), &children), [c, d]);
    }
}
