//! The archive in zstd frames: `-o b.tar.zst`. Entries in order, so one is written at a time; small blobs
//! that come later are fetched meanwhile.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, BufRead};
use std::path::Path;
use std::sync::Arc;

use airlift_bundle::compare::frames_difference;
use airlift_bundle::plan::Content;
use airlift_bundle::read::archive::OpenError;
use airlift_bundle::write::part::Part;
use airlift_bundle::write::zst::{EntryWriter, FramesWriter};
use airlift_bundle::{Archive, PlannedEntry, Section, WriteError, resume};
use airlift_oci::{Descriptor, Digest, Event, Hasher, Observer, Phase};
use airlift_registry::{BlobSink, Error};
use tokio::task::JoinSet;

use crate::external::Origin;
use crate::fetch::{FetchError, Fetched, count_at_hand};
use crate::output::{BuildError, Output, blocking, bytes_of_blobs};
use crate::plan::Packing;

/// Blobs up to this size are fetched ahead, into memory; larger ones when it is their turn, straight into the
/// file.
const SMALL: u64 = 8 << 20;
/// So much of them is in memory at a time.
const WINDOW: u64 = 64 << 20;

impl Packing {
    /// Whether the file at `path` is this plan's archive in frames, to the last byte.
    pub(crate) async fn is_in_frames_at(
        &self,
        path: &Path,
        observer: &Arc<dyn Observer>,
    ) -> Result<bool, BuildError> {
        let (plan, owned, observer) = (Arc::clone(&self.plan), path.to_owned(), Arc::clone(observer));
        let read = |source| BuildError::Read { path: path.to_owned(), source };
        let found = blocking(move || {
            let archive = match Archive::open(&owned) {
                Ok(archive) => archive,
                Err(OpenError::Read { source, .. }) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(source);
                }
                Err(_) => return Ok(false),
            };
            let Some(storage) = archive.storage().filter(|storage| storage.is_compressed()) else {
                return Ok(false);
            };
            // Another size is another bundle, and needs no hashing.
            if archive.size() != plan.size() || frames_difference(storage, &plan).is_some() {
                return Ok(false);
            }
            let _phase = Phase::Check.start(&*observer, bytes_of_blobs(&plan));
            resume::is_archive_of(storage, &plan, 0, &*observer)
        });
        match found.await? {
            // What can't be unpacked is not it.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
            found => found.map_err(read),
        }
    }

    /// Writes the archive in frames to `part`, going on behind what it holds, and publishes it.
    pub(crate) async fn write_frames(
        &self,
        part: &Part,
        output: &Output,
        jobs: usize,
        observer: &Arc<dyn Observer>,
    ) -> Result<Fetched, BuildError> {
        let (mut writer, kept) = self.resumed(part, observer).await?;
        writer.write_known()?;
        let kept: u64 = self.plan.blobs().take(kept).map(|entry| entry.size).sum();
        let bytes = bytes_of_blobs(&self.plan) - kept;
        let phase = Phase::Fetch.start(&**observer, bytes);
        let mut fetched = self.fill(&mut writer, jobs, observer).await?;
        drop(phase);
        fetched.reused += kept;
        let (path, existing) = (output.path.clone(), output.existing);
        blocking(move || writer.finish().and_then(|()| writer.publish(&path, existing))).await??;
        Ok(fetched)
    }

    /// A writer behind what an earlier run left, and how many blobs that is.
    async fn resumed(
        &self,
        part: &Part,
        observer: &Arc<dyn Observer>,
    ) -> Result<(FramesWriter, usize), BuildError> {
        let mut writer = FramesWriter::within(part.path(), part.file(), &self.plan)?;
        let before_blobs = self.plan.entries().len() - self.plan.blobs().count();
        if part.is_resumed() {
            let (observer, plan) = (Arc::clone(observer), Arc::clone(&self.plan));
            writer = blocking(move || {
                let _phase = Phase::Resume.start(&*observer, bytes_of_blobs(&plan));
                writer.keep(&*observer).map(|()| writer)
            })
            .await??;
        }
        let kept = writer.written().saturating_sub(before_blobs);
        Ok((writer, kept))
    }

    /// Writes all entries that are missing, one after the other.
    async fn fill(
        &self,
        writer: &mut FramesWriter,
        jobs: usize,
        observer: &Arc<dyn Observer>,
    ) -> Result<Fetched, FetchError> {
        let mut total = Fetched::default();
        let mut ahead = Ahead::new(self, writer.written(), jobs);
        while let Some(mut entry) = writer.next_entry() {
            ahead.go_on(self, observer);
            let Some(errand) = self.errand_of(entry.entry()) else { break };
            let came = self.fill_entry(&mut entry, &errand, &mut ahead, observer).await?;
            entry.finish().map_err(|source| FetchError::Write { path: errand.path, source })?;
            observer.notice(Event::Finished { digest: errand.descriptor.digest });
            total.downloaded += came.downloaded;
            total.reused += came.reused;
        }
        Ok(total)
    }

    /// Writes one blob, from the nearest place that has it.
    async fn fill_entry(
        &self,
        entry: &mut EntryWriter<'_>,
        errand: &Errand,
        ahead: &mut Ahead,
        observer: &Arc<dyn Observer>,
    ) -> Result<Fetched, FetchError> {
        let Errand { descriptor, origin, path } = errand;
        let Descriptor { digest, size, .. } = *descriptor;
        let stored = |outcome: Result<(), WriteError>| {
            outcome.map_err(|source| FetchError::Write { path: path.clone(), source })
        };
        let refused = |source| FetchError::Registry { path: path.clone(), source };
        if let Some(came) = ahead.take(&digest).await? {
            let (content, downloaded) = came.map_err(refused)?;
            stored(entry.write(&content))?;
            return Ok(Fetched { downloaded, reused: 0 });
        }
        self.plan.announce(entry.entry(), &**observer);
        if let Some(bytes) = self.at_hand.get(&digest) {
            stored(entry.write(bytes))?;
            let downloaded = count_at_hand(descriptor, &**observer);
            return Ok(Fetched { downloaded, reused: size - downloaded });
        }
        for (shelf, section) in self.source.shelves.places(digest, size) {
            match copy(entry, &section, &digest, &**observer)
                .map_err(|source| FetchError::Write { path: path.clone(), source })?
            {
                Ok(true) => return Ok(Fetched { downloaded: 0, reused: size }),
                Ok(false) => {}
                Err(error) => {
                    let message =
                        format!("{}: what it holds of {digest} can't be read: {error}", shelf.display());
                    observer.notice(Event::Warning { message });
                }
            }
        }
        let mut sink = Sink { entry, failure: None };
        let fetched = origin.fetch(&self.source.transport, descriptor, None, &mut sink).await;
        match (fetched, sink.failure) {
            (_, Some(source)) => Err(FetchError::Write { path: path.clone(), source }),
            (fetched, None) => {
                fetched.map(|fetched| Fetched { downloaded: fetched.downloaded, reused: 0 }).map_err(refused)
            }
        }
    }

    fn errand_of(&self, entry: &PlannedEntry) -> Option<Errand> {
        let Content::Blob(position) = entry.content else { return None };
        let graph = self.plan.graph();
        let blob = graph.blobs.get(position)?;
        let origin = self.origin_of(blob)?;
        Some(Errand { descriptor: blob.descriptor.clone(), origin, path: graph.path_of_blob(blob) })
    }

    /// Whether there is a place to take a blob from without fetching it.
    fn is_at_hand(&self, entry: &PlannedEntry) -> bool {
        self.at_hand.contains_key(&entry.digest)
            || self.source.shelves.places(entry.digest, entry.size).next().is_some()
    }
}

/// What it takes to fetch a blob.
struct Errand {
    descriptor: Descriptor,
    origin: Origin,
    path: Vec<String>,
}

/// Copies a blob from what is at hand; the inner result says whether it was what it is called. If not,
/// nothing of it is left.
fn copy(
    entry: &mut EntryWriter<'_>,
    section: &Section,
    digest: &Digest,
    observer: &dyn Observer,
) -> Result<io::Result<bool>, WriteError> {
    let mut hasher = Hasher::new(digest.algorithm());
    let mut reader = section.reader();
    let (mut told, mut unreadable) = (0, None);
    loop {
        let piece = match reader.fill_buf() {
            Ok([]) => break,
            Ok(piece) => piece,
            Err(error) => {
                unreadable = Some(error);
                break;
            }
        };
        let count = piece.len();
        hasher.update(piece);
        entry.write(piece)?;
        reader.consume(count);
        told += count as u64;
        observer.notice(Event::Found { digest: *digest, bytes: count as u64 });
    }
    if unreadable.is_none() && hasher.finish() == *digest {
        return Ok(Ok(true));
    }
    observer.notice(Event::Rewound { digest: *digest, bytes: told });
    entry.restart()?;
    Ok(unreadable.map_or(Ok(false), Err))
}

/// Hands what arrives to the archive, and keeps the reason where that fails.
struct Sink<'a, 'b> {
    entry: &'a mut EntryWriter<'b>,
    failure: Option<WriteError>,
}

impl Sink<'_, '_> {
    fn told(&mut self, outcome: Result<(), WriteError>) -> io::Result<()> {
        outcome.map_err(|error| {
            let told = io::Error::other(error.to_string());
            self.failure = Some(error);
            told
        })
    }
}

impl BlobSink for Sink<'_, '_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let outcome = self.entry.write(piece);
        self.told(outcome)
    }

    fn restart(&mut self) -> io::Result<()> {
        let outcome = self.entry.restart();
        self.told(outcome)
    }
}

/// Keeps a small blob in memory. What comes is no more than its descriptor says; the transport sees to that.
struct Memory(Vec<u8>);

impl BlobSink for Memory {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(piece);
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }
}

/// What a blob that was fetched ahead came to: its content, and how many bytes crossed the network for it.
type Came = Result<(Vec<u8>, u64), Error>;

/// Small blobs on their way into memory, while others are written.
struct Ahead {
    /// Those that are still to be begun, in archive order.
    upcoming: VecDeque<PlannedEntry>,
    tasks: JoinSet<(Digest, Came)>,
    /// Begun, and not taken.
    begun: HashSet<Digest>,
    done: HashMap<Digest, Came>,
    /// Bytes of those that were begun and not taken.
    bytes: u64,
    jobs: usize,
}

impl Ahead {
    fn new(packing: &Packing, written: usize, jobs: usize) -> Self {
        let missing = packing.plan.entries().iter().skip(written);
        let upcoming = missing.filter(|entry| entry.size <= SMALL && !packing.is_at_hand(entry)).cloned();
        Ahead {
            upcoming: upcoming.collect(),
            tasks: JoinSet::new(),
            begun: HashSet::new(),
            done: HashMap::new(),
            bytes: 0,
            jobs: jobs.max(1),
        }
    }

    /// Begins with as many more as there is room for.
    fn go_on(&mut self, packing: &Packing, observer: &Arc<dyn Observer>) {
        while self.begun.len() < self.jobs
            && self.upcoming.front().is_some_and(|entry| self.bytes + entry.size <= WINDOW)
        {
            let Some(entry) = self.upcoming.pop_front() else { break };
            let Some(Errand { descriptor, origin, .. }) = packing.errand_of(&entry) else { continue };
            self.begun.insert(entry.digest);
            self.bytes += entry.size;
            packing.plan.announce(&entry, &**observer);
            let transport = packing.source.transport.clone();
            self.tasks.spawn(async move {
                let mut memory = Memory(Vec::new());
                let fetched = origin.fetch(&transport, &descriptor, None, &mut memory).await;
                (entry.digest, fetched.map(|fetched| (memory.0, fetched.downloaded)))
            });
        }
    }

    /// Waits for a blob that was begun; `None` for one that wasn't.
    async fn take(&mut self, digest: &Digest) -> Result<Option<Came>, FetchError> {
        if !self.begun.remove(digest) {
            return Ok(None);
        }
        while !self.done.contains_key(digest) {
            match self.tasks.join_next().await {
                Some(Ok((digest, came))) => drop(self.done.insert(digest, came)),
                Some(Err(error)) => return Err(FetchError::Task(error)),
                None => return Ok(None),
            }
        }
        let came = self.done.remove(digest);
        if let Some(Ok((content, _))) = &came {
            self.bytes -= content.len() as u64;
        }
        Ok(came)
    }
}
