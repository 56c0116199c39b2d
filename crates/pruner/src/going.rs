//! What would go with old images: all below them, and what is attached to it.

use std::collections::{HashMap, HashSet};

use airlift_oci::Digest;

use crate::contents::{Contents, Leaves, Named};
use crate::error::PruneError;

/// What can be reached from the manifests that may go.
#[derive(Debug, Default)]
pub(crate) struct Going {
    /// In the order in which they were met.
    pub(crate) order: Vec<Digest>,
    /// What each lists.
    pub(crate) children: HashMap<Digest, Vec<Digest>>,
    /// What is attached to each.
    pub(crate) attached: HashMap<Digest, Vec<Digest>>,
}

impl Going {
    /// Walks from these manifests. What is not there is left out.
    ///
    /// # Errors
    /// If something can't be looked at.
    pub(crate) async fn from(roots: &[Digest], contents: &mut Contents<'_>) -> Result<Self, PruneError> {
        let mut going = Going::default();
        let mut met = HashSet::new();
        let mut level: Vec<Named> = roots.iter().copied().map(Named::by_digest).collect();
        level.retain(|named| met.insert(named.digest));
        while !level.is_empty() {
            let mut next = Vec::new();
            for (named, names) in contents.names(&level, Leaves::Fetch).await? {
                if !names.is_there {
                    continue;
                }
                let digests = |list: &[Named]| list.iter().map(|one| one.digest).collect();
                going.order.push(named.digest);
                going.children.insert(named.digest, digests(&names.children));
                going.attached.insert(named.digest, digests(&names.attached));
                next.extend(names.children.into_iter().chain(names.attached));
            }
            next.retain(|named| met.insert(named.digest));
            level = next;
        }
        Ok(going)
    }

    /// What goes if all of `stay` stays: what is reached from the roots without passing it.
    pub(crate) fn without(&self, roots: &[Digest], stay: &HashSet<Digest>) -> HashSet<Digest> {
        let mut found = HashSet::new();
        let mut open: Vec<Digest> = roots.to_vec();
        while let Some(digest) = open.pop() {
            if stay.contains(&digest) || !self.children.contains_key(&digest) || !found.insert(digest) {
                continue;
            }
            let below = self.children.get(&digest).into_iter().chain(self.attached.get(&digest));
            open.extend(below.flatten());
        }
        found
    }
}
