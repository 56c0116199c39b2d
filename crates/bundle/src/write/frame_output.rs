//! Frames one behind the other on their way into a file: stored ones as their content comes, packed ones when
//! all of it is there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::write::appender::Appender;
use crate::write::error::WriteError;
use crate::zst::frames::{FramesBuilder, Mark};
use crate::zst::framing::PlannedFrame;
use crate::zst::packed::{self, Packer};
use crate::zst::{seek_table, stored};

/// The file, and the frames that are in it.
pub(crate) struct FrameOutput {
    path: PathBuf,
    file: Arc<File>,
    out: Appender,
    pub(crate) frames: FramesBuilder,
    packer: Packer,
}

/// A frame that is being filled.
pub(crate) enum OpenFrame {
    /// Its content goes out as it comes.
    Stored { size: u64, filled: u64, block_ends: u64 },
    /// Its content is gathered, and compressed when all of it is there.
    Gathered { size: u64, content: Vec<u8> },
}

impl FrameOutput {
    /// Starts at the beginning of `file`, which `path` names, whatever is in it.
    pub(crate) fn new(path: &Path, file: &Arc<File>) -> Result<Self, WriteError> {
        let open = |source| WriteError::Open { path: path.to_owned(), source };
        Ok(FrameOutput {
            path: path.to_owned(),
            file: Arc::clone(file),
            out: Appender::new(path, Arc::clone(file)),
            frames: FramesBuilder::default(),
            packer: Packer::new().map_err(open)?,
        })
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How large the file is by now.
    pub(crate) fn position(&self) -> u64 {
        self.out.position()
    }

    /// Goes back to where the last of `mark`'s frames ends.
    pub(crate) fn go_back_to(&mut self, mark: Mark) -> Result<(), WriteError> {
        self.frames.back_to(mark);
        let end = self.frames.end();
        self.out.go_to(end).map_err(|source| self.failed(source))
    }

    /// Starts a frame.
    pub(crate) fn begin(&mut self, planned: PlannedFrame) -> Result<OpenFrame, WriteError> {
        let PlannedFrame { size, may_be_packed } = planned;
        if may_be_packed {
            return Ok(OpenFrame::Gathered { size, content: Vec::with_capacity(size as usize) });
        }
        self.append(&stored::header(size))?;
        Ok(OpenFrame::Stored { size, filled: 0, block_ends: 0 })
    }

    /// Passes bytes on into a frame; returns what it had no room for, and the frame unless it is full.
    pub(crate) fn fill<'b>(
        &mut self,
        frame: OpenFrame,
        bytes: &'b [u8],
    ) -> Result<(&'b [u8], Option<OpenFrame>), WriteError> {
        match frame {
            OpenFrame::Stored { size, filled, block_ends } => {
                self.fill_stored(bytes, size, filled, block_ends)
            }
            OpenFrame::Gathered { size, content } => self.gather(bytes, size, content),
        }
    }

    fn fill_stored<'b>(
        &mut self,
        mut bytes: &'b [u8],
        size: u64,
        mut filled: u64,
        mut block_ends: u64,
    ) -> Result<(&'b [u8], Option<OpenFrame>), WriteError> {
        while !bytes.is_empty() && filled < size {
            if filled == block_ends {
                let (block_header, length) = stored::block(size, filled);
                self.append(&block_header)?;
                block_ends += length;
            }
            let room = usize::try_from(block_ends - filled).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            self.append(now)?;
            filled += now.len() as u64;
            bytes = rest;
        }
        if filled < size {
            return Ok((bytes, Some(OpenFrame::Stored { size, filled, block_ends })));
        }
        self.frames.push_stored(size);
        Ok((bytes, None))
    }

    fn gather<'b>(
        &mut self,
        bytes: &'b [u8],
        size: u64,
        mut content: Vec<u8>,
    ) -> Result<(&'b [u8], Option<OpenFrame>), WriteError> {
        let room = size as usize - content.len();
        let (now, rest) = bytes.split_at(bytes.len().min(room));
        content.extend_from_slice(now);
        if (content.len() as u64) < size {
            return Ok((rest, Some(OpenFrame::Gathered { size, content })));
        }
        match self.packer.pack(&content).map_err(|source| self.failed(source))? {
            Some(frame) => {
                self.append(&frame)?;
                self.frames.push_packed(frame.len() as u64, size, packed::digest_of(&frame));
            }
            None => {
                self.append(&stored::header(size))?;
                self.fill_stored(&content, size, 0, 0)?;
            }
        }
        Ok((rest, None))
    }

    /// Writes `tail` as the last frame, the frame digests and the seek table, and makes all of it durable.
    pub(crate) fn finish(&mut self, tail: &[u8]) -> Result<(), WriteError> {
        let size = tail.len() as u64;
        self.append(&stored::header(size))?;
        self.append(&stored::block(size, 0).0)?;
        self.append(tail)?;
        self.frames.push_stored(size);
        let end = seek_table::encode(&self.frames);
        self.append(&end)?;
        self.out.finish().map_err(|source| self.failed(source))?;
        airlift_disk::sync_file(&self.file)
            .map_err(|source| WriteError::Sync { path: self.path.clone(), source })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.out.append(bytes).map_err(|source| self.failed(source))
    }

    pub(crate) fn failed(&self, source: io::Error) -> WriteError {
        WriteError::Write { path: self.path.clone(), offset: self.out.position(), source }
    }
}
