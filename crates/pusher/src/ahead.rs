//! Looks for blobs before their turn comes: the answers of a whole push are there while its first uploads
//! still run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use airlift_oci::{Digest, Repository};
use airlift_registry::{Error, Transport};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use crate::survey::has_blob;
use crate::tree::locked;

/// A blob with its size.
pub(crate) type Wanted = (Digest, u64);

/// Whether blobs are in one repository, as far as that was asked.
type Answers = HashMap<Digest, Arc<OnceCell<bool>>>;

/// The answers, by repository. Each is asked for once, by whoever comes first, and taken once.
pub(crate) struct Ahead {
    transport: Transport,
    answers: Mutex<HashMap<Repository, Answers>>,
}

impl Ahead {
    pub(crate) fn new(transport: Transport) -> Self {
        Ahead { transport, answers: Mutex::default() }
    }

    /// Asks for all of these, `jobs` at a time. An error ends it: it is told to who needs the answer, who
    /// asks again.
    pub(crate) async fn look(self: Arc<Self>, wanted: Vec<(Repository, Vec<Wanted>)>, jobs: usize) {
        for (repository, blobs) in &wanted {
            let mut answers = locked(&self.answers);
            let answers = answers.entry(repository.clone()).or_default();
            answers.extend(blobs.iter().map(|(digest, _)| (*digest, Arc::default())));
        }
        let mut waiting = wanted.into_iter().flat_map(|(repository, blobs)| {
            let repository = Arc::new(repository);
            blobs.into_iter().map(move |blob| (Arc::clone(&repository), blob))
        });
        let mut looks = JoinSet::new();
        loop {
            while looks.len() < jobs.max(1)
                && let Some((repository, (digest, size))) = waiting.next()
            {
                let ahead = Arc::clone(&self);
                looks.spawn(async move {
                    // Who was quicker has taken it.
                    let Some(cell) = ahead.cell(&repository, &digest) else { return true };
                    ahead.ask(&cell, &repository, &digest, size).await.is_ok()
                });
            }
            if !matches!(looks.join_next().await, Some(Ok(true))) {
                return;
            }
        }
    }

    /// Whether a blob of that size is in a repository: as it was found ahead, or by asking now.
    pub(crate) async fn is_there(
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
        let ask = || has_blob(&self.transport, repository, (*digest, size));
        cell.get_or_try_init(ask).await.copied()
    }
}
