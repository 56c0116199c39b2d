//! What the roots carry, and what they leave out.

use std::collections::HashSet;

use super::entries::{BlobEntry, BlobPlace, ManifestEntry};
use super::leaves::leaves;
use super::limits::GraphError;
use super::lookup::Graph;
use crate::layout::Root;
use crate::{Carried, Digest, DigestMap, RawManifest, Selection};

impl Graph {
    /// The same manifests with what `choose` makes of each root: another selection, and so other blobs.
    ///
    /// # Errors
    /// If the blobs that are now carried pass the limits, or have one size here and another there.
    pub fn select(mut self, choose: impl FnMut(&Root) -> Option<Selection>) -> Result<Self, GraphError> {
        let selections: Vec<Option<Selection>> = self.roots.iter().map(choose).collect();
        for (root, selection) in self.roots.iter_mut().zip(selections) {
            root.selection = selection;
        }
        check_work(&self)?;
        self.with_carried()
    }

    /// The same manifests with what `choose` leaves outside of each root.
    ///
    /// # Errors
    /// If the blobs that are now carried pass the limits, or have one size here and another there.
    pub fn leave_outside(mut self, choose: impl FnMut(&Root) -> Vec<Digest>) -> Result<Self, GraphError> {
        let external: Vec<Vec<Digest>> = self.roots.iter().map(choose).collect();
        for (root, external) in self.roots.iter_mut().zip(external) {
            root.external = external;
        }
        self.with_carried()
    }

    /// The layers that are left outside, each once, at their first place.
    pub fn external_layers(&self) -> Vec<BlobEntry<'_>> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        if self.external.is_empty() {
            return found;
        }
        for (position, entry) in self.manifests.iter().enumerate() {
            if entry.carried != Carried::Yes {
                continue;
            }
            for (role, blob) in entry.raw.iter().flat_map(Graph::blobs_of) {
                if self.carried_blob(&blob) == Carried::External && seen.insert(blob.digest) {
                    found.push(BlobEntry { descriptor: blob, manifest: position, role });
                }
            }
        }
        found
    }

    /// Settles what the roots carry: manifests first, then the blobs of those.
    pub(super) fn with_carried(mut self) -> Result<Self, GraphError> {
        self.external = self.roots.iter().flat_map(|root| root.external.iter().copied()).collect();
        self.settle_manifests();
        self.blobs = self.collect_blobs()?;
        Ok(self)
    }

    /// Settles which manifests are left out by all roots that lead to them, and which absent ones a root
    /// needs.
    fn settle_manifests(&mut self) {
        let has_absent = !self.absent.entries.is_empty();
        let has_selections = self.roots.iter().any(|root| root.selection.is_some());
        let (mut chosen, mut left_out, mut missing) = (HashSet::new(), HashSet::new(), HashSet::new());
        for root in self.roots.iter().filter(|_| has_selections || has_absent) {
            if root.selection.is_none() {
                chosen
                    .extend(self.below(&root.descriptor.digest).iter().map(|entry| entry.descriptor.digest));
            }
            if root.selection.is_none() && !has_absent {
                continue;
            }
            for leaf in leaves(self, root) {
                match leaf.carried {
                    Carried::Yes => chosen.insert(leaf.digest),
                    Carried::Missing => missing.insert(leaf.digest),
                    // What another root declares as absent is not absent for this one.
                    Carried::Absent if root.absent.binary_search(&leaf.digest).is_err() => {
                        missing.insert(leaf.digest)
                    }
                    Carried::LeftOut => left_out.insert(leaf.digest),
                    Carried::Absent | Carried::External => false,
                };
            }
        }
        for entry in &mut self.manifests {
            let digest = &entry.descriptor.digest;
            let is_left_out = left_out.contains(digest) && !chosen.contains(digest);
            entry.carried = if is_left_out { Carried::LeftOut } else { Carried::Yes };
        }
        for entry in &mut self.absent.entries {
            let is_missing = missing.contains(&entry.descriptor.digest);
            entry.carried = if is_missing { Carried::Missing } else { Carried::Absent };
        }
    }

    /// The blobs of all manifests that some root carries, each once, at its first use.
    fn collect_blobs(&self) -> Result<Vec<BlobPlace>, GraphError> {
        let mut blobs = Vec::new();
        let mut sizes: DigestMap<u64> =
            self.manifests.iter().map(|entry| (entry.descriptor.digest, entry.descriptor.size)).collect();
        for (position, entry) in self.manifests.iter().enumerate() {
            for (listed, role, descriptor) in entry.raw.iter().flat_map(Graph::places_of) {
                let is_carried =
                    entry.carried == Carried::Yes && self.carried_blob(&descriptor) == Carried::Yes;
                match sizes.get(&descriptor.digest) {
                    Some(first) if *first != descriptor.size => {
                        let (digest, first, second) = (descriptor.digest, *first, descriptor.size);
                        let mut path = self.path_of_manifest(position);
                        path.push(role.to_string());
                        return Err(GraphError::Sizes { digest, first, second, path });
                    }
                    None if is_carried && sizes.len() >= self.limits.entries => {
                        return Err(GraphError::Entries { limit: self.limits.entries });
                    }
                    None if is_carried => {
                        sizes.insert(descriptor.digest, descriptor.size);
                        // Both fit: limits bound the manifests and their bytes.
                        blobs.push(BlobPlace { manifest: position as u32, listed: listed as u32 });
                    }
                    _ => {}
                }
            }
        }
        Ok(blobs)
    }
}

/// Refuses graphs in which looking at each root would take forever.
pub(super) fn check_work(graph: &Graph) -> Result<(), GraphError> {
    let limit = graph.limits.descriptors;
    let mut known: DigestMap<usize> = DigestMap::default();
    let mut work: usize = 0;
    for root in &graph.roots {
        let digest = root.descriptor.digest;
        let descriptors =
            |entry: &ManifestEntry| 1 + entry.raw.as_ref().map_or(0, |raw: &RawManifest| raw.listed().len());
        let all = || graph.below(&digest).into_iter().map(descriptors).sum();
        let one = known.get(&digest).copied().unwrap_or_else(all);
        known.insert(digest, one);
        // A selection holds each leaf against each of its platforms.
        let times = 1 + root.selection.as_ref().map_or(0, |selection| selection.platforms().len());
        work = work.saturating_add(one.saturating_mul(times));
        if work > limit {
            return Err(GraphError::Work { limit });
        }
    }
    Ok(())
}
