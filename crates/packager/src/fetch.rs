//! Fetches the planned blobs, side by side, each to its final place.

use std::sync::Arc;

use airlift_bundle::plan::Content;
use airlift_bundle::resume::ResumeState;
use airlift_bundle::{BlobWriter, PlannedEntry, WriteError, Writer};
use airlift_oci::{Descriptor, Event, HashedPrefix, Observer, Phase};
use airlift_registry::{BlobSink, Error};
use bytes::Bytes;
use tokio::task::JoinSet;

use crate::external::Origin;
use crate::plan::Packing;

/// Why a blob is not in the archive.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It could not be fetched.
    #[error("can't fetch {}", .path.join(" → "))]
    Registry {
        /// Where it stands.
        path: Vec<String>,
        /// What happened.
        #[source]
        source: Error,
    },
    /// It could not be written.
    #[error("can't store {}", .path.join(" → "))]
    Write {
        /// Where it stands.
        path: Vec<String>,
        /// What happened.
        #[source]
        source: WriteError,
    },
    /// The task that fetched it died.
    #[error("a transfer ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

/// What it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes of blobs that came over the network.
    pub downloaded: u64,
    /// Bytes of blobs that were there already, hashed again.
    pub reused: u64,
}

/// Counts a blob that is in memory; gives what of it came over the network. A config that was read for its
/// platform did, in this run; inline data was in a manifest.
pub(crate) fn count_at_hand(descriptor: &Descriptor, observer: &dyn Observer) -> u64 {
    let (digest, bytes) = (descriptor.digest, descriptor.size);
    let is_inline = descriptor.data.is_some();
    observer.notice(if is_inline {
        Event::Found { digest, bytes }
    } else {
        Event::Advanced { digest, bytes }
    });
    if is_inline { 0 } else { bytes }
}

/// One blob to fetch, with all that its task needs.
struct Errand {
    entry: PlannedEntry,
    descriptor: Descriptor,
    origin: Origin,
    at_hand: Option<Bytes>,
    /// The start that is at its place already.
    begun: Option<HashedPrefix>,
    path: Vec<String>,
}

impl Packing {
    /// Fetches the blobs that `held` doesn't mark as whole, from behind what is there of them. The first
    /// failure ends it; what was written stays.
    pub(crate) async fn fetch(
        &self,
        writer: &Arc<Writer>,
        held: Vec<ResumeState>,
        jobs: usize,
        observer: &Arc<dyn Observer>,
    ) -> Result<Fetched, FetchError> {
        let mut total = Fetched::default();
        let mut errands = Vec::new();
        for (entry, held) in self.plan.blobs().zip(held) {
            match held {
                ResumeState::Complete => total.reused += entry.size,
                ResumeState::Prefix(begun) => errands.extend(self.errand(entry, Some(*begun))),
                ResumeState::Missing => errands.extend(self.errand(entry, None)),
            }
        }
        let bytes = errands.iter().map(|errand| errand.entry.size).sum();
        let _phase = Phase::Fetch.start(&**observer, bytes);
        // The largest first, so that none of them starts when the others are done. Taken from the back.
        errands.sort_by_key(|errand| errand.entry.size);
        let mut tasks = JoinSet::new();
        let outcome = loop {
            while tasks.len() < jobs.max(1)
                && let Some(errand) = errands.pop()
            {
                tasks.spawn(self.run(errand, writer, observer));
            }
            match tasks.join_next().await {
                None => break Ok(total),
                Some(Ok(Ok(one))) => {
                    total.downloaded += one.downloaded;
                    total.reused += one.reused;
                }
                Some(Ok(Err(error))) => break Err(error),
                Some(Err(error)) => break Err(FetchError::Task(error)),
            }
        };
        tasks.shutdown().await;
        outcome
    }

    fn errand(&self, entry: &PlannedEntry, begun: Option<HashedPrefix>) -> Option<Errand> {
        let Content::Blob(position) = entry.content else {
            return None;
        };
        let graph = self.plan.graph();
        let blob = graph.blobs.get(position)?;
        Some(Errand {
            entry: entry.clone(),
            descriptor: blob.descriptor.clone(),
            origin: self.origin_of(blob)?,
            at_hand: self.at_hand.get(&entry.digest).cloned(),
            begun,
            path: graph.path_of_blob(blob),
        })
    }

    fn run(
        &self,
        errand: Errand,
        writer: &Arc<Writer>,
        observer: &Arc<dyn Observer>,
    ) -> impl Future<Output = Result<Fetched, FetchError>> + Send + 'static {
        let (transport, observer) = (self.source.transport.clone(), Arc::clone(observer));
        let mut sink = Sink { writer: writer.blob(&errand.entry), failure: None };
        async move {
            let Errand { entry, descriptor, origin, at_hand, begun, path } = errand;
            let (digest, size) = (entry.digest, entry.size);
            observer.notice(Event::Started { digest, label: path.join(" "), size });
            let came = match at_hand {
                Some(bytes) => {
                    let downloaded = count_at_hand(&descriptor, &*observer);
                    match sink.writer.write(&bytes) {
                        Ok(()) => Ok(downloaded),
                        Err(source) => return Err(FetchError::Write { path, source }),
                    }
                }
                None => {
                    if let Some(begun) = &begun
                        && let Err(source) = sink.writer.go_on_behind(begun.bytes)
                    {
                        return Err(FetchError::Write { path, source });
                    }
                    let had = begun.as_ref().map_or(0, |begun| begun.bytes);
                    let fetched = origin.fetch(&transport, &descriptor, begun, &mut sink).await;
                    fetched.map(|fetched| fetched.downloaded.max(size - had))
                }
            };
            let downloaded = match (came, sink.failure) {
                (_, Some(source)) => return Err(FetchError::Write { path, source }),
                (Err(source), None) => return Err(FetchError::Registry { path, source }),
                (Ok(downloaded), None) => downloaded,
            };
            sink.writer.finish().map_err(|source| FetchError::Write { path, source })?;
            observer.notice(Event::Finished { digest });
            Ok(Fetched { downloaded, reused: size.saturating_sub(downloaded) })
        }
    }
}

/// Hands what arrives to the archive, and keeps the reason where that fails.
struct Sink {
    writer: BlobWriter,
    failure: Option<WriteError>,
}

impl BlobSink for Sink {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.writer.write(piece).map_err(|error| {
            let told = std::io::Error::other(error.to_string());
            self.failure = Some(error);
            told
        })
    }

    fn restart(&mut self) -> std::io::Result<()> {
        self.writer.restart();
        Ok(())
    }
}
