//! Brings blobs to repositories. Each blob is looked for, mounted from another repository, or sent; and each
//! is proven, sent or not.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex};

use airlift_oci::{Digest, Event, Observer, Repository};
use airlift_registry::{Error, Mount, Transport};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::existence::{Content, is_there};
use crate::lock::locked;
use crate::send::existence_cache::ExistenceCache;
use crate::send::transfers::Transfer;
use crate::source::{ContentSource, SourceBlob};

/// Why a blob is not at the target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// The registry didn't take it.
    #[error(transparent)]
    Registry(#[from] Error),
    /// The source's content doesn't match its digest, or can't be read.
    #[error("the bundle's own {digest} failed its check (airlift verify shows where)")]
    Content {
        /// The content.
        digest: Digest,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// A task panicked.
    #[error("a transfer ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

/// What came of sending a blob again, which the registry had acknowledged or had said to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reupload {
    /// Nothing was sent: the registry says that it is there.
    There,
    /// It was sent.
    Sent,
    /// It was sent again for another manifest of this push. Once is enough.
    SentBefore,
}

/// How to find out whether content has to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recheck {
    /// By a HEAD.
    Head,
    /// Not at all: it is sent, because the registry would answer wrongly that it is there.
    AssumeMissing,
}

/// What this push knows of one blob.
#[derive(Default)]
struct BlobState {
    /// Repositories of the target that have it. Another one mounts it from the last of them.
    holders: Vec<Repository>,
    /// Whether its content in the bundle was hashed and found right.
    proven: bool,
    /// Repositories to which it was sent because they had lost it: once each.
    sent_again: HashSet<Repository>,
}

impl BlobState {
    fn hold(&mut self, repository: &Repository) {
        if !self.holders.contains(repository) {
            self.holders.push(repository.clone());
        }
    }
}

/// The blobs of one push.
pub(crate) struct Blobs {
    source: Arc<dyn ContentSource>,
    transport: Transport,
    observer: Arc<dyn Observer>,
    existence: Arc<ExistenceCache>,
    permits: Semaphore,
    known: Mutex<HashMap<Digest, Arc<AsyncMutex<BlobState>>>>,
}

impl Blobs {
    pub(crate) fn new(
        source: Arc<dyn ContentSource>,
        transport: Transport,
        observer: Arc<dyn Observer>,
        jobs: usize,
    ) -> Self {
        let existence = Arc::new(ExistenceCache::new(transport.clone()));
        let permits = Semaphore::new(jobs.max(1));
        Blobs { source, transport, observer, existence, permits, known: Mutex::default() }
    }

    /// Whether blobs are at the target, found out before their turn comes.
    pub(crate) fn existence(&self) -> Arc<ExistenceCache> {
        Arc::clone(&self.existence)
    }

    fn state(&self, digest: &Digest) -> Arc<AsyncMutex<BlobState>> {
        Arc::clone(locked(&self.known).entry(*digest).or_default())
    }

    /// Brings a blob to `repository`. Only one task at a time works on one digest, so that a second
    /// repository can mount the blob that the first was sent.
    ///
    /// # Errors
    /// If the blob can't be read or proven, or the registry doesn't take it.
    pub(crate) async fn bring(
        &self,
        digest: Digest,
        label: String,
        repository: &Repository,
    ) -> Result<Transfer, BlobError> {
        let content = self.content(&digest)?;
        let state = self.state(&digest);
        let mut state = state.lock().await;
        let _permit = self.permits.acquire().await;
        self.observer.notice(Event::Started { digest, label, size: content.size() });
        let transfer = self.bring_now(&content, &mut state, repository).await;
        self.observer.notice(Event::Finished { digest });
        transfer
    }

    async fn bring_now(
        &self,
        content: &Arc<dyn SourceBlob>,
        state: &mut BlobState,
        repository: &Repository,
    ) -> Result<Transfer, BlobError> {
        let digest = content.digest();
        let is_there = state.holders.contains(repository)
            || self.existence.has_blob(repository, &digest, content.size()).await?;
        if is_there {
            self.prove_once(content, state).await?;
            state.hold(repository);
            return Ok(Transfer::Skipped);
        }
        if let Some(holder) = state.holders.last()
            && self.transport.mount_blob(repository, &digest, holder).await? == Mount::Mounted
        {
            self.prove_once(content, state).await?;
            state.hold(repository);
            return Ok(Transfer::Mounted);
        }
        self.send(content, state, repository).await.map(|()| Transfer::Uploaded)
    }

    async fn send(
        &self,
        content: &Arc<dyn SourceBlob>,
        state: &mut BlobState,
        repository: &Repository,
    ) -> Result<(), BlobError> {
        let digest = content.digest();
        match self.transport.put_blob(repository, &digest, content.size(), &**content).await {
            Ok(_) => {}
            Err(Error::Source { source, .. }) => return Err(BlobError::Content { digest, source }),
            Err(error) => return Err(error.into()),
        }
        state.hold(repository);
        state.proven = true;
        Ok(())
    }

    /// Sends a blob once more that was there or was sent, and that the registry lacks now. It is not mounted:
    /// the repository that it would come from may lack it, too.
    ///
    /// # Errors
    /// If the blob can't be read or proven, or the registry doesn't take it.
    pub(crate) async fn send_again(
        &self,
        digest: Digest,
        label: String,
        repository: &Repository,
        recheck: Recheck,
    ) -> Result<Reupload, BlobError> {
        let content = self.content(&digest)?;
        let state = self.state(&digest);
        let mut state = state.lock().await;
        if state.sent_again.contains(repository) {
            return Ok(Reupload::SentBefore);
        }
        let _permit = self.permits.acquire().await;
        let blob = Content::Blob(digest, content.size());
        if recheck == Recheck::Head && is_there(&self.transport, repository, blob).await? {
            return Ok(Reupload::There);
        }
        self.observer.notice(Event::Started { digest, label, size: content.size() });
        self.observer.notice(Event::Rewound { digest, bytes: content.size() });
        let sent = self.send(&content, &mut state, repository).await;
        self.observer.notice(Event::Finished { digest });
        sent?;
        state.sent_again.insert(repository.clone());
        Ok(Reupload::Sent)
    }

    /// Proves a blob that is not sent because the target has it. A push says that the bundle and the target
    /// agree, and a damaged bundle agrees with nothing.
    ///
    /// # Errors
    /// If the blob can't be read, or doesn't match its digest.
    pub(crate) async fn prove(&self, digest: Digest, label: String) -> Result<(), BlobError> {
        let content = self.content(&digest)?;
        let state = self.state(&digest);
        let mut state = state.lock().await;
        let _permit = self.permits.acquire().await;
        self.observer.notice(Event::Started { digest, label, size: content.size() });
        let outcome = self.prove_once(&content, &mut state).await;
        self.observer.notice(Event::Finished { digest });
        outcome
    }

    async fn prove_once(
        &self,
        content: &Arc<dyn SourceBlob>,
        state: &mut BlobState,
    ) -> Result<(), BlobError> {
        let (digest, size) = (content.digest(), content.size());
        if std::mem::replace(&mut state.proven, true) {
            self.observer.notice(Event::Found { digest, bytes: size });
            return Ok(());
        }
        let (content, observer) = (Arc::clone(content), Arc::clone(&self.observer));
        let proof = tokio::task::spawn_blocking(move || {
            content.prove(&mut |bytes| observer.notice(Event::Found { digest, bytes }))
        });
        let outcome = proof.await.map_err(BlobError::Task)?;
        outcome.map_err(|source| {
            state.proven = false;
            BlobError::Content { digest, source }
        })
    }

    fn content(&self, digest: &Digest) -> Result<Arc<dyn SourceBlob>, BlobError> {
        self.source
            .blob(digest)
            .ok_or_else(|| BlobError::Content { digest: *digest, source: io::ErrorKind::NotFound.into() })
    }
}
