//! Writes a planned archive: each entry once, at its final offset, in whatever order the data comes.
//!
//! The files grow under names of their own, `BUNDLE.part` and the like, and take their final names when every
//! byte is on disk. Their content is trusted only after it was hashed again.

use std::path::Path;
use std::sync::Arc;

use airlift_disk::AlignedBuffer;
use airlift_oci::{Observer, Phase};

use crate::content::storage::Storage;
use crate::plan::{Plan, PlannedEntry, TAIL};
use crate::resume::{ResumeState, resume_states};
use crate::tar::header::BLOCK;
use crate::write::error::{Existing, WriteError};
use crate::write::locks::Lock;
use crate::write::output::{BlobWriter, BundleWriter, Order, Published};

/// The size of one write: large enough to be quick, small enough to need little memory.
const WRITE_SIZE: usize = 1 << 20;

/// The files that an archive is written to, with all their bytes reserved.
pub(crate) trait PlacedFiles: Send + Sync {
    /// The unfinished file that is locked.
    fn path(&self) -> &Path;

    /// Whether other processes are kept from writing to it.
    fn lock(&self) -> Lock;

    /// Whether an earlier run left anything, so that a look at it may pay.
    fn is_resumed(&self) -> bool;

    /// The bytes of the files.
    fn storage(&self) -> Storage;

    /// Writes whole blocks, from memory that is aligned as in an [`AlignedBuffer`].
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), WriteError>;

    /// Makes all bytes so far durable.
    fn sync(&self) -> Result<(), WriteError>;

    /// Makes the data durable and gives the files their final names, durably too.
    fn publish(
        &self,
        plan: &Plan,
        existing: Existing,
        observer: &dyn Observer,
    ) -> Result<Published, WriteError>;
}

/// Writes an archive whose entries all have places of their own.
pub(crate) struct PlacedWriter<F> {
    plan: Arc<Plan>,
    files: Arc<F>,
}

impl<F: PlacedFiles + 'static> PlacedWriter<F> {
    pub(crate) fn new(plan: Arc<Plan>, files: F) -> Self {
        PlacedWriter { plan, files: Arc::new(files) }
    }
}

impl<F: PlacedFiles + 'static> BundleWriter for PlacedWriter<F> {
    fn lock(&self) -> Lock {
        self.files.lock()
    }

    fn order(&self) -> Order {
        Order::Any
    }

    fn resume(&self, observer: &dyn Observer) -> Result<Vec<ResumeState>, WriteError> {
        if !self.files.is_resumed() {
            return Ok(vec![ResumeState::Missing; self.plan.blobs().count()]);
        }
        let _phase = Phase::Resume.start(observer, self.plan.blob_bytes());
        resume_states(self.files.storage(), &self.plan, 0, observer)
            .map_err(|source| WriteError::ReadBack { path: self.files.path().to_owned(), source })
    }

    /// The tail is known, too.
    fn write_known(&self) -> Result<(), WriteError> {
        let files = &*self.files;
        let mut run = BlockBuffer::new(0, WRITE_SIZE);
        for entry in self.plan.entries() {
            let Some(data) = self.plan.known_data(entry) else {
                break;
            };
            run.write(files, &entry.header())?;
            run.write(files, data)?;
            run.pad();
        }
        run.flush(files)?;
        let tail = self.plan.tail_offset();
        let mut run = BlockBuffer::new(tail, (self.plan.size() - tail) as usize);
        run.write(files, &[0; TAIL as usize])?;
        run.flush(files)
    }

    fn blob(&self, entry: &PlannedEntry) -> Result<Box<dyn BlobWriter>, WriteError> {
        let files = Arc::clone(&self.files) as Arc<dyn PlacedFiles>;
        Ok(Box::new(PlacedBlob { files, entry: entry.clone(), run: None, taken: 0 }))
    }

    fn sync(&self) -> Result<(), WriteError> {
        self.files.sync()
    }

    fn publish(&self, existing: Existing, observer: &dyn Observer) -> Result<Published, WriteError> {
        self.files.publish(&self.plan, existing, observer)
    }
}

/// One blob on its way to its place. Its header goes out with its first bytes.
struct PlacedBlob {
    files: Arc<dyn PlacedFiles>,
    entry: PlannedEntry,
    run: Option<BlockBuffer>,
    taken: u64,
}

impl BlobWriter for PlacedBlob {
    fn write(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        self.taken = self.taken.saturating_add(piece.len() as u64);
        if self.taken > self.entry.size {
            return Err(self.wrong_length());
        }
        self.started()?;
        match &mut self.run {
            Some(run) => run.write(&*self.files, piece),
            None => Ok(()),
        }
    }

    fn go_back_to(&mut self, bytes: u64) -> Result<u64, WriteError> {
        if bytes == 0 {
            self.run = None;
        } else {
            if let Some(mut run) = self.run.take() {
                run.pad();
                run.flush(&*self.files)?;
            }
            let offset = self.entry.data_offset.saturating_add(bytes);
            self.run = Some(BlockBuffer::new(offset, self.room_from(offset)));
        }
        self.taken = bytes;
        Ok(bytes)
    }

    fn can_go_back(&self) -> bool {
        true
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        if self.taken != self.entry.size {
            return Err(self.wrong_length());
        }
        // An empty blob has a header all the same.
        self.started()?;
        if let Some(mut run) = self.run.take() {
            run.pad();
            run.flush(&*self.files)?;
        }
        Ok(())
    }
}

impl PlacedBlob {
    fn started(&mut self) -> Result<(), WriteError> {
        if self.run.is_none() {
            let mut run =
                BlockBuffer::new(self.entry.header_offset, self.room_from(self.entry.header_offset));
            run.write(&*self.files, &self.entry.header())?;
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
struct BlockBuffer {
    buffer: AlignedBuffer,
    offset: u64,
}

impl BlockBuffer {
    /// Starts at `offset`, a multiple of tar's block, with room for `capacity` bytes between writes
    /// (likewise).
    fn new(offset: u64, capacity: usize) -> Self {
        BlockBuffer { buffer: AlignedBuffer::new(capacity), offset }
    }

    fn write(&mut self, files: &dyn PlacedFiles, mut piece: &[u8]) -> Result<(), WriteError> {
        while !piece.is_empty() {
            piece = self.buffer.fill(piece);
            if self.buffer.is_full() {
                self.flush(files)?;
            }
        }
        Ok(())
    }

    fn pad(&mut self) {
        self.buffer.pad_to(BLOCK as usize);
    }

    fn flush(&mut self, files: &dyn PlacedFiles) -> Result<(), WriteError> {
        let bytes = self.buffer.bytes();
        files.write_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
