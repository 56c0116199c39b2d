//! Brings blobs to repositories: each is looked for, mounted from a neighbour, or sent; and each is proven,
//! sent or not.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use airlift_oci::{Digest, Event, Observer, Repository};
use airlift_registry::{Error, Mount, Transport};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::ahead::Ahead;
use crate::source::{ContentSource, SourceBlob};
use crate::survey::has_blob;

/// Why a blob is not at the target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// The registry didn't take it.
    #[error(transparent)]
    Registry(#[from] Error),
    /// The bundle's content is not what it is called, or can't be read.
    #[error("the bundle's own {digest} failed its check (airlift verify tells where)")]
    Content {
        /// The content.
        digest: Digest,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// A task died.
    #[error("a transfer ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

/// How a blob came to be in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It was there.
    Skipped,
    /// The registry took it from another of its repositories.
    Mounted,
    /// It was sent.
    Uploaded,
}

/// What came of sending a blob that a repository had acknowledged, or was said to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Nothing was sent: the registry says that it is there.
    There,
    /// It was sent.
    Sent,
    /// It was sent for another manifest of this push, and that has to do.
    SentBefore,
}

/// Whose word counts on whether a blob is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belief {
    /// What the registry answers to a HEAD.
    Head,
    /// Nobody's: it is sent.
    Nobody,
}

/// What the run knows of one blob.
#[derive(Default)]
struct Knowledge {
    /// Repositories of the target that have it. Another one mounts it from the last of them.
    holders: Vec<Repository>,
    /// Whether its content in the bundle was hashed and found right.
    proven: bool,
    /// Repositories to which it was sent because they had lost it: once each.
    sent_again: HashSet<Repository>,
}

impl Knowledge {
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
    ahead: Arc<Ahead>,
    permits: Semaphore,
    known: Mutex<HashMap<Digest, Arc<AsyncMutex<Knowledge>>>>,
}

impl Blobs {
    pub(crate) fn new(
        source: Arc<dyn ContentSource>,
        transport: Transport,
        observer: Arc<dyn Observer>,
        jobs: usize,
    ) -> Self {
        let ahead = Arc::new(Ahead::new(transport.clone()));
        let permits = Semaphore::new(jobs.max(1));
        Blobs { source, transport, observer, ahead, permits, known: Mutex::default() }
    }

    /// Where blobs are looked for before their turn comes.
    pub(crate) fn ahead(&self) -> Arc<Ahead> {
        Arc::clone(&self.ahead)
    }

    fn knowledge(&self, digest: &Digest) -> Arc<AsyncMutex<Knowledge>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(*digest).or_default())
    }

    /// Brings a blob to `repository`. Only one task at a time works on one digest, so that a second
    /// repository can mount what the first was sent.
    pub(crate) async fn bring(
        &self,
        digest: Digest,
        label: String,
        repository: &Repository,
    ) -> Result<Arrival, BlobError> {
        let content = self.content(&digest)?;
        let knowledge = self.knowledge(&digest);
        let mut knowledge = knowledge.lock().await;
        let _permit = self.permits.acquire().await;
        self.observer.notice(Event::Started { digest, label, size: content.size() });
        let arrival = self.bring_now(&content, &mut knowledge, repository).await;
        self.observer.notice(Event::Finished { digest });
        arrival
    }

    async fn bring_now(
        &self,
        content: &Arc<dyn SourceBlob>,
        knowledge: &mut Knowledge,
        repository: &Repository,
    ) -> Result<Arrival, BlobError> {
        let digest = content.digest();
        let is_there = knowledge.holders.contains(repository)
            || self.ahead.is_there(repository, &digest, content.size()).await?;
        if is_there {
            self.prove(content, knowledge).await?;
            knowledge.hold(repository);
            return Ok(Arrival::Skipped);
        }
        if let Some(holder) = knowledge.holders.last()
            && self.transport.mount_blob(repository, &digest, holder).await? == Mount::Mounted
        {
            self.prove(content, knowledge).await?;
            knowledge.hold(repository);
            return Ok(Arrival::Mounted);
        }
        self.send(content, knowledge, repository).await.map(|()| Arrival::Uploaded)
    }

    async fn send(
        &self,
        content: &Arc<dyn SourceBlob>,
        knowledge: &mut Knowledge,
        repository: &Repository,
    ) -> Result<(), BlobError> {
        let digest = content.digest();
        match self.transport.put_blob(repository, &digest, content.size(), &**content).await {
            Ok(_) => {}
            Err(Error::Source { source, .. }) => return Err(BlobError::Content { digest, source }),
            Err(error) => return Err(error.into()),
        }
        knowledge.hold(repository);
        knowledge.proven = true;
        Ok(())
    }

    /// Sends a blob once more, which the registry says that it lacks though it was there or was sent. Not
    /// mounted: the repository that it would come from is as likely to be wrong.
    pub(crate) async fn bring_again(
        &self,
        digest: Digest,
        label: String,
        repository: &Repository,
        belief: Belief,
    ) -> Result<Again, BlobError> {
        let content = self.content(&digest)?;
        let knowledge = self.knowledge(&digest);
        let mut knowledge = knowledge.lock().await;
        if knowledge.sent_again.contains(repository) {
            return Ok(Again::SentBefore);
        }
        let _permit = self.permits.acquire().await;
        let wanted = (digest, content.size());
        if belief == Belief::Head && has_blob(&self.transport, repository, wanted).await? {
            return Ok(Again::There);
        }
        self.observer.notice(Event::Started { digest, label, size: content.size() });
        self.observer.notice(Event::Rewound { digest, bytes: content.size() });
        let sent = self.send(&content, &mut knowledge, repository).await;
        self.observer.notice(Event::Finished { digest });
        sent?;
        knowledge.sent_again.insert(repository.clone());
        Ok(Again::Sent)
    }

    /// Proves a blob that is not sent, because nothing of it is missing at the target. A push says that the
    /// bundle and the target agree, and that can't be said of a damaged bundle.
    pub(crate) async fn check(&self, digest: Digest, label: String) -> Result<(), BlobError> {
        let content = self.content(&digest)?;
        let knowledge = self.knowledge(&digest);
        let mut knowledge = knowledge.lock().await;
        let _permit = self.permits.acquire().await;
        self.observer.notice(Event::Started { digest, label, size: content.size() });
        let outcome = self.prove(&content, &mut knowledge).await;
        self.observer.notice(Event::Finished { digest });
        outcome
    }

    async fn prove(&self, content: &Arc<dyn SourceBlob>, knowledge: &mut Knowledge) -> Result<(), BlobError> {
        let (digest, size) = (content.digest(), content.size());
        if std::mem::replace(&mut knowledge.proven, true) {
            self.observer.notice(Event::Found { digest, bytes: size });
            return Ok(());
        }
        let (content, observer) = (Arc::clone(content), Arc::clone(&self.observer));
        let proof = tokio::task::spawn_blocking(move || {
            content.prove(&mut |bytes| observer.notice(Event::Found { digest, bytes }))
        });
        let outcome = proof.await.map_err(BlobError::Task)?;
        outcome.map_err(|source| {
            knowledge.proven = false;
            BlobError::Content { digest, source }
        })
    }

    fn content(&self, digest: &Digest) -> Result<Arc<dyn SourceBlob>, BlobError> {
        self.source
            .blob(digest)
            .ok_or_else(|| BlobError::Content { digest: *digest, source: io::ErrorKind::NotFound.into() })
    }
}
