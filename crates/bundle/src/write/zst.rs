//! An archive in zstd frames, in one file: `-o b.tar.zst`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_oci::{Observer, Phase};

use crate::compare::frames_difference;
use crate::error::OpenError;
use crate::plan::{Plan, PlannedEntry};
use crate::read::archive::Archive;
use crate::resume::{ResumeState, is_archive_of};
use crate::write::error::{Existing, UnfitError, WriteError};
use crate::write::exclusive::Exclusive;
use crate::write::file::OneFile;
use crate::write::frames::{EntryWriter, FramesWriter, size_at_most};
use crate::write::locks::Lock;
use crate::write::output::{
    BlobWriter, BundleWriter, Leftovers, Measure, OpenOutput, OpenedOutput, Order, OutputForm, OutputSize,
    Published,
};
use crate::write::publish::publish_file;
use crate::write::unfinished_file::UnfinishedFile;
use crate::zst;

/// The form of an archive in zstd frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zst;

impl OutputForm for Zst {
    fn measure(&self, plan: &Plan) -> Result<Measure, UnfitError> {
        if !zst::fits(plan) {
            return Err(UnfitError::Frames { size: plan.size() });
        }
        Ok(Measure { size: OutputSize::AtMost(size_at_most(plan)), volumes: None })
    }

    fn complete_at(
        &self,
        path: &Path,
        plan: &Plan,
        observer: &dyn Observer,
    ) -> io::Result<Option<Published>> {
        match is_in_frames_at(path, plan, observer) {
            Ok(true) => Ok(Some(Published { size: std::fs::metadata(path)?.len(), volumes: None })),
            Ok(false) => Ok(None),
            // A file that can't be unpacked is not this archive.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(&self, path: &Path) -> Result<OpenedOutput, WriteError> {
        let (file, contents) = OneFile::open(path)?;
        Ok(OpenedOutput { output: Box::new(OpenZst(file)), contents })
    }
}

/// Whether the file at `path` is this plan's archive in frames, to the last byte.
fn is_in_frames_at(path: &Path, plan: &Plan, observer: &dyn Observer) -> io::Result<bool> {
    let archive = match Archive::open(path) {
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
    if archive.size() != plan.size() || frames_difference(storage, plan).is_some() {
        return Ok(false);
    }
    let _phase = Phase::Check.start(observer, plan.blob_bytes());
    is_archive_of(storage, plan, 0, observer)
}

#[derive(Debug)]
struct OpenZst(OneFile);

impl OpenOutput for OpenZst {
    fn writer(&self, plan: &Arc<Plan>) -> Result<(Arc<dyn BundleWriter>, Leftovers), WriteError> {
        let (part, leftovers) = self.0.part_for(plan)?;
        let frames = Exclusive::new(Box::new(FramesWriter::within(part.path(), part.file(), plan)?));
        let (plan, output) = (Arc::clone(plan), self.0.output().to_owned());
        Ok((Arc::new(ZstWriter { plan, part, output, frames }), leftovers))
    }
}

/// Writes frames into an unfinished file. `part` holds the lock.
struct ZstWriter {
    plan: Arc<Plan>,
    part: UnfinishedFile,
    output: PathBuf,
    frames: Exclusive<Box<FramesWriter>>,
}

impl ZstWriter {
    fn take(&self) -> Result<Box<FramesWriter>, WriteError> {
        self.frames.take().ok_or(WriteError::OutOfTurn)
    }
}

impl BundleWriter for ZstWriter {
    fn lock(&self) -> Lock {
        self.part.lock()
    }

    fn order(&self) -> Order {
        Order::Archive
    }

    fn resume(&self, observer: &dyn Observer) -> Result<Vec<ResumeState>, WriteError> {
        let mut frames = self.take()?;
        if self.part.is_resumed() {
            let _phase = Phase::Resume.start(observer, self.plan.blob_bytes());
            frames.keep(observer)?;
        }
        let blobs = self.plan.blobs().count();
        let kept = frames.written().saturating_sub(self.plan.entry_count() - blobs);
        self.frames.put(frames);
        let state = |number| if number < kept { ResumeState::Complete } else { ResumeState::Missing };
        Ok((0..blobs).map(state).collect())
    }

    fn write_known(&self) -> Result<(), WriteError> {
        let mut frames = self.take()?;
        frames.write_known()?;
        self.frames.put(frames);
        Ok(())
    }

    fn blob(&self, entry: &PlannedEntry) -> Result<Box<dyn BlobWriter>, WriteError> {
        let writer = EntryWriter::next(self.take()?).filter(|next| next.entry() == entry);
        let writer = writer.ok_or(WriteError::OutOfTurn)?;
        Ok(Box::new(ZstBlob { writer, back_to: self.frames.clone() }))
    }

    /// Nothing is at its final place before all of it is.
    fn sync(&self) -> Result<(), WriteError> {
        Ok(())
    }

    fn publish(&self, existing: Existing, _: &dyn Observer) -> Result<Published, WriteError> {
        let mut frames = self.take()?;
        frames.finish()?;
        publish_file(frames.path(), &self.output, existing)?;
        Ok(Published { size: frames.position(), volumes: None })
    }
}

/// A blob on its way into frames.
struct ZstBlob {
    writer: EntryWriter<Box<FramesWriter>>,
    /// Where the frames go when the blob is complete.
    back_to: Exclusive<Box<FramesWriter>>,
}

impl BlobWriter for ZstBlob {
    fn write(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        self.writer.write(piece)
    }

    /// Frames can't be entered in the middle, so nothing is kept.
    fn go_back_to(&mut self, _: u64) -> Result<u64, WriteError> {
        self.writer.restart().map(|()| 0)
    }

    fn can_go_back(&self) -> bool {
        true
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        let frames = self.writer.finish()?;
        self.back_to.put(frames);
        Ok(())
    }
}
