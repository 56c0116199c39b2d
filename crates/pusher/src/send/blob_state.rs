//! What a push knows of one blob, and the locks of the tasks that work on it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use airlift_oci::Repository;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use crate::lock::locked;

/// What this push knows of one blob.
#[derive(Default)]
pub(super) struct BlobState {
    facts: Mutex<BlobFacts>,
    reading: AsyncMutex<()>,
    turns: Mutex<HashMap<Repository, Arc<AsyncMutex<()>>>>,
}

#[derive(Default)]
struct BlobFacts {
    /// Repositories of the target that have it. Another one mounts it from the last of them.
    holders: Vec<Repository>,
    /// Whether its content in the bundle was hashed and found right, or need not be.
    is_proven: bool,
    /// Repositories to which it was sent because they had lost it: once each.
    sent_again: HashSet<Repository>,
}

impl BlobState {
    /// The lock for work on the blob in one repository, so that no request is made twice.
    pub(super) fn turn(&self, repository: &Repository) -> Arc<AsyncMutex<()>> {
        Arc::clone(locked(&self.turns).entry(repository.clone()).or_default())
    }

    /// Waits for the right to send the blob for the first time, or to prove it: both read and hash all of it.
    /// Tasks that come later find what came of that.
    pub(super) async fn reading(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    pub(super) fn is_held_by(&self, repository: &Repository) -> bool {
        locked(&self.facts).holders.contains(repository)
    }

    /// A repository that has it, if any is known.
    pub(super) fn holder(&self) -> Option<Repository> {
        locked(&self.facts).holders.last().cloned()
    }

    pub(super) fn hold(&self, repository: &Repository) {
        let mut facts = locked(&self.facts);
        if !facts.holders.contains(repository) {
            facts.holders.push(repository.clone());
        }
    }

    pub(super) fn is_proven(&self) -> bool {
        locked(&self.facts).is_proven
    }

    pub(super) fn note_proof(&self) {
        locked(&self.facts).is_proven = true;
    }

    pub(super) fn was_sent_again(&self, repository: &Repository) -> bool {
        locked(&self.facts).sent_again.contains(repository)
    }

    pub(super) fn note_sent_again(&self, repository: &Repository) {
        locked(&self.facts).sent_again.insert(repository.clone());
    }
}
