//! The bytes of a tar archive as one stretch, in whatever way they lie on disk.
//!
//! Everybody above speaks of *logical* offsets: bytes from the start of the tar archive. Where these lie is
//! said here and nowhere else. To add a way of lying, such as several files one behind the other, add a
//! `Kind`, say its length in [`Storage::len`], and in `Storage::run` in which file, and where in it, the
//! bytes from a logical offset on lie and how many of them lie there in a row. Reading, hashing in place,
//! scanning and comparing go by that. [`crate::Archive::open`] chooses.

use std::fs::File;
use std::io;
use std::sync::Arc;

use airlift_disk::files::Pieces;
use airlift_disk::read::ReadAt;
use airlift_disk::run::{Run, RunReader};

use crate::content::stretch::Stretch;
use crate::finding::VolumePlace;
use crate::zst::frames::Frames;

/// The bytes of a tar archive. Clones share the open files.
#[derive(Clone, Debug)]
pub struct Storage {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// One file, which is the archive.
    Plain(Arc<File>),
    /// Frames that unpack to it.
    Frames(Arc<Frames>),
    /// Several files, one behind the other.
    Pieces(Arc<Pieces>),
}

impl From<Arc<File>> for Storage {
    fn from(file: Arc<File>) -> Self {
        Storage { kind: Kind::Plain(file) }
    }
}

impl From<Frames> for Storage {
    fn from(frames: Frames) -> Self {
        Storage { kind: Kind::Frames(Arc::new(frames)) }
    }
}

impl From<Arc<Pieces>> for Storage {
    fn from(pieces: Arc<Pieces>) -> Self {
        Storage { kind: Kind::Pieces(pieces) }
    }
}

impl From<&Arc<File>> for Storage {
    fn from(file: &Arc<File>) -> Self {
        Arc::clone(file).into()
    }
}

impl From<&Storage> for Storage {
    fn from(storage: &Storage) -> Self {
        storage.clone()
    }
}

impl Storage {
    /// In which volume, and where in it, a byte lies; `None` for an archive in one file, or one that is
    /// unpacked while it is read.
    pub fn volume_at(&self, offset: u64) -> Option<VolumePlace> {
        let Kind::Pieces(pieces) = &self.kind else { return None };
        let (index, offset) = pieces.at(offset)?;
        Some(VolumePlace { number: index + 1, name: pieces.name(index), offset })
    }

    /// How many bytes there are.
    ///
    /// # Errors
    /// If the system can't say.
    #[expect(clippy::len_without_is_empty, reason = "as of a file, it is asked to know where the end is")]
    pub fn len(&self) -> io::Result<u64> {
        match &self.kind {
            Kind::Plain(file) => Ok(file.metadata()?.len()),
            Kind::Frames(frames) => Ok(frames.len()),
            Kind::Pieces(pieces) => Ok(pieces.len()),
        }
    }

    /// Whether it is unpacked while it is read.
    pub fn is_compressed(&self) -> bool {
        self.frames().is_some()
    }

    /// The frames, if the archive is unpacked while it is read.
    pub(crate) fn frames(&self) -> Option<&Frames> {
        match &self.kind {
            Kind::Frames(frames) => Some(frames),
            Kind::Plain(_) | Kind::Pieces(_) => None,
        }
    }

    /// Reads the bytes from `offset` on: as many of the `wanted` as are read in one way, and how many these
    /// are.
    pub(crate) fn stretch(&self, offset: u64, wanted: u64) -> io::Result<(Stretch, u64)> {
        if let Kind::Frames(frames) = &self.kind {
            return frames.stretch(offset, wanted);
        }
        let mut run = self.run(offset, wanted)?;
        run.size = run.size.min(wanted);
        let count = run.size;
        Ok((Stretch::Run(RunReader::new(run)), count))
    }

    /// Where the bytes from `offset` on lie: as many of the `wanted` as lie there in a row, and at least one
    /// of them.
    fn run(&self, offset: u64, wanted: u64) -> io::Result<Run> {
        match &self.kind {
            Kind::Plain(file) => Ok(Run { file: Arc::clone(file), position: offset, size: wanted }),
            Kind::Pieces(pieces) => pieces.run(offset, wanted),
            // Not as they are: these are read by `stretch`.
            Kind::Frames(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl ReadAt for Storage {
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.kind {
            Kind::Plain(file) => file.read_full_at(buffer, offset),
            Kind::Frames(frames) => frames.read_full_at(buffer, offset),
            Kind::Pieces(pieces) => pieces.read_full_at(buffer, offset),
        }
    }
}
