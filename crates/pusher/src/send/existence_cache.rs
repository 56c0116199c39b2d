//! Existence checks of blobs before their turn comes: the answers of a whole push are there while its first
//! uploads still run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use airlift_oci::{Digest, Repository};
use airlift_registry::{Error, Transport};
use tokio::sync::OnceCell;
use tokio::task::{JoinHandle, JoinSet};

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

    /// Asks for all blobs of these contents in a task of its own, `limit` at a time. After an error it
    /// asks for nothing more, and the upload that needs the answer asks again.
    ///
    /// Uploads that start after this call share its requests, also those that overtake the task.
    pub(crate) fn check_ahead(
        self: &Arc<Self>,
        wanted: Vec<(Repository, Arc<Contents>)>,
        limit: usize,
    ) -> JoinHandle<()> {
        for (repository, contents) in &wanted {
            let mut answers = locked(&self.answers);
            let answers = answers.entry(repository.clone()).or_default();
            answers.extend(contents.blobs().map(|blob| (blob.digest, Arc::default())));
        }
        tokio::spawn(Arc::clone(self).check_all(wanted, limit))
    }

    async fn check_all(self: Arc<Self>, wanted: Vec<(Repository, Arc<Contents>)>, limit: usize) {
        let mut waiting = wanted.into_iter().flat_map(|(repository, contents)| {
            let (repository, count) = (Arc::new(repository), contents.blob_count());
            let blob = move |n| contents.blob(n).map(|blob| (blob.digest, blob.size));
            (0..count).filter_map(move |n| Some((Arc::clone(&repository), blob(n)?)))
        });
        let mut checks = JoinSet::new();
        let mut failed = false;
        loop {
            while !failed
                && checks.len() < limit.max(1)
                && let Some((repository, (digest, size))) = waiting.next()
            {
                let cache = Arc::clone(&self);
                checks.spawn(async move {
                    // The upload was quicker and has used the answer.
                    let Some(cell) = cache.cell(&repository, &digest) else { return true };
                    cache.ask(&cell, &repository, &digest, size).await.is_ok()
                });
            }
            let Some(outcome) = checks.join_next().await else { return };
            failed |= !matches!(outcome, Ok(true));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use airlift_oci::{RawManifest, Unobserved};
    use airlift_registry::Options;
    use airlift_testkit::scripted::{Answer, Gate, Script, ScriptedRegistry};

    use super::*;

    /// A repository at that registry, and blobs that it doesn't have.
    fn absent_blobs(registry: &ScriptedRegistry, count: u8) -> (Repository, Arc<Contents>) {
        let blobs = (0..count).map(|n| serde_json::json!({"digest": Digest::sha256(&[n]), "size": 1}));
        let blobs: Vec<_> = blobs.collect();
        let manifest = serde_json::json!({"config": blobs[0], "layers": blobs[1..]}).to_string();
        let digest = Digest::sha256(manifest.as_bytes());
        let contents = Contents::of_manifest(&RawManifest::received(manifest.into(), digest, None).unwrap());
        (format!("{}/team/app", registry.authority()).parse().unwrap(), Arc::new(contents))
    }

    fn cache() -> Arc<ExistenceCache> {
        let options = Options { retries: 0, ..Options::default() };
        Arc::new(ExistenceCache::new(Transport::new(options, Arc::new(Unobserved)).unwrap()))
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_upload_that_overtakes_the_checks_shares_their_requests() {
        let registry = Script::serving(Vec::new()).start();
        let (repository, contents) = absent_blobs(&registry, 3);
        let cache = cache();
        // The task can't begin before this one waits for something.
        let checks = cache.check_ahead(vec![(repository.clone(), Arc::clone(&contents))], 1);
        for blob in contents.blobs() {
            assert!(!cache.has_blob(&repository, &blob.digest, blob.size).await.unwrap());
        }
        checks.await.unwrap();
        assert_eq!(registry.count("HEAD", "/blobs/"), 3, "{:#?}", registry.requests());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_error_does_not_repeat_the_other_requests_under_way() {
        let (fails, gate) = (Gate::new(), Gate::new());
        let (opened, other) = (fails.clone(), gate.clone());
        let [first, second] = [0, 1].map(|n| Digest::sha256(&[n]).to_string());
        let registry = Script::serving(Vec::new())
            .rule(move |request| {
                let is_first = request.path().contains(&first) && request.nth == 0;
                is_first.then(|| Answer::reset().after(&opened))
            })
            .rule(move |request| request.path().contains(&second).then(|| Answer::status(404).after(&other)))
            .start();
        let (repository, contents) = absent_blobs(&registry, 3);
        let cache = cache();
        let checks = cache.check_ahead(vec![(repository.clone(), Arc::clone(&contents))], 2);
        while registry.count("HEAD", "/blobs/") < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fails.open();
        let blobs: Vec<_> = contents.blobs().collect();
        assert!(!cache.has_blob(&repository, &blobs[0].digest, 1).await.unwrap());
        gate.open();
        assert!(!cache.has_blob(&repository, &blobs[1].digest, 1).await.unwrap());
        checks.await.unwrap();
        let asked = [0, 1].map(|n: usize| registry.count("HEAD", &blobs[n].digest.to_string()));
        assert_eq!(asked, [2, 1], "{:#?}", registry.requests());
    }
}
