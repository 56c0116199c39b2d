//! Writes a planned archive in frames: entries in order, each frame as soon as its content is there.
//!
//! What was written is a prefix of the finished file at any time. What an earlier run left is gone through
//! entry by entry; as far as it proves to be right, it stays.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_oci::{Event, Observer};

use crate::content::storage::Storage;
use crate::plan::{Content, Plan, PlannedEntry};
use crate::tar::header;
use crate::tar::header::BLOCK;
use crate::write::appender::Appender;
use crate::write::error::{Existing, WriteError};
use crate::write::writer;
use crate::write::zst_resume::keep;
use crate::zst::frames::{FramesBuilder, Mark};
use crate::zst::framing::{PlannedFrame, frames_of_entry, planned_frames};
use crate::zst::packed::{self, Packer};
use crate::zst::{seek_table, stored};

/// A compressed archive in the making. The file is locked by whoever opened it.
pub struct FramesWriter {
    plan: Arc<Plan>,
    path: PathBuf,
    file: Arc<File>,
    out: Appender,
    frames: FramesBuilder,
    packer: Packer,
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
        airlift_disk::reserve::reserve_ahead(file, size).map_err(|source| {
            if file.metadata().is_ok_and(|found| found.len() == 0) {
                // Nothing of worth is in it yet, and reserved room would only be missing elsewhere.
                let _ = std::fs::remove_file(path);
            }
            WriteError::Reserve { path: path.to_owned(), size, source }
        })?;
        let open = |source| WriteError::Open { path: path.to_owned(), source };
        Ok(FramesWriter {
            plan: Arc::clone(plan),
            path: path.to_owned(),
            file: Arc::clone(file),
            out: Appender::new(path, Arc::clone(file)),
            frames: FramesBuilder::default(),
            packer: Packer::new().map_err(open)?,
            written: 0,
            mark: FramesBuilder::default().mark(),
        })
    }

    /// Goes through what an earlier run left, hashes it, and keeps the entries that are whole, up to the
    /// first that isn't.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn keep(&mut self, observer: &dyn Observer) -> Result<(), WriteError> {
        let bytes = Storage::from(&self.file);
        let mut left: u64 = self.plan.blobs().map(|entry| entry.size).sum();
        while let Some(entry) = self.plan.entries().get(self.written) {
            let is_blob = matches!(entry.content, Content::Blob(_));
            let kept = keep(&bytes, &self.plan, entry, &mut self.frames, &mut |count| {
                if is_blob {
                    left = left.saturating_sub(count);
                    observer.notice(Event::Advanced { digest: entry.digest, bytes: count });
                }
            });
            match kept {
                Ok(true) => self.count_entry(),
                Ok(false) => break,
                Err(source) => return Err(self.failed(source)),
            }
        }
        observer.notice(Event::Shortened { bytes: left });
        self.go_back()
    }

    fn count_entry(&mut self) {
        self.written += 1;
        self.mark = self.frames.mark();
    }

    /// To where the last whole entry ends.
    fn go_back(&mut self) -> Result<(), WriteError> {
        self.frames.back_to(self.mark);
        let end = self.frames.end();
        self.out.go_to(end).map_err(|source| self.failed(source))
    }

    /// How many of the plan's entries are written.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Starts on the next entry; `None` when all are written.
    pub fn next_entry(&mut self) -> Option<EntryWriter<'_>> {
        let entry = self.plan.entries().get(self.written)?.clone();
        Some(EntryWriter {
            writer: self,
            entry,
            begun: false,
            taken: 0,
            pieces: VecDeque::new(),
            frame: None,
        })
    }

    /// Writes all that is known beforehand and comes next: layout, index and manifests at the start.
    pub fn write_known(&mut self) -> Result<(), WriteError> {
        let plan = Arc::clone(&self.plan);
        while let Some(data) = plan.entries().get(self.written).and_then(|entry| plan.known_data(entry)) {
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
        if let Some(entry) = self.plan.entries().get(self.written) {
            let PlannedEntry { digest, size, .. } = *entry;
            return Err(WriteError::Length { digest, expected: size, taken: 0 });
        }
        self.go_back()?;
        let tail = vec![0; (self.plan.size() - self.plan.tail_offset()) as usize];
        self.append(&stored::header(tail.len() as u64))?;
        self.append(&stored::block(tail.len() as u64, 0).0)?;
        self.append(&tail)?;
        self.frames.push_stored(tail.len() as u64);
        let end = seek_table::encode(&self.frames);
        self.append(&end)?;
        self.out.finish().map_err(|source| self.failed(source))?;
        airlift_disk::names::sync_file(&self.file)
            .map_err(|source| WriteError::Sync { path: self.path.clone(), source })
    }

    /// Gives the finished file its final name, durably.
    pub fn publish(&self, output: &Path, existing: Existing) -> Result<(), WriteError> {
        writer::publish(&self.path, output, existing)?;
        writer::sync_folder_of(output)
    }

    /// How large the file is by now.
    pub fn position(&self) -> u64 {
        self.out.position()
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.out.append(bytes).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> WriteError {
        WriteError::Write { path: self.path.clone(), offset: self.out.position(), source }
    }
}

/// One entry on its way into frames. Dropped before [`EntryWriter::finish`], it leaves bytes that are written
/// over.
pub struct EntryWriter<'a> {
    writer: &'a mut FramesWriter,
    entry: PlannedEntry,
    /// Whether the head is written.
    begun: bool,
    taken: u64,
    /// Those that were not begun.
    pieces: VecDeque<PlannedFrame>,
    frame: Option<Frame>,
}

/// The frame that is being filled.
enum Frame {
    /// Its content goes out as it comes.
    Stored { size: u64, filled: u64, block_ends: u64 },
    /// Its content is gathered, and compressed when all of it is there.
    Gathered { size: u64, content: Vec<u8> },
}

impl EntryWriter<'_> {
    /// What is being written.
    pub fn entry(&self) -> &PlannedEntry {
        &self.entry
    }

    /// Takes the next bytes of the data.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        self.begin()?;
        self.taken = self.taken.saturating_add(piece.len() as u64);
        if self.taken > self.entry.size {
            return Err(self.wrong_length());
        }
        self.put(piece)
    }

    /// Starts over: what was taken is forgotten.
    pub fn restart(&mut self) -> Result<(), WriteError> {
        self.writer.go_back()?;
        (self.begun, self.taken, self.frame) = (false, 0, None);
        self.pieces.clear();
        Ok(())
    }

    /// Writes what is left, padding included. That the data has the right digest is the caller's to know.
    pub fn finish(mut self) -> Result<(), WriteError> {
        if self.taken != self.entry.size {
            return Err(self.wrong_length());
        }
        self.begin()?;
        let padding = header::padded(self.entry.size) - self.entry.size;
        self.put(&[0; BLOCK as usize][..padding as usize])?;
        self.writer.count_entry();
        Ok(())
    }

    /// Writes the head, if nothing was written yet.
    fn begin(&mut self) -> Result<(), WriteError> {
        if !self.begun {
            // An entry that was dropped half-way may have gone on from here.
            self.restart()?;
            self.begun = true;
            self.pieces = frames_of_entry(&self.writer.plan, &self.entry).collect();
            let head = self.entry.head();
            self.put(&head)?;
        }
        Ok(())
    }

    fn put(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => self.next_frame()?,
            };
            let (rest, frame) = match frame {
                Frame::Stored { size, filled, block_ends } => {
                    self.put_stored(bytes, size, filled, block_ends)?
                }
                Frame::Gathered { size, content } => self.gather(bytes, size, content)?,
            };
            (bytes, self.frame) = (rest, frame);
        }
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Frame, WriteError> {
        let Some(PlannedFrame { size, may_be_packed }) = self.pieces.pop_front() else {
            return Err(self.wrong_length());
        };
        if may_be_packed {
            return Ok(Frame::Gathered { size, content: Vec::with_capacity(size as usize) });
        }
        self.writer.append(&stored::header(size))?;
        Ok(Frame::Stored { size, filled: 0, block_ends: 0 })
    }

    /// Passes bytes on into a stored frame; returns what it had no room for, and the frame unless it is full.
    fn put_stored<'b>(
        &mut self,
        mut bytes: &'b [u8],
        size: u64,
        mut filled: u64,
        mut block_ends: u64,
    ) -> Result<(&'b [u8], Option<Frame>), WriteError> {
        while !bytes.is_empty() && filled < size {
            if filled == block_ends {
                let (block_header, length) = stored::block(size, filled);
                self.writer.append(&block_header)?;
                block_ends += length;
            }
            let room = usize::try_from(block_ends - filled).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            self.writer.append(now)?;
            filled += now.len() as u64;
            bytes = rest;
        }
        if filled < size {
            return Ok((bytes, Some(Frame::Stored { size, filled, block_ends })));
        }
        self.writer.frames.push_stored(size);
        Ok((bytes, None))
    }

    /// Gathers bytes for a frame that may be packed; likewise.
    fn gather<'b>(
        &mut self,
        bytes: &'b [u8],
        size: u64,
        mut content: Vec<u8>,
    ) -> Result<(&'b [u8], Option<Frame>), WriteError> {
        let room = size as usize - content.len();
        let (now, rest) = bytes.split_at(bytes.len().min(room));
        content.extend_from_slice(now);
        if (content.len() as u64) < size {
            return Ok((rest, Some(Frame::Gathered { size, content })));
        }
        let packed = self.writer.packer.pack(&content).map_err(|source| self.writer.failed(source))?;
        match packed {
            Some(frame) => {
                self.writer.append(&frame)?;
                self.writer.frames.push_packed(frame.len() as u64, size, packed::digest_of(&frame));
            }
            None => {
                self.writer.append(&stored::header(size))?;
                self.put_stored(&content, size, 0, 0)?;
            }
        }
        Ok((rest, None))
    }

    fn wrong_length(&self) -> WriteError {
        WriteError::Length { digest: self.entry.digest, expected: self.entry.size, taken: self.taken }
    }
}
