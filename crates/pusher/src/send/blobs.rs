//! Brings blobs to repositories. Each blob is looked for, mounted from another repository, or sent; and each
//! is proven, sent or not.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use airlift_oci::{Digest, Event, Observer, Repository};
use airlift_registry::{Concurrency, Error, Mount, Transport};

use crate::existence::{Content, is_there};
use crate::lock::locked;
use crate::send::blob_permits::{BlobPermits, UploadedBlob};
use crate::send::blob_state::BlobState;
use crate::send::existence_cache::ExistenceCache;
use crate::send::transfers::Transfer;
use crate::source::{BlobOrigin, ContentSource, SourceBlob};

/// Why a blob is not at the target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// The registry didn't take it.
    #[error(transparent)]
    Registry(#[from] Error),
    /// The source's content doesn't match its digest, or can't be read.
    #[error("{}", unreadable(.digest, .origin))]
    Content {
        /// The content.
        digest: Digest,
        /// Where it was read from.
        origin: BlobOrigin,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// A task panicked.
    #[error("a transfer ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

fn unreadable(digest: &Digest, origin: &BlobOrigin) -> String {
    match origin {
        BlobOrigin::Bundle => {
            format!("the bundle's own {digest} failed its check (airlift verify shows where)")
        }
        BlobOrigin::Memory => format!("{digest} can't be read"),
        BlobOrigin::Layout(path) => format!("{digest} in {path} failed its check"),
        BlobOrigin::Registry(repository) => format!("can't get {digest} from {repository}"),
    }
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

/// A blob of the source, and what this push knows of it.
struct PushedBlob {
    content: Arc<dyn SourceBlob>,
    /// What people read.
    label: String,
    state: Arc<BlobState>,
}

/// The blobs of one push.
pub(crate) struct Blobs {
    source: Arc<dyn ContentSource>,
    transport: Transport,
    observer: Arc<dyn Observer>,
    existence: Arc<ExistenceCache>,
    permits: BlobPermits,
    known: Mutex<HashMap<Digest, Arc<BlobState>>>,
}

impl Blobs {
    pub(crate) fn new(
        source: Arc<dyn ContentSource>,
        transport: Transport,
        observer: Arc<dyn Observer>,
        concurrency: Concurrency,
    ) -> Self {
        let existence = Arc::new(ExistenceCache::new(transport.clone()));
        let permits = BlobPermits::new(concurrency);
        Blobs { source, transport, observer, existence, permits, known: Mutex::default() }
    }

    /// Whether blobs are at the target, found out before their turn comes.
    pub(crate) fn existence(&self) -> Arc<ExistenceCache> {
        Arc::clone(&self.existence)
    }

    fn blob(&self, digest: Digest, label: String) -> Result<PushedBlob, BlobError> {
        let content = self.source.blob(&digest);
        let content = content.ok_or_else(|| BlobError::Content {
            digest,
            origin: BlobOrigin::Bundle,
            source: io::ErrorKind::NotFound.into(),
        })?;
        let state = Arc::clone(locked(&self.known).entry(digest).or_default());
        if matches!(content.origin(), BlobOrigin::Registry(_)) {
            // There is nothing to agree with: what is sent from there is hashed on its way.
            state.note_proof();
        }
        Ok(PushedBlob { content, label, state })
    }

    /// Brings a blob to `repository`. The first repository that lacks it mounts it from the source, where
    /// that is at the same registry, or is sent it; the others mount it from there, side by side.
    ///
    /// # Errors
    /// If the blob can't be read or proven, or the registry doesn't take it.
    pub(crate) async fn bring(
        &self,
        digest: Digest,
        label: String,
        repository: &Repository,
    ) -> Result<Transfer, BlobError> {
        let blob = self.blob(digest, label)?;
        let turn = blob.state.turn(repository);
        let _turn = turn.lock().await;
        let is_there = blob.state.is_held_by(repository) || self.has_blob(repository, &blob).await?;
        if is_there {
            self.prove_once(&blob).await?;
            blob.state.hold(repository);
            return Ok(Transfer::Skipped);
        }
        let first = match blob.state.holder() {
            Some(_) => None,
            None => Some(blob.state.reading().await),
        };
        // It may have got there while this task waited.
        let holder = blob.state.holder();
        // Those that wait for the first one wait until it is there.
        let _first = first.filter(|_| holder.is_none());
        let mountable = holder.or_else(|| match blob.content.origin() {
            BlobOrigin::Registry(from) => Some(from),
            BlobOrigin::Bundle | BlobOrigin::Memory | BlobOrigin::Layout(_) => None,
        });
        if let Some(from) = mountable
            && self.mount(&blob, repository, &from).await?
        {
            return Ok(Transfer::Mounted);
        }
        self.send(&blob, repository).await.map(|()| Transfer::Uploaded)
    }

    /// Mounts a blob from another repository of the registry; says whether that worked.
    async fn mount(
        &self,
        blob: &PushedBlob,
        repository: &Repository,
        from: &Repository,
    ) -> Result<bool, BlobError> {
        let digest = blob.content.digest();
        // On the heap: many tasks wait, and all would have room for it.
        if Box::pin(self.transport.mount_blob(repository, &digest, from)).await? == Mount::NotMounted {
            return Ok(false);
        }
        self.prove_once(blob).await?;
        blob.state.hold(repository);
        Ok(true)
    }

    async fn has_blob(&self, repository: &Repository, blob: &PushedBlob) -> Result<bool, Error> {
        let (digest, size) = (blob.content.digest(), blob.content.size());
        // On the heap: many tasks wait, and all would have room for it.
        Box::pin(self.existence.has_blob(repository, &digest, size)).await
    }

    async fn send(&self, blob: &PushedBlob, repository: &Repository) -> Result<(), BlobError> {
        let _permit = self.permits.upload(blob.content.size()).await;
        // On the heap: many tasks wait, and all would have room for it.
        self.announced(blob, Box::pin(self.put(blob, repository))).await
    }

    async fn put(&self, blob: &PushedBlob, repository: &Repository) -> Result<(), BlobError> {
        let PushedBlob { content, state, .. } = blob;
        let (digest, size) = (content.digest(), content.size());
        let permits = &self.permits;
        let source = UploadedBlob { content: &**content, size, permits, attempts: AtomicUsize::new(0) };
        match self.transport.put_blob(repository, &digest, size, &source).await {
            Ok(_) => permits.note_arrival(size, source.attempts.load(Ordering::Relaxed)),
            Err(Error::Source { source, .. }) => {
                return Err(BlobError::Content { digest, origin: content.origin(), source });
            }
            Err(error) => return Err(error.into()),
        }
        state.hold(repository);
        state.note_proof();
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
        let blob = self.blob(digest, label)?;
        let turn = blob.state.turn(repository);
        let _turn = turn.lock().await;
        if blob.state.was_sent_again(repository) {
            return Ok(Reupload::SentBefore);
        }
        let size = blob.content.size();
        let _permit = self.permits.upload(size).await;
        if recheck == Recheck::Head
            && is_there(&self.transport, repository, Content::Blob(digest, size)).await?
        {
            return Ok(Reupload::There);
        }
        let put = async {
            self.observer.notice(Event::Rewound { digest, bytes: size });
            self.put(&blob, repository).await
        };
        self.announced(&blob, put).await?;
        blob.state.note_sent_again(repository);
        Ok(Reupload::Sent)
    }

    /// Proves a blob that is not sent because the target has it. A push says that the bundle and the target
    /// agree, and a damaged bundle agrees with nothing.
    ///
    /// # Errors
    /// If the blob can't be read, or doesn't match its digest.
    pub(crate) async fn prove(&self, digest: Digest, label: String) -> Result<(), BlobError> {
        self.prove_once(&self.blob(digest, label)?).await
    }

    async fn prove_once(&self, blob: &PushedBlob) -> Result<(), BlobError> {
        // An upload that runs proves it, too.
        let reading = if blob.state.is_proven() { None } else { Some(blob.state.reading().await) };
        let (digest, bytes) = (blob.content.digest(), blob.content.size());
        if blob.state.is_proven() {
            drop(reading);
            let found = async { self.observer.notice(Event::Found { digest, bytes }) };
            self.announced(blob, found).await;
            return Ok(());
        }
        let _permit = self.permits.read(bytes).await;
        let (content, observer) = (Arc::clone(&blob.content), Arc::clone(&self.observer));
        let prove = move || content.prove(&mut |bytes| observer.notice(Event::Found { digest, bytes }));
        let proof = self.announced(blob, tokio::task::spawn_blocking(prove)).await;
        let unreadable = |source| BlobError::Content { digest, origin: blob.content.origin(), source };
        proof.map_err(BlobError::Task)?.map_err(unreadable)?;
        blob.state.note_proof();
        Ok(())
    }

    /// Does `work`; observers see it as work on the blob.
    async fn announced<T>(&self, blob: &PushedBlob, work: impl Future<Output = T>) -> T {
        let (digest, size) = (blob.content.digest(), blob.content.size());
        self.observer.notice(Event::Started { digest, label: blob.label.clone(), size });
        let outcome = work.await;
        self.observer.notice(Event::Finished { digest });
        outcome
    }
}
