//! What would go with old images: all below them, and what is attached to it.

use std::collections::{HashMap, HashSet};

use airlift_oci::Digest;

use crate::contents::Contents;
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
        let mut level: Vec<Digest> = roots.to_vec();
        level.retain(|digest| met.insert(*digest));
        while !level.is_empty() {
            let mut next = Vec::new();
            for (digest, names) in contents.names(&level).await? {
                if !names.is_there {
                    continue;
                }
                next.extend(names.children.iter().chain(&names.attached));
                going.order.push(digest);
                going.children.insert(digest, names.children);
                going.attached.insert(digest, names.attached);
            }
            next.retain(|digest| met.insert(*digest));
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
