//! Manifests that roots declare as absent: the source didn't have them.

use std::collections::{HashMap, HashSet};

use super::entries::ManifestEntry;
use crate::Digest;
use crate::layout::Root;

/// Manifests that roots declare as absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Absent {
    pub(super) digests: HashSet<Digest>,
    /// Those that were met, at their first place.
    pub(super) entries: Vec<ManifestEntry>,
    pub(super) positions: HashMap<Digest, usize>,
}

impl Absent {
    /// What is a root itself is there.
    pub(super) fn of(roots: &[Root]) -> Self {
        let mut digests: HashSet<Digest> =
            roots.iter().flat_map(|root| root.absent.iter().copied()).collect();
        roots.iter().for_each(|root| {
            digests.remove(&root.descriptor.digest);
        });
        Absent { digests, ..Self::default() }
    }
}
