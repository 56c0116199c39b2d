//! Writes a planned archive: each entry once, at its final offset, in whatever order the data comes.
//!
//! The file grows under a name of its own, `BUNDLE.part`, and takes its final name when every byte is on
//! disk. What stands in a `.part` is trusted only after it was hashed again.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use airlift_disk::direct::{AlignedBuffer, Outlet};
use airlift_disk::names::folder_of;
use airlift_oci::Observer;

use super::volume_parts::VolumeParts;
use super::volumes::Room;
use crate::content::storage::Storage;
use crate::plan::{Plan, PlannedEntry, TAIL};
use crate::tar::header::BLOCK;
use crate::volumes::VolumeSet;
use crate::write::error::{Existing, WriteError};
use crate::write::locks::Lock;
use crate::write::part::Part;

/// What one write takes to the disk: large enough to be quick, small enough to keep memory flat.
const WRITE_SIZE: usize = 1 << 20;

/// An archive in the making, locked against other writers.
#[derive(Debug)]
pub struct Writer {
    plan: Arc<Plan>,
    place: Place,
}

/// Where the bytes go.
#[derive(Debug)]
enum Place {
    /// Into one file. `part` holds the lock and reads.
    File { part: Part, out: Outlet },
    /// Into volumes.
    Volumes(Room),
}

impl Writer {
    /// Opens or makes `path` (the `.part`), locks it and reserves the plan's size.
    pub fn create(path: &Path, plan: Arc<Plan>) -> Result<Self, WriteError> {
        Self::within(Part::open(path)?, plan)
    }

    /// Reserves the plan's size in a `.part` that is open.
    pub fn within(part: Part, plan: Arc<Plan>) -> Result<Self, WriteError> {
        let size = plan.size();
        airlift_disk::reserve::reserve(part.file(), size).map_err(|source| {
            if !part.is_resumed() {
                // Nothing of worth is in it yet, and a reserved stump would only take up room.
                let _ = std::fs::remove_file(part.path());
            }
            WriteError::Reserve { path: part.path().to_owned(), size, source }
        })?;
        let out = Outlet::open(part.path(), Arc::clone(part.file()));
        Ok(Writer { plan, place: Place::File { part, out } })
    }

    /// Reserves the plan's size in volumes.
    pub fn in_volumes(parts: VolumeParts, plan: Arc<Plan>) -> Result<Self, WriteError> {
        let room = Room::within(parts, plan.size())?;
        Ok(Writer { plan, place: Place::Volumes(room) })
    }

    /// The `.part` file; of volumes, that of their manifest.
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::File { part, .. } => part.path(),
            Place::Volumes(room) => room.path(),
        }
    }

    /// Whether others are kept from writing to it.
    pub fn lock(&self) -> Lock {
        match &self.place {
            Place::File { part, .. } => part.lock(),
            Place::Volumes(room) => room.lock(),
        }
    }

    /// The plan that is being carried out.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether the file had content when it was opened, so that a look at it may pay.
    pub fn is_resumed(&self) -> bool {
        match &self.place {
            Place::File { part, .. } => part.is_resumed(),
            Place::Volumes(room) => room.is_resumed(),
        }
    }

    /// What stands there, for [`crate::resume::resume_states`].
    pub fn storage(&self) -> Storage {
        match &self.place {
            Place::File { part, .. } => part.file().into(),
            Place::Volumes(room) => room.storage(),
        }
    }

    /// The file that is locked: the archive itself, if it is to be one file.
    pub fn file(&self) -> &Arc<File> {
        match &self.place {
            Place::File { part, .. } => part.file(),
            Place::Volumes(room) => room.file(),
        }
    }

    /// Writes everything that is known before the blobs: layout, index, manifests, and the tail.
    pub fn write_known(&self) -> Result<(), WriteError> {
        let mut run = Run::new(0, WRITE_SIZE);
        for entry in self.plan.entries() {
            let Some(data) = self.plan.known_data(entry) else {
                break;
            };
            run.write(self, &entry.head())?;
            run.write(self, data)?;
            run.pad();
        }
        run.flush(self)?;
        let tail = self.plan.tail_offset();
        let mut run = Run::new(tail, (self.plan.size() - tail) as usize);
        run.write(self, &[0; TAIL as usize])?;
        run.flush(self)
    }

    /// Starts on one blob: its header goes out with its first bytes.
    pub fn blob(self: &Arc<Self>, entry: &PlannedEntry) -> BlobWriter {
        BlobWriter { writer: Arc::clone(self), entry: entry.clone(), run: None, taken: 0 }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), WriteError> {
        match &self.place {
            Place::File { part, out } => out
                .write_all_at(bytes, offset)
                .map_err(|source| WriteError::Write { path: part.path().to_owned(), offset, source }),
            Place::Volumes(room) => room.write_at(bytes, offset),
        }
    }

    /// Makes what was written so far durable.
    pub fn sync(&self) -> Result<(), WriteError> {
        match &self.place {
            Place::File { part, .. } => airlift_disk::names::sync_file(part.file())
                .map_err(|source| WriteError::Sync { path: part.path().to_owned(), source }),
            Place::Volumes(room) => room.sync(),
        }
    }

    /// What [`Writer::publish`] is for one file, for volumes: they are read once more, on all cores, for the
    /// digests that their manifest names, take their names, and the manifest takes its own as the last.
    /// `None` for an archive in one file.
    pub fn publish_volumes(
        &self,
        existing: Existing,
        observer: &dyn Observer,
    ) -> Result<Option<VolumeSet>, WriteError> {
        let Place::Volumes(room) = &self.place else { return Ok(None) };
        room.sync()?;
        let set = room.digests(self.plan.id(), observer)?;
        room.publish(&set, existing)?;
        Ok(Some(set))
    }

    /// Makes the data durable and gives the file its final name, durably too.
    pub fn publish(&self, output: &Path, existing: Existing) -> Result<(), WriteError> {
        self.sync()?;
        publish(self.path(), output, existing)?;
        sync_folder_of(output)
    }
}

/// Gives a finished file, which is on disk, its final name.
pub(crate) fn publish(part: &Path, output: &Path, existing: Existing) -> Result<(), WriteError> {
    let renamed = match existing {
        Existing::Keep => airlift_disk::names::rename_new(part, output),
        Existing::Replace => airlift_disk::names::replace(part, output),
    };
    renamed.map_err(|source| WriteError::Publish { part: part.to_owned(), output: output.to_owned(), source })
}

/// Makes the names in the folder of `output` durable.
pub(crate) fn sync_folder_of(output: &Path) -> Result<(), WriteError> {
    let folder = folder_of(output);
    airlift_disk::names::sync_folder(folder)
        .map_err(|source| WriteError::Sync { path: folder.to_owned(), source })
}

/// One blob on its way to its place. Dropped before [`BlobWriter::finish`], it leaves bytes that a later run
/// hashes and finds wanting.
pub struct BlobWriter {
    writer: Arc<Writer>,
    entry: PlannedEntry,
    run: Option<Run>,
    taken: u64,
}

impl BlobWriter {
    /// Takes the next bytes.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        self.taken = self.taken.saturating_add(piece.len() as u64);
        if self.taken > self.entry.size {
            return Err(self.wrong_length());
        }
        self.started()?;
        match &mut self.run {
            Some(run) => run.write(&self.writer, piece),
            None => Ok(()),
        }
    }

    /// Goes on behind the first `bytes` bytes, a multiple of tar's block, which are at their place already;
    /// what was taken beyond them is forgotten.
    pub fn go_on_behind(&mut self, bytes: u64) -> Result<(), WriteError> {
        if let Some(mut run) = self.run.take() {
            run.pad();
            run.flush(&self.writer)?;
        }
        let offset = self.entry.data_offset.saturating_add(bytes);
        self.run = Some(Run::new(offset, self.room_from(offset)));
        self.taken = bytes;
        Ok(())
    }

    /// Starts over: what was taken is forgotten.
    pub fn restart(&mut self) {
        self.run = None;
        self.taken = 0;
    }

    /// Writes what is left, padding included.
    pub fn finish(mut self) -> Result<(), WriteError> {
        if self.taken != self.entry.size {
            return Err(self.wrong_length());
        }
        // An empty blob has a header all the same.
        self.started()?;
        if let Some(mut run) = self.run.take() {
            run.pad();
            run.flush(&self.writer)?;
        }
        Ok(())
    }

    fn started(&mut self) -> Result<(), WriteError> {
        if self.run.is_none() {
            let mut run = Run::new(self.entry.header_offset, self.room_from(self.entry.header_offset));
            run.write(&self.writer, &self.entry.head())?;
            self.run = Some(run);
        }
        Ok(())
    }

    /// How many bytes of this entry go out at a time.
    fn room_from(&self, offset: u64) -> usize {
        self.entry.end().saturating_sub(offset).min(WRITE_SIZE as u64) as usize
    }

    fn wrong_length(&self) -> WriteError {
        WriteError::Length { digest: self.entry.digest, expected: self.entry.size, taken: self.taken }
    }
}

/// Consecutive bytes on their way to consecutive places, gathered into large aligned writes.
struct Run {
    buffer: AlignedBuffer,
    offset: u64,
}

impl Run {
    /// Starts at `offset`, a multiple of tar's block, with room for `capacity` bytes between writes
    /// (likewise).
    fn new(offset: u64, capacity: usize) -> Self {
        Run { buffer: AlignedBuffer::new(capacity), offset }
    }

    fn write(&mut self, writer: &Writer, mut piece: &[u8]) -> Result<(), WriteError> {
        while !piece.is_empty() {
            piece = self.buffer.fill(piece);
            if self.buffer.is_full() {
                self.flush(writer)?;
            }
        }
        Ok(())
    }

    fn pad(&mut self) {
        self.buffer.pad_to(BLOCK as usize);
    }

    fn flush(&mut self, writer: &Writer) -> Result<(), WriteError> {
        let bytes = self.buffer.bytes();
        writer.write_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
