//! Writes a planned archive: each entry once, at its final offset, in whatever order the data comes.
//!
//! The files grow under names of their own, `BUNDLE.part` and the like, and take their final names when every
//! byte is on disk. Their content is trusted only after it was hashed again.

use std::path::Path;
use std::sync::Arc;

use airlift_disk::{AlignedBuffer, WriteBehind};
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
/// The same for blobs below 8 MiB, of which many are written at a time.
const SMALL_WRITE_SIZE: usize = 256 << 10;
const LARGE_BLOB: u64 = 8 << 20;

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
        let files = || Arc::clone(&self.files) as Arc<dyn PlacedFiles>;
        let mut run = BlockBuffer::new(files(), 0, WRITE_SIZE);
        for entry in self.plan.entries() {
            let Some(data) = self.plan.known_data(&entry) else {
                break;
            };
            run.write(&entry.header())?;
            run.write(data)?;
            run.pad();
        }
        run.flush()?;
        let tail = self.plan.tail_offset();
        let mut run = BlockBuffer::new(files(), tail, (self.plan.size() - tail) as usize);
        run.write(&[0; TAIL as usize])?;
        run.flush()
    }

    fn blob(&self, entry: &PlannedEntry) -> Result<Box<dyn BlobWriter>, WriteError> {
        let files = Arc::clone(&self.files) as Arc<dyn PlacedFiles>;
        Ok(Box::new(PlacedBlob { files, entry: *entry, run: None, taken: 0 }))
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
        let written = self.started().and_then(|run| run.write(piece));
        if written.is_err() {
            // Bytes that were handed over before may be lost with it.
            (self.run, self.taken) = (None, 0);
        }
        written
    }

    fn go_back_to(&mut self, bytes: u64) -> Result<u64, WriteError> {
        if bytes == 0 {
            self.run = None;
        } else {
            if let Some(mut run) = self.run.take() {
                run.pad();
                run.flush()?;
            }
            let offset = self.entry.data_offset.saturating_add(bytes);
            self.run = Some(self.block_buffer(offset));
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
        let run = self.started()?;
        run.pad();
        run.flush()
    }
}

impl PlacedBlob {
    /// The buffer that the blob's next bytes go to.
    fn started(&mut self) -> Result<&mut BlockBuffer, WriteError> {
        let run = match self.run.take() {
            Some(run) => run,
            None => {
                let mut run = self.block_buffer(self.entry.header_offset);
                run.write(&self.entry.header())?;
                run
            }
        };
        Ok(self.run.insert(run))
    }

    fn block_buffer(&self, offset: u64) -> BlockBuffer {
        let most = if self.entry.size < LARGE_BLOB { SMALL_WRITE_SIZE } else { WRITE_SIZE };
        let capacity = self.entry.end().saturating_sub(offset).min(most as u64);
        BlockBuffer::new(Arc::clone(&self.files), offset, capacity as usize)
    }

    fn wrong_length(&self) -> WriteError {
        WriteError::Length { digest: self.entry.digest, expected: self.entry.size, taken: self.taken }
    }
}

/// Consecutive bytes on their way to consecutive places, gathered into large aligned writes. If it is
/// dropped, it waits for the writes that it began.
struct BlockBuffer {
    buffer: AlignedBuffer,
    offset: u64,
    behind: WriteBehind<WriteError>,
}

impl BlockBuffer {
    /// Starts at `offset`, a multiple of tar's block, with room for `capacity` bytes between writes
    /// (likewise).
    fn new(files: Arc<dyn PlacedFiles>, offset: u64, capacity: usize) -> Self {
        let behind = WriteBehind::new(move |bytes, offset| files.write_at(bytes, offset));
        BlockBuffer { buffer: AlignedBuffer::new(capacity), offset, behind }
    }

    fn write(&mut self, mut piece: &[u8]) -> Result<(), WriteError> {
        while !piece.is_empty() {
            if self.buffer.is_full() {
                let length = self.buffer.bytes().len() as u64;
                self.behind.write(&mut self.buffer, self.offset)?;
                self.offset += length;
            }
            piece = self.buffer.fill(piece);
        }
        Ok(())
    }

    fn pad(&mut self) {
        self.buffer.pad_to(BLOCK as usize);
    }

    /// Writes the rest, and waits until all is written.
    fn flush(&mut self) -> Result<(), WriteError> {
        let length = self.buffer.bytes().len() as u64;
        self.behind.write_now(&mut self.buffer, self.offset)?;
        self.offset += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::path::PathBuf;
    use std::sync::Mutex;

    use airlift_oci::Digest;

    use super::*;
    use crate::plan::Content;

    const SIZE: u64 = 9 * WRITE_SIZE as u64 + 100;

    /// Files that note where they are written to, and of which one write fails.
    struct Noting {
        writes: Mutex<Vec<u64>>,
        fails: Option<u64>,
    }

    impl PlacedFiles for Noting {
        fn path(&self) -> &Path {
            Path::new("b.tar.part")
        }

        fn lock(&self) -> Lock {
            Lock::Lacking
        }

        fn is_resumed(&self) -> bool {
            false
        }

        fn storage(&self) -> Storage {
            Arc::new(File::open("/dev/null").unwrap()).into()
        }

        fn write_at(&self, _: &[u8], offset: u64) -> Result<(), WriteError> {
            self.writes.lock().unwrap().push(offset);
            if self.fails != Some(offset) {
                return Ok(());
            }
            Err(WriteError::Write { path: PathBuf::from("b.tar.part"), offset, source: full_disk() })
        }

        fn sync(&self) -> Result<(), WriteError> {
            Ok(())
        }

        fn publish(&self, _: &Plan, _: Existing, _: &dyn Observer) -> Result<Published, WriteError> {
            Ok(Published { size: 0, volumes: None })
        }
    }

    fn full_disk() -> io::Error {
        io::ErrorKind::StorageFull.into()
    }

    fn blob(fails: Option<u64>) -> (Arc<Noting>, Box<PlacedBlob>) {
        let files = Arc::new(Noting { writes: Mutex::default(), fails });
        let digest = Digest::sha256(b"any");
        let content = Content::Blob(0);
        let entry = PlannedEntry { content, digest, header_offset: 512, data_offset: 1_024, size: SIZE };
        let placed = PlacedBlob { files: Arc::clone(&files) as _, entry, run: None, taken: 0 };
        (files, Box::new(placed))
    }

    /// Writes all of it in pieces; gives the first error.
    fn write_all(blob: &mut PlacedBlob) -> Result<(), WriteError> {
        let content = vec![1; SIZE as usize];
        content.chunks(70_000).try_for_each(|piece| blob.write(piece))
    }

    fn place(number: u64) -> u64 {
        512 + number * WRITE_SIZE as u64
    }

    #[test]
    fn a_blob_that_is_finished_is_written_from_its_start_to_its_end() {
        let (files, mut blob) = blob(None);
        write_all(&mut blob).unwrap();
        blob.finish().unwrap();
        assert_eq!(*files.writes.lock().unwrap(), (0..=9).map(place).collect::<Vec<_>>());
    }

    #[test]
    fn a_write_that_fails_is_reported_and_none_follows_it() {
        for number in 0..=9 {
            let (files, mut blob) = blob(Some(place(number)));
            let error = write_all(&mut blob).and_then(|()| blob.finish()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("can't write b.tar.part at offset {}", place(number)),
                "write {number}"
            );
            assert_eq!(*files.writes.lock().unwrap(), (0..=number).map(place).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_blob_can_not_be_finished_after_a_failed_write() {
        let (_, mut blob) = blob(Some(place(1)));
        while blob.write(&[1; 512]).is_ok() {}
        assert!(matches!(blob.finish(), Err(WriteError::Length { taken: 0, .. })));
    }

    #[test]
    fn a_blob_that_starts_over_first_lets_its_writes_end() {
        let (files, mut blob) = blob(None);
        blob.write(&vec![1; 3 * WRITE_SIZE]).unwrap();
        blob.go_back_to(0).unwrap();
        let before = files.writes.lock().unwrap().clone();
        assert_eq!(before, (0..3).map(place).collect::<Vec<_>>());
        write_all(&mut blob).unwrap();
        blob.finish().unwrap();
        assert_eq!(files.writes.lock().unwrap()[3..], (0..=9).map(place).collect::<Vec<_>>());
    }
}
