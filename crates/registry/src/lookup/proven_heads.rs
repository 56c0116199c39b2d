//! The repositories whose HEADs can be trusted to find a tag.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use airlift_oci::{Digest, Repository, Selector};

/// The repositories whose HEADs have named a manifest by its tag. Which signatures an image has is asked for
/// by tags that are mostly absent, and a second GET for each of them would be for nothing there.
#[derive(Default)]
pub(crate) struct ProvenHeads(Mutex<HashSet<Repository>>);

impl ProvenHeads {
    /// A HEAD has named `digest`, or nothing.
    pub(super) fn learn(&self, repository: &Repository, selector: &Selector, digest: Option<Digest>) {
        if digest.is_some() && matches!(selector, Selector::Tag(_)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.clone());
        }
    }

    pub(super) fn holds(&self, repository: &Repository) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(repository)
    }
}
