//! Manifests: fetched by digest, and proven.

use std::sync::atomic::{AtomicU64, Ordering};

use airlift_oci::{Digest, RawManifest, Repository, Selector};
use airlift_registry::{Access, ContentFault, Error, FetchedManifest};

use crate::error::CheckError;
use crate::hosts::Hosts;
use crate::once::Once;

/// Manifests of so many bytes in all are kept, for images that share them. Others are fetched again.
const MOST_KEPT: u64 = 64 << 20;

/// A manifest that was asked for.
#[derive(Clone, Debug)]
pub(crate) enum FoundManifest {
    /// It is there, and proven.
    There(RawManifest),
    /// It is not there.
    Absent,
    /// Something else is there under its digest: this is what came.
    Other(CheckError),
}

/// The manifests of all repositories.
#[derive(Default)]
pub(crate) struct Manifests {
    answers: Once<(Repository, Digest), Result<FoundManifest, CheckError>>,
    kept: AtomicU64,
    /// Whether a repository has something under the digest of a manifest that can't exist.
    made_up: Once<Repository, bool>,
}

impl Manifests {
    /// The manifest of that digest.
    pub(crate) async fn get(
        &self,
        hosts: &Hosts,
        repository: &Repository,
        digest: Digest,
    ) -> Result<FoundManifest, CheckError> {
        let key = (repository.clone(), digest);
        let answer = self
            .answers
            .get(key.clone(), async {
                let answer = self.believed(hosts, repository, fetch(hosts, repository, digest).await?).await;
                if let Ok(FoundManifest::There(raw)) = &answer {
                    self.kept.fetch_add(raw.size(), Ordering::Relaxed);
                }
                answer
            })
            .await;
        if self.kept.load(Ordering::Relaxed) > MOST_KEPT {
            self.answers.forget(&key);
        }
        answer
    }
}

impl Manifests {
    /// An answer, unless it is something else than was asked for at a repository that answers all questions.
    pub(crate) async fn believed(
        &self,
        hosts: &Hosts,
        repository: &Repository,
        found: FoundManifest,
    ) -> Result<FoundManifest, CheckError> {
        match found {
            FoundManifest::Other(_) => self.check_word(hosts, repository).await.map(|()| found),
            _ => Ok(found),
        }
    }

    /// Makes sure that a repository doesn't answer whatever is asked for, as some servers do. It is asked
    /// once for a manifest that can't exist; without an answer, nothing speaks against it.
    pub(crate) async fn check_word(&self, hosts: &Hosts, repository: &Repository) -> Result<(), CheckError> {
        let has_it = async {
            let digest = Digest::sha256(format!("made up, to see what {repository} says").as_bytes());
            matches!(fetch(hosts, repository, digest).await, Ok(FoundManifest::Other(_)))
        };
        match self.made_up.get(repository.clone(), has_it).await {
            true => Err(CheckError::AnyManifest(repository.clone())),
            false => Ok(()),
        }
    }
}

async fn fetch(hosts: &Hosts, repository: &Repository, digest: Digest) -> Result<FoundManifest, CheckError> {
    let selector = Selector::Digest(digest);
    let request = hosts.transport.get_manifest(repository, &selector, Access::Pull);
    match hosts.ask(repository, request).await {
        Ok(Some(fetched)) => Ok(read(digest, fetched)),
        // A web server says so of everything.
        Ok(None) => hosts.why_no_registry(repository.host()).await.map_or(Ok(FoundManifest::Absent), Err),
        Err(error) if error.registry().is_some_and(is_other_content) => Ok(FoundManifest::Other(error)),
        Err(error) => Err(error),
    }
}

/// The manifest in an answer.
pub(crate) fn read(digest: Digest, fetched: FetchedManifest) -> FoundManifest {
    match RawManifest::received(fetched.bytes, digest, fetched.content_type.as_deref()) {
        Ok(raw) => FoundManifest::There(raw),
        Err(error) => FoundManifest::Other(CheckError::Manifest(error)),
    }
}

/// Whether a registry answered with other bytes than those that were asked for.
fn is_other_content(error: &Error) -> bool {
    let Error::Content { fault, .. } = error else { return false };
    matches!(
        **fault,
        ContentFault::Digest { .. }
            | ContentFault::Header { .. }
            | ContentFault::TooLarge { .. }
            | ContentFault::Overlong { .. }
            | ContentFault::Empty
    )
}
