//! The order in which a registry takes manifests.

use std::collections::{HashMap, HashSet};

use super::entries::ManifestEntry;
use super::lookup::Graph;
use crate::{Digest, RawManifest};

impl Graph {
    /// The manifests below a root in the order in which a registry takes them: those that need no other
    /// first, then those whose children and subject have all gone before, the root last. Those of one step
    /// don't depend on each other.
    pub fn upload_steps(&self, root: &Digest) -> Vec<Vec<&ManifestEntry>> {
        let below = self.below(root);
        let known: HashSet<Digest> = below.iter().map(|entry| entry.descriptor.digest).collect();
        let mut missing: HashMap<Digest, usize> = HashMap::new();
        let mut needed_by: HashMap<Digest, Vec<&ManifestEntry>> = HashMap::new();
        for entry in &below {
            let needs = needs_of(entry, &known);
            missing.insert(entry.descriptor.digest, needs.len());
            needs.into_iter().for_each(|need| needed_by.entry(need).or_default().push(entry));
        }
        let mut steps = Vec::new();
        let is_free = |entry: &&ManifestEntry| missing.get(&entry.descriptor.digest) == Some(&0);
        let mut step: Vec<&ManifestEntry> = below.into_iter().filter(is_free).collect();
        while !step.is_empty() {
            let mut next = Vec::new();
            for entry in step.iter().filter_map(|entry| needed_by.get(&entry.descriptor.digest)).flatten() {
                if let Some(count) = missing.get_mut(&entry.descriptor.digest) {
                    *count -= 1;
                    next.extend((*count == 0).then_some(*entry));
                }
            }
            steps.push(std::mem::replace(&mut step, next));
        }
        steps
    }
}

/// Which of the `known` manifests have to be at a registry before it takes this one: its children, and its
/// subject. The specification lets the two come in either order; some registries don't.
fn needs_of(entry: &ManifestEntry, known: &HashSet<Digest>) -> HashSet<Digest> {
    let children = entry.raw.iter().flat_map(Graph::children_of).map(|child| child.digest);
    let subject = entry.raw.as_ref().and_then(RawManifest::subject).map(|subject| subject.digest);
    let needs = children.chain(subject);
    needs.filter(|need| *need != entry.descriptor.digest && known.contains(need)).collect()
}
