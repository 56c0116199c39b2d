//! Existence checks of blobs before their turn comes: the answers of a whole push are there while its first
//! uploads still run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use airlift_oci::{Digest, Repository};
use airlift_registry::{Error, Transport};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use crate::existence::{Content, is_there};
use crate::lock::locked;
use crate::plan::manifest_tree::Contents;

/// Whether blobs are in one repository, as far as that was asked.
type Answers = HashMap<Digest, Arc<OnceCell<bool>>>;

/// The answers, by repository. Each is asked for once, by the task that needs it first, and used once.
pub(crate) struct ExistenceCache {
    transport: Transport,
    answers: Mutex<HashMap<Repository, Answers>>,
}

impl ExistenceCache {
    pub(crate) fn new(transport: Transport) -> Self {
        ExistenceCache { transport, answers: Mutex::default() }
    }

    /// Asks for all blobs of these contents, `jobs` at a time. An error ends it: the upload that needs the
    /// answer asks again.
    pub(crate) async fn check_ahead(self: Arc<Self>, wanted: Vec<(Repository, Arc<Contents>)>, jobs: usize) {
        for (repository, contents) in &wanted {
            let mut answers = locked(&self.answers);
            let answers = answers.entry(repository.clone()).or_default();
            answers.extend(contents.blobs.iter().map(|blob| (blob.digest, Arc::default())));
        }
        let mut waiting = wanted.into_iter().flat_map(|(repository, contents)| {
            let repository = Arc::new(repository);
            let count = contents.blobs.len();
            let blob = move |n: usize| (contents.blobs[n].digest, contents.blobs[n].size);
            (0..count).map(move |n| (Arc::clone(&repository), blob(n)))
        });
        let mut checks = JoinSet::new();
        loop {
            while checks.len() < jobs.max(1)
                && let Some((repository, (digest, size))) = waiting.next()
            {
                let cache = Arc::clone(&self);
                checks.spawn(async move {
                    // The upload was quicker and has used the answer.
                    let Some(cell) = cache.cell(&repository, &digest) else { return true };
                    cache.ask(&cell, &repository, &digest, size).await.is_ok()
                });
            }
            if !matches!(checks.join_next().await, Some(Ok(true))) {
                return;
            }
        }
    }

    /// Whether a blob of that size is in a repository: as it was found ahead, or by asking now.
    ///
    /// # Errors
    /// If there is no answer.
    pub(crate) async fn has_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
    ) -> Result<bool, Error> {
        let cell = self.cell(repository, digest).unwrap_or_default();
        let answer = self.ask(&cell, repository, digest, size).await;
        if let Some(answers) = locked(&self.answers).get_mut(repository) {
            answers.remove(digest);
        }
        answer
    }

    fn cell(&self, repository: &Repository, digest: &Digest) -> Option<Arc<OnceCell<bool>>> {
        locked(&self.answers).get(repository)?.get(digest).cloned()
    }

    async fn ask(
        &self,
        cell: &OnceCell<bool>,
        repository: &Repository,
        digest: &Digest,
        size: u64,
    ) -> Result<bool, Error> {
        let ask = || is_there(&self.transport, repository, Content::Blob(*digest, size));
        cell.get_or_try_init(ask).await.copied()
    }
}
