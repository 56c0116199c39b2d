//! One blob on its way into the output, from the nearest place that has it.

use std::io::BufRead;
use std::path::Path;

use airlift_bundle::resume::{ResumeState, hash_blob};
use airlift_bundle::{BlobWriter, BundleWriter, PlannedEntry, Section, WriteError};
use airlift_oci::{Digest, Event, Observer};

use crate::error::FetchError;
use crate::error_list::Several;
use crate::fetched::Fetched;
use crate::layouts::{Damage, LayoutDamage};
use crate::location::LayoutPath;
use crate::nearest_copy::NearestCopy;
use crate::remote_blob::RemoteBlob;
use crate::room::Room;
use crate::sink::WriterSink;

/// One blob to be written.
pub(crate) struct BlobJob {
    pub(crate) entry: PlannedEntry,
    /// Where it stands, for people.
    pub(crate) path: Vec<String>,
    /// How much of it the output has.
    pub(crate) state: ResumeState,
    pub(crate) nearest: NearestCopy,
    /// Whether it is in a descriptor.
    pub(crate) is_inline: bool,
    pub(crate) fallback: Fallback,
    /// Its room among the blobs that are fetched side by side.
    pub(crate) room: Option<Room>,
}

/// What to do about a blob that no place on this machine has as its digest says.
pub(crate) enum Fallback {
    /// It is fetched.
    Fetch(Box<RemoteBlob>),
    /// It should have been in a layout, so this is an error.
    Report(LayoutPath),
}

/// How bytes that are copied count towards the phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// As the phase's own work.
    Advanced,
    /// As bytes that were there already, which say nothing of the speed of fetching.
    Found,
}

impl Counted {
    fn event(self, digest: Digest, bytes: usize) -> Event {
        let bytes = bytes as u64;
        match self {
            Counted::Advanced => Event::Advanced { digest, bytes },
            Counted::Found => Event::Found { digest, bytes },
        }
    }
}

impl BlobJob {
    /// Announces that work on the blob starts.
    pub(crate) fn announce(&self, observer: &dyn Observer) {
        let PlannedEntry { digest, size, .. } = self.entry;
        observer.notice(Event::Started { digest, label: self.path.join(" "), size });
    }

    /// Writes all of the blob that the output lacks.
    pub(crate) async fn deliver(
        mut self,
        writer: &dyn BundleWriter,
        observer: &dyn Observer,
    ) -> Result<Fetched, FetchError> {
        let nearest = std::mem::replace(&mut self.nearest, NearestCopy::Network);
        if !matches!(nearest, NearestCopy::Prefetched { .. }) {
            self.announce(observer);
        }
        let mut blob = writer.blob(&self.entry).map_err(|source| self.not_written(source))?;
        let downloaded = match nearest {
            NearestCopy::Memory(bytes) => {
                blob.write(&bytes).map_err(|source| self.not_written(source))?;
                self.count_in_memory(observer)
            }
            NearestCopy::Prefetched { bytes, downloaded } => {
                blob.write(&bytes).map_err(|source| self.not_written(source))?;
                downloaded
            }
            NearestCopy::Local(places) => {
                self.state = self.copy(&places, &mut *blob, Counted::Found, observer)?;
                match self.state {
                    ResumeState::Complete => 0,
                    _ => self.fetch(&mut *blob).await?,
                }
            }
            NearestCopy::Network => self.fetch(&mut *blob).await?,
        };
        blob.finish().map_err(|source| self.not_written(source))?;
        let PlannedEntry { digest, size, .. } = self.entry;
        observer.notice(Event::Finished { digest });
        Ok(Fetched { downloaded, reused: size.saturating_sub(downloaded) })
    }

    fn not_written(&self, source: WriteError) -> FetchError {
        FetchError::Write { path: self.path.clone(), source }
    }

    /// Counts a blob that is in memory; gives what of it came over the network. A config that was read for
    /// its platform did, in this run; inline data was in a manifest.
    fn count_in_memory(&self, observer: &dyn Observer) -> u64 {
        let PlannedEntry { digest, size: bytes, .. } = self.entry;
        observer.notice(if self.is_inline {
            Event::Found { digest, bytes }
        } else {
            Event::Advanced { digest, bytes }
        });
        if self.is_inline { 0 } else { bytes }
    }

    /// Fetches what the output lacks; says how many bytes came.
    async fn fetch(&mut self, blob: &mut dyn BlobWriter) -> Result<u64, FetchError> {
        let remote = match &self.fallback {
            Fallback::Fetch(remote) => remote,
            Fallback::Report(layout) => return Err(Several::from(self.damage_in(layout)).into()),
        };
        let begun = match std::mem::take(&mut self.state) {
            ResumeState::Prefix(prefix) => {
                let kept = blob.go_back_to(prefix.bytes).map_err(|source| self.not_written(source))?;
                (kept == prefix.bytes).then_some(*prefix)
            }
            ResumeState::Complete | ResumeState::Missing => None,
        };
        let missing = self.entry.size - begun.as_ref().map_or(0, |begun| begun.bytes);
        let mut sink = WriterSink::new(blob, self.room.as_mut());
        let fetched = remote.fetch(begun, &mut sink).await;
        match (fetched, sink.failure) {
            (_, Some(source)) => Err(self.not_written(source)),
            (Err(source), None) => {
                Err(FetchError::Registry { path: self.path.clone(), mirror: remote.mirror(), source })
            }
            (Ok(downloaded), None) => Ok(downloaded.max(missing)),
        }
    }

    /// What is wrong with the layout that should have the blob: nothing that is there under its digest has
    /// that digest.
    fn damage_in(&self, layout: &LayoutPath) -> LayoutDamage {
        let (path, digest) = (self.path.clone(), self.entry.digest);
        LayoutDamage { layout: layout.clone(), path, digest, damage: Damage::Altered }
    }

    /// The same, if the blob should be in a layout.
    pub(crate) fn damage(&self) -> Option<LayoutDamage> {
        match &self.fallback {
            Fallback::Report(layout) => Some(self.damage_in(layout)),
            Fallback::Fetch(_) => None,
        }
    }

    /// Copies the blob from local content, as far as any has it; says how much the output has then. Content
    /// that can't be read is passed over.
    pub(crate) fn copy(
        &self,
        places: &[(std::path::PathBuf, Section)],
        blob: &mut dyn BlobWriter,
        counted: Counted,
        observer: &dyn Observer,
    ) -> Result<ResumeState, FetchError> {
        let mut state = self.state.clone();
        for (path, section) in places {
            let copying = Copying { job: self, path, section, counted, observer };
            state = copying.copy(state, blob)?;
            if matches!(state, ResumeState::Complete) {
                break;
            }
        }
        Ok(state)
    }
}

/// One place that a blob is copied from.
struct Copying<'a> {
    job: &'a BlobJob,
    path: &'a Path,
    section: &'a Section,
    counted: Counted,
    observer: &'a dyn Observer,
}

impl Copying<'_> {
    fn copy(&self, before: ResumeState, blob: &mut dyn BlobWriter) -> Result<ResumeState, FetchError> {
        let has_prefix = matches!(before, ResumeState::Prefix(_));
        // A prefix that is at its place is overwritten only by a complete blob. And a stream must not get
        // wrong bytes.
        if (has_prefix || !blob.can_go_back()) && !self.is_proven() {
            return Ok(before);
        }
        if !blob.can_go_back() {
            return self.pass_on(blob).map(|()| ResumeState::Complete);
        }
        if has_prefix {
            self.go_back(blob, 0)?;
        }
        let digest = self.job.entry.digest;
        let mut passed = 0;
        let outcome = hash_blob(self.section, &digest, |piece| {
            blob.write(piece)?;
            passed += piece.len() as u64;
            self.count(piece);
            Ok::<(), WriteError>(())
        });
        let state = match outcome {
            Ok(Ok(ResumeState::Complete)) => return Ok(ResumeState::Complete),
            Ok(Ok(state)) => state,
            Ok(Err(source)) => return Err(self.job.not_written(source)),
            Err(error) => {
                self.warn(&error);
                ResumeState::Missing
            }
        };
        self.observer.notice(Event::Rewound { digest, bytes: passed });
        let kept = if let ResumeState::Prefix(prefix) = &state { prefix.bytes } else { 0 };
        let is_kept = self.go_back(blob, kept)? == kept;
        Ok(if is_kept { state } else { ResumeState::Missing })
    }

    fn go_back(&self, blob: &mut dyn BlobWriter, bytes: u64) -> Result<u64, FetchError> {
        blob.go_back_to(bytes).map_err(|source| self.job.not_written(source))
    }

    fn is_proven(&self) -> bool {
        let digest = self.job.entry.digest;
        match self.section.digest(digest.algorithm(), |_| ()) {
            Ok(found) => found == digest,
            Err(error) => {
                self.warn(&error);
                false
            }
        }
    }

    /// Copies content that was just proven. The writer proves it again.
    fn pass_on(&self, blob: &mut dyn BlobWriter) -> Result<(), FetchError> {
        let changed = |source| FetchError::Changed { path: self.job.path.clone(), source };
        let mut reader = self.section.reader();
        loop {
            let piece = reader.fill_buf().map_err(changed)?;
            let count = piece.len();
            if count == 0 {
                return Ok(());
            }
            blob.write(piece).map_err(|source| self.job.not_written(source))?;
            self.count(piece);
            reader.consume(count);
        }
    }

    fn count(&self, piece: &[u8]) {
        self.observer.notice(self.counted.event(self.job.entry.digest, piece.len()));
    }

    fn warn(&self, error: &std::io::Error) {
        let (path, digest) = (self.path.display(), self.job.entry.digest);
        let message = format!("{path}: what it holds of {digest} can't be read: {error}");
        self.observer.notice(Event::Warning { message, remedy: None });
    }
}
