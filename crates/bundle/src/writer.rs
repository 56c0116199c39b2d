//! Writes a planned archive: each entry once, at its final offset, in whatever order the data comes.
//!
//! The file grows under a name of its own, `BUNDLE.part`, and takes its final name when every byte is on disk. What
//! stands in a `.part` is trusted only after it was hashed again.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Digest;
use crate::header::BLOCK;
use crate::layout;
use crate::os::{self, AlignedBuffer};
use crate::plan::{Plan, PlannedEntry, TAIL};

/// What one write takes to the disk: large enough to be quick, small enough to keep memory flat.
const WRITE_SIZE: usize = 1 << 20;

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The `.part` file can't be opened or made.
    #[error("can't open {} for writing", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The path is taken by something that isn't a regular file.
    #[error("{} is there and is not a regular file; move it away, or choose another output", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The `.part` is somebody else's file.
    #[error("{} is there and is no unfinished bundle; move it away, or choose another output", .path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Another process is writing the same file.
    #[error("{} is being written by another process; wait for it, or choose another output", .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// There is no room.
    #[error("can't reserve {size} bytes for {}", .path.display())]
    Reserve {
        /// The file.
        path: PathBuf,
        /// The archive's size.
        size: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A read or write failed.
    #[error("can't write {} at offset {offset}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A blob had more or fewer bytes than its descriptor says.
    #[error("{digest} should have {expected} bytes, but {taken} came")]
    Length {
        /// The blob.
        digest: Digest,
        /// The planned size.
        expected: u64,
        /// The bytes that were taken.
        taken: u64,
    },
    /// The data could not be made durable.
    #[error("can't flush {} to disk", .path.display())]
    Sync {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The finished file could not take its name.
    #[error("{} is complete but can't be renamed to {}", .part.display(), .output.display())]
    Publish {
        /// The finished file.
        part: PathBuf,
        /// The name it should have.
        output: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What to do with a file that has the output's name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone and fail.
    Keep,
    /// Replace it, in one step.
    Replace,
}

/// The `.part` name of an output.
pub fn part_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// An archive in the making, locked against other writers.
#[derive(Debug)]
pub struct Writer {
    plan: Arc<Plan>,
    path: PathBuf,
    /// Holds the lock; reads and, where there are no direct writes, writes.
    file: Arc<File>,
    direct: Option<File>,
    resumed: bool,
}

impl Writer {
    /// Opens or makes `path` (the `.part`), locks it and reserves the plan's size.
    pub fn create(path: &Path, plan: Arc<Plan>) -> Result<Self, WriteError> {
        let owned = || path.to_owned();
        if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(WriteError::NotAFile { path: owned() });
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|source| WriteError::Open { path: owned(), source })?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => WriteError::Locked { path: owned() },
            TryLockError::Error(source) => WriteError::Open { path: owned(), source },
        })?;
        let open = |source| WriteError::Open { path: owned(), source };
        let resumed = file.metadata().map_err(open)?.len() > 0;
        if resumed && !starts_like_ours(&file).map_err(open)? {
            return Err(WriteError::NotOurs { path: owned() });
        }
        let writer = Writer {
            direct: os::open_direct(path, os::Direct::Write),
            plan,
            path: owned(),
            file: Arc::new(file),
            resumed,
        };
        let size = writer.plan.size();
        os::reserve(&writer.file, size).map_err(|source| {
            if !writer.resumed {
                // Nothing of worth is in it yet, and a reserved stump would only take up room.
                let _ = std::fs::remove_file(path);
            }
            WriteError::Reserve { path: owned(), size, source }
        })?;
        Ok(writer)
    }

    /// The `.part` file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The plan that is being carried out.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether the file had content when it was opened, so that a look at it may pay.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The file, for [`crate::frame::held_blobs`].
    pub fn file(&self) -> &Arc<File> {
        &self.file
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
        let file = self.direct.as_ref().unwrap_or(&self.file);
        file.write_all_at(bytes, offset).map_err(|source| WriteError::Write {
            path: self.path.clone(),
            offset,
            source,
        })
    }

    /// Makes the data durable and gives the file its final name, durably too.
    pub fn publish(&self, output: &Path, existing: Existing) -> Result<(), WriteError> {
        let sync = |source| WriteError::Sync { path: self.path.clone(), source };
        self.file.sync_all().map_err(sync)?;
        let renamed = match existing {
            Existing::Keep => os::rename_new(&self.path, output),
            Existing::Replace => std::fs::rename(&self.path, output),
        };
        renamed.map_err(|source| WriteError::Publish {
            part: self.path.clone(),
            output: output.to_owned(),
            source,
        })?;
        let folder =
            output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        os::sync_folder(folder).map_err(|source| WriteError::Sync { path: folder.to_owned(), source })
    }
}

/// Whether a file starts with the name of a bundle's first entry, or with reserved space that nothing was written to yet.
fn starts_like_ours(file: &File) -> io::Result<bool> {
    let mut start = [0; BLOCK as usize];
    let count = os::read_full_at(file, &mut start, 0)?;
    Ok(start.starts_with(layout::LAYOUT_FILE.as_bytes()) || start[..count].iter().all(|byte| *byte == 0))
}

/// One blob on its way to its place. Dropped before [`BlobWriter::finish`], it leaves bytes that a later run hashes
/// and finds wanting.
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
            let length = self.entry.end() - self.entry.header_offset;
            let mut run = Run::new(self.entry.header_offset, length.min(WRITE_SIZE as u64) as usize);
            run.write(&self.writer, &self.entry.head())?;
            self.run = Some(run);
        }
        Ok(())
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
    /// Starts at `offset`, a multiple of tar's block, with room for `capacity` bytes between writes (likewise).
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
