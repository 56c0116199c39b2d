//! The bytes of a tar archive, wherever they lie on disk.
//!
//! All offsets are *logical*: bytes from the start of the tar archive. Only this file says where these lie.
//! To add another way to keep an archive, such as an object store, implement [`ReadAt`] for it, and make a
//! [`Storage`] of it with `From<Arc<dyn ReadAt>>`. Reading, hashing, scanning and comparing then work on it.
//! [`crate::Archive::open`] chooses.

use std::fs::File;
use std::io;
use std::sync::Arc;

use airlift_disk::{Contiguous, FileSequence, ReadAt};

use crate::findings::VolumePlace;
use crate::zst::frames::Frames;

/// The bytes of a tar archive. Clones share the open files.
#[derive(Clone, Debug)]
pub struct Storage {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The archive as it is.
    Plain(Arc<dyn ReadAt>),
    /// The archive in several files, one behind the other.
    Volumes(Arc<FileSequence>),
    /// Frames that unpack to the archive.
    Frames(Arc<Frames>),
}

impl From<Arc<dyn ReadAt>> for Storage {
    fn from(source: Arc<dyn ReadAt>) -> Self {
        Storage { kind: Kind::Plain(source) }
    }
}

impl From<Arc<File>> for Storage {
    fn from(file: Arc<File>) -> Self {
        Storage::from(file as Arc<dyn ReadAt>)
    }
}

impl From<Frames> for Storage {
    fn from(frames: Frames) -> Self {
        Storage { kind: Kind::Frames(Arc::new(frames)) }
    }
}

impl From<Arc<FileSequence>> for Storage {
    fn from(volumes: Arc<FileSequence>) -> Self {
        Storage { kind: Kind::Volumes(volumes) }
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
    /// The volume that a byte lies in, and its offset there; `None` for an archive in one file, and for one
    /// that is unpacked while it is read.
    pub fn volume_at(&self, offset: u64) -> Option<VolumePlace> {
        let Kind::Volumes(volumes) = &self.kind else { return None };
        let (index, offset) = volumes.at(offset)?;
        Some(VolumePlace { number: index + 1, name: volumes.name(index), offset })
    }

    /// Whether it is unpacked while it is read.
    pub fn is_compressed(&self) -> bool {
        self.frames().is_some()
    }

    /// The frames, if the archive is unpacked while it is read.
    pub(crate) fn frames(&self) -> Option<&Frames> {
        match &self.kind {
            Kind::Frames(frames) => Some(frames),
            Kind::Plain(_) | Kind::Volumes(_) => None,
        }
    }

    /// What reads the bytes.
    pub(crate) fn source(&self) -> Arc<dyn ReadAt> {
        match &self.kind {
            Kind::Plain(source) => Arc::clone(source),
            Kind::Volumes(volumes) => Arc::clone(volumes) as Arc<dyn ReadAt>,
            Kind::Frames(frames) => Arc::clone(frames) as Arc<dyn ReadAt>,
        }
    }
}

impl ReadAt for Storage {
    fn size(&self) -> io::Result<u64> {
        self.source().size()
    }

    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.source().read_full_at(buffer, offset)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        self.source().read_cached_at(buffer, offset)
    }

    fn contiguous_from(self: Arc<Self>, offset: u64, wanted: u64) -> io::Result<Contiguous> {
        self.source().contiguous_from(offset, wanted)
    }
}
