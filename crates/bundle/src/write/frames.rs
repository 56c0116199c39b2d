//! Writes a planned archive in frames: entries in order, each frame as soon as its content is there. At any
//! time, the file is a prefix of the finished one. A resumed writer reads it entry by entry, and keeps all
//! entries up to the first that is not right.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::DerefMut;
use std::path::Path;
use std::sync::Arc;

use airlift_oci::{Event, Observer};

use crate::content::storage::Storage;
use crate::plan::{Content, Plan, PlannedEntry};
use crate::tar::header;
use crate::tar::header::BLOCK;
use crate::write::error::WriteError;
use crate::write::frame_output::{FrameOutput, OpenFrame};
use crate::write::frames_resume::keep;
use crate::zst::frames::{FramesBuilder, Mark};
use crate::zst::framing::{PlannedFrame, frames_of_entry, planned_frames};
use crate::zst::{seek_table, stored};

/// A compressed archive in the making. The file is locked by the caller.
pub struct FramesWriter {
    plan: Arc<Plan>,
    out: FrameOutput,
    /// Of the entries, how many are written; and where their frames end.
    written: usize,
    mark: Mark,
}

/// The largest that the compressed file of a plan can be: if nothing gains. It is smaller than that by
/// whatever gains.
pub fn size_at_most(plan: &Plan) -> u64 {
    let (mut size, mut count, mut packed) = (0, 0, 0);
    for piece in planned_frames(plan) {
        size += stored::frame_size(piece.size);
        count += 1;
        packed += u64::from(piece.may_be_packed);
    }
    size + seek_table::size_of(count, packed)
}

impl FramesWriter {
    /// Writes to `file`, which `path` names. Room is reserved for what can't gain, so that a full disk is
    /// found at once.
    ///
    /// # Errors
    /// If there is no room.
    pub fn within(path: &Path, file: &Arc<File>, plan: &Arc<Plan>) -> Result<Self, WriteError> {
        let size = planned_frames(plan).filter(|piece| !piece.may_be_packed).map(|piece| piece.size).sum();
        airlift_disk::reserve_ahead(file, size).map_err(|source| {
            if file.metadata().is_ok_and(|found| found.len() == 0) {
                // It is still empty, and the reserved space would be missing elsewhere.
                let _ = std::fs::remove_file(path);
            }
            WriteError::Reserve { path: path.to_owned(), size, source }
        })?;
        let out = FrameOutput::new(path, file)?;
        Ok(FramesWriter { plan: Arc::clone(plan), out, written: 0, mark: FramesBuilder::default().mark() })
    }

    /// Goes through what an earlier run left, hashes it, and keeps the entries that are whole, up to the
    /// first that isn't.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn keep(&mut self, observer: &dyn Observer) -> Result<(), WriteError> {
        let bytes = Storage::from(self.out.file());
        let mut left: u64 = self.plan.blob_bytes();
        while let Some(entry) = self.plan.entry(self.written) {
            let is_blob = matches!(entry.content, Content::Blob(_));
            let kept = keep(&bytes, &self.plan, &entry, &mut self.out.frames, &mut |count| {
                if is_blob {
                    left = left.saturating_sub(count);
                    observer.notice(Event::Advanced { digest: entry.digest, bytes: count });
                }
            });
            match kept {
                Ok(true) => self.count_entry(),
                Ok(false) => break,
                Err(source) => return Err(self.out.failed(source)),
            }
        }
        observer.notice(Event::Shortened { bytes: left });
        self.go_back()
    }

    fn count_entry(&mut self) {
        self.written += 1;
        self.mark = self.out.frames.mark();
    }

    /// To where the last whole entry ends.
    fn go_back(&mut self) -> Result<(), WriteError> {
        self.out.go_back_to(self.mark)
    }

    /// How many of the plan's entries are written.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Starts on the next entry; `None` when all are written.
    pub fn next_entry(&mut self) -> Option<EntryWriter<&mut FramesWriter>> {
        EntryWriter::next(self)
    }

    /// Writes all that is known beforehand and comes next: layout, index and manifests at the start.
    ///
    /// # Errors
    /// If writing fails.
    pub fn write_known(&mut self) -> Result<(), WriteError> {
        let plan = Arc::clone(&self.plan);
        while let Some(data) = plan.entry(self.written).and_then(|entry| plan.known_data(&entry)) {
            let Some(mut entry) = self.next_entry() else { break };
            entry.write(data)?;
            entry.finish()?;
        }
        Ok(())
    }

    /// Writes the archive's tail, the frame digests and the seek table, and makes all of it durable.
    ///
    /// # Errors
    /// If an entry is missing, or writing fails.
    pub fn finish(&mut self) -> Result<(), WriteError> {
        if let Some(entry) = self.plan.entry(self.written) {
            let PlannedEntry { digest, size, .. } = entry;
            return Err(WriteError::Length { digest, expected: size, taken: 0 });
        }
        self.go_back()?;
        let tail = vec![0; (self.plan.size() - self.plan.tail_offset()) as usize];
        self.out.finish(&tail)
    }

    /// The file that is written to.
    pub fn path(&self) -> &Path {
        self.out.path()
    }

    /// How large the file is by now.
    pub fn position(&self) -> u64 {
        self.out.position()
    }
}

/// One entry on its way into frames. `W` is a writer, or a reference to one. Dropped before
/// [`EntryWriter::finish`], it leaves bytes that are written over.
pub struct EntryWriter<W> {
    writer: W,
    entry: PlannedEntry,
    /// Whether the head is written.
    begun: bool,
    taken: u64,
    /// Those that were not begun.
    pieces: VecDeque<PlannedFrame>,
    frame: Option<OpenFrame>,
}

impl<W: DerefMut<Target = FramesWriter>> EntryWriter<W> {
    /// Starts on the next entry; `None` when all are written.
    pub(crate) fn next(writer: W) -> Option<Self> {
        let entry = writer.plan.entry(writer.written)?;
        Some(EntryWriter { writer, entry, begun: false, taken: 0, pieces: VecDeque::new(), frame: None })
    }

    /// The entry that is being written.
    pub fn entry(&self) -> &PlannedEntry {
        &self.entry
    }

    /// Takes the next bytes of the data.
    ///
    /// # Errors
    /// If writing fails, or there are more bytes than the plan says.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        self.begin()?;
        self.taken = self.taken.saturating_add(piece.len() as u64);
        if self.taken > self.entry.size {
            return Err(self.wrong_length());
        }
        self.put(piece)
    }

    /// Starts over: forgets the bytes so far.
    ///
    /// # Errors
    /// If the file can't be read from where the entry starts.
    pub fn restart(&mut self) -> Result<(), WriteError> {
        self.writer.go_back()?;
        (self.begun, self.taken, self.frame) = (false, 0, None);
        self.pieces.clear();
        Ok(())
    }

    /// Writes the rest, padding included, and gives the writer back. The caller has to know that the data
    /// has the right digest.
    ///
    /// # Errors
    /// If writing fails, or bytes are missing.
    pub fn finish(mut self) -> Result<W, WriteError> {
        if self.taken != self.entry.size {
            return Err(self.wrong_length());
        }
        self.begin()?;
        let padding = header::padded(self.entry.size) - self.entry.size;
        self.put(&[0; BLOCK as usize][..padding as usize])?;
        self.writer.count_entry();
        Ok(self.writer)
    }

    /// Writes the head, if nothing was written yet.
    fn begin(&mut self) -> Result<(), WriteError> {
        if !self.begun {
            // An entry that was dropped half-way may have gone on from here.
            self.restart()?;
            self.begun = true;
            self.pieces = frames_of_entry(&self.writer.plan, &self.entry).collect();
            let head = self.entry.header();
            self.put(&head)?;
        }
        Ok(())
    }

    fn put(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => {
                    let piece = self.pieces.pop_front().ok_or_else(|| self.wrong_length())?;
                    self.writer.out.begin(piece)?
                }
            };
            (bytes, self.frame) = self.writer.out.fill(frame, bytes)?;
        }
        Ok(())
    }

    fn wrong_length(&self) -> WriteError {
        WriteError::Length { digest: self.entry.digest, expected: self.entry.size, taken: self.taken }
    }
}
