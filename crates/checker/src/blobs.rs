//! Blobs: whether they are there, and whether they are what their digests say.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use airlift_oci::{Descriptor, Digest, Event, Graph, Host, Observer, Repository};
use airlift_registry::{Access, BlobSink, ContentFault, Error, HeadTrust, Lookup};
use tokio::sync::Semaphore;

use crate::blob_trust::{self, BlobTrust};
use crate::error::CheckError;
use crate::hosts::Hosts;
use crate::once::Once;
use crate::options::{CheckOptions, Depth};

/// A blob that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundBlob {
    There,
    Absent,
    /// It has other bytes.
    Damaged,
}

type Answer = Result<FoundBlob, CheckError>;

/// The blobs of all repositories.
pub(crate) struct Blobs {
    depth: Depth,
    trust: Once<Repository, BlobTrust>,
    present: Once<(Repository, Digest), Answer>,
    /// Of each registry, the first repository from which a blob was read, and what came of it.
    read: Once<(Host, Digest), (Repository, Answer)>,
    /// Blobs that are read at a time.
    reads: Semaphore,
    /// Blobs of which the observer knows that they are to be read.
    announced: Mutex<HashSet<(Host, Digest)>>,
    observer: Arc<dyn Observer>,
}

/// Takes bytes, which were hashed already, and keeps none.
struct Nowhere;

impl BlobSink for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Blobs {
    pub(crate) fn new(options: &CheckOptions, observer: Arc<dyn Observer>) -> Self {
        Blobs {
            depth: options.depth,
            trust: Once::default(),
            present: Once::default(),
            read: Once::default(),
            reads: Semaphore::new(options.jobs.max(1)),
            announced: Mutex::default(),
            observer,
        }
    }

    /// Informs the observer of the bytes that are to be read for an image.
    pub(crate) fn announce(&self, repository: &Repository, graph: &Graph) {
        if self.depth == Depth::Presence {
            return;
        }
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let new = graph.blobs().map(|entry| entry.descriptor);
        let new = new.filter(|blob| announced.insert((repository.host().clone(), blob.digest)));
        let bytes = new.fold(0, |bytes: u64, blob| bytes.saturating_add(blob.size));
        self.observer.notice(Event::Lengthened { bytes });
    }

    /// Whether a repository has the blob.
    pub(crate) async fn get(&self, hosts: &Hosts, repository: &Repository, blob: &Descriptor) -> Answer {
        let key = (repository.clone(), blob.digest);
        let ask = async {
            match self.depth {
                Depth::Presence => self.look_up(hosts, repository, blob).await,
                Depth::Bytes => self.read(hosts, repository, blob).await,
            }
        };
        self.present.get(key, ask).await
    }

    async fn look_up(&self, hosts: &Hosts, repository: &Repository, blob: &Descriptor) -> Answer {
        let trust = match self.trust.get(repository.clone(), blob_trust::of(hosts, repository)).await {
            BlobTrust::Heads => HeadTrust::IfFound,
            BlobTrust::Gets => HeadTrust::Never(blob.digest),
            BlobTrust::Bytes => return Err(CheckError::SaysYes(repository.clone())),
        };
        let wanted = (blob.digest, blob.size);
        let request = hosts.transport.look_up_blob(repository, wanted, Access::Pull, trust);
        match hosts.ask(repository, request).await? {
            Lookup::There(()) => Ok(FoundBlob::There),
            Lookup::Absent => Ok(FoundBlob::Absent),
            Lookup::Hidden(refusal) => Err(CheckError::Hidden(refusal)),
        }
    }

    /// Reads the blob, once from each registry. In its other repositories, it need only be there.
    async fn read(&self, hosts: &Hosts, repository: &Repository, blob: &Descriptor) -> Answer {
        let key = (repository.host().clone(), blob.digest);
        let ask = async { (repository.clone(), self.fetch(hosts, repository, blob).await) };
        match self.read.get(key, ask).await {
            (first, answer) if first == *repository => answer,
            (_, Ok(FoundBlob::There)) => self.look_up(hosts, repository, blob).await,
            (_, Ok(FoundBlob::Damaged)) => Ok(FoundBlob::Damaged),
            // The other repository doesn't have it.
            (_, Ok(FoundBlob::Absent) | Err(_)) => {
                self.observer.notice(Event::Lengthened { bytes: blob.size });
                self.fetch(hosts, repository, blob).await
            }
        }
    }

    async fn fetch(&self, hosts: &Hosts, repository: &Repository, blob: &Descriptor) -> Answer {
        // It is never closed.
        let _permit = self.reads.acquire().await;
        let Descriptor { digest, size, .. } = *blob;
        let label = format!("{repository} {}", digest.short());
        self.observer.notice(Event::Started { digest, label, size });
        let mut nowhere = Nowhere;
        let answer = hosts.ask(repository, hosts.transport.fetch_blob(repository, blob, &mut nowhere)).await;
        self.observer.notice(Event::Finished { digest });
        if answer.is_err() {
            self.observer.notice(Event::Shortened { bytes: size });
        }
        match answer {
            Ok(_) => Ok(FoundBlob::There),
            Err(error) => match error.registry() {
                Some(Error::NotFound(_)) => Ok(FoundBlob::Absent),
                Some(Error::Content { fault, .. }) if is_of_bytes(fault) => Ok(FoundBlob::Damaged),
                _ => Err(error),
            },
        }
    }
}

/// Whether the bytes are other ones, or not as many as belong there.
fn is_of_bytes(fault: &ContentFault) -> bool {
    matches!(
        fault,
        ContentFault::Digest { .. }
            | ContentFault::Size { .. }
            | ContentFault::Overlong { .. }
            | ContentFault::Short { .. }
            | ContentFault::Empty
    )
}
