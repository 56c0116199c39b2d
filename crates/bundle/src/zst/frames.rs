//! Which frames a compressed file has, and how the archive is read out of them.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use airlift_disk::{Contiguous, PieceReader, ReadAt};
use bytes::Bytes;

use crate::zst::framing::PlannedFrame;
use crate::zst::packed::{FrameDigest, PackedFrame, UnpackedReader};
use crate::zst::stored::{self, StoredFrame, StoredReader};

/// Where a frame starts. It ends where the next one starts.
#[derive(Clone, Copy, Debug)]
struct FrameStart {
    /// In the archive.
    offset: u64,
    /// In the compressed file.
    position: u64,
    /// Which of the frame digests it has, if it is packed.
    digest: Option<u32>,
}

/// A frame as the seek table lists it.
pub(crate) struct ListedFrame<'a> {
    pub(crate) packed_size: u64,
    pub(crate) size: u64,
    /// The digest of a packed frame; `None` for a stored one.
    pub(crate) digest: Option<&'a FrameDigest>,
}

/// Frames one behind the other, as they are found or written.
#[derive(Clone, Debug, Default)]
pub(crate) struct FramesBuilder {
    starts: Vec<FrameStart>,
    digests: Vec<FrameDigest>,
    /// Where the next frame starts in the archive.
    offset: u64,
    /// Where the next frame starts in the compressed file.
    position: u64,
}

/// A number of frames to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    starts: usize,
    digests: usize,
    offset: u64,
    position: u64,
}

impl FramesBuilder {
    /// Where the next frame starts in the compressed file.
    pub(crate) fn end(&self) -> u64 {
        self.position
    }

    pub(crate) fn push_stored(&mut self, size: u64) {
        self.push(stored::frame_size(size), size, None);
    }

    pub(crate) fn push_packed(&mut self, packed: u64, size: u64, digest: FrameDigest) {
        let number = u32::try_from(self.digests.len()).unwrap_or(u32::MAX);
        self.digests.push(digest);
        self.push(packed, size, Some(number));
    }

    /// Sizes are of 32 bits, and there are not 2^32 frames: the sums fit.
    fn push(&mut self, packed: u64, size: u64, digest: Option<u32>) {
        self.starts.push(FrameStart { offset: self.offset, position: self.position, digest });
        self.offset += size;
        self.position += packed;
    }

    pub(crate) fn mark(&self) -> Mark {
        let (starts, digests) = (self.starts.len(), self.digests.len());
        Mark { starts, digests, offset: self.offset, position: self.position }
    }

    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.starts.truncate(mark.starts);
        self.digests.truncate(mark.digests);
        (self.offset, self.position) = (mark.offset, mark.position);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = ListedFrame<'_>> {
        (0..self.starts.len()).map(|number| {
            let (start, end) = (self.starts[number], self.end_of(number));
            ListedFrame {
                packed_size: end.1 - start.position,
                size: end.0 - start.offset,
                digest: self.digest_of(start),
            }
        })
    }

    fn digest_of(&self, start: FrameStart) -> Option<&FrameDigest> {
        start.digest.and_then(|number| self.digests.get(number as usize))
    }

    /// Where a frame ends: in the archive, and in the compressed file.
    fn end_of(&self, number: usize) -> (u64, u64) {
        self.starts.get(number + 1).map_or((self.offset, self.position), |next| (next.offset, next.position))
    }

    pub(crate) fn build(self, source: Arc<dyn ReadAt>) -> Frames {
        Frames { source, list: self }
    }
}

/// The frames of a compressed file, open.
#[derive(Debug)]
pub(crate) struct Frames {
    source: Arc<dyn ReadAt>,
    list: FramesBuilder,
}

impl Frames {
    /// The archive's bytes from `offset` on, at most `wanted` of them, as far as one frame has them; and how
    /// many these are.
    fn read_from(&self, offset: u64, wanted: u64) -> io::Result<(FrameReader, u64)> {
        if offset >= self.list.offset {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let number = self.list.starts.partition_point(|start| start.offset <= offset).saturating_sub(1);
        let start = self.list.starts[number];
        let (end_offset, end_position) = self.list.end_of(number);
        let (within, size) = (offset - start.offset, end_offset - start.offset);
        let count = wanted.min(size - within);
        let reader = match self.list.digest_of(start) {
            None => {
                let frame = StoredFrame { position: start.position, size };
                FrameReader::Stored(StoredReader::new(Arc::clone(&self.source), frame, within, count))
            }
            Some(digest) => {
                let packed = end_position - start.position;
                let frame = PackedFrame { position: start.position, packed, size };
                let content = frame.unpack(&*self.source, digest)?;
                FrameReader::Packed(UnpackedReader::new(content, within, count))
            }
        };
        Ok((reader, count))
    }

    /// The first byte of the archive that lies in another frame than it is `planned` to lie in.
    pub(crate) fn difference(&self, mut planned: impl Iterator<Item = PlannedFrame>) -> Option<u64> {
        let mut offset = 0;
        for frame in self.list.iter() {
            let fits = planned.next().is_some_and(|planned| {
                planned.size == frame.size && (planned.may_be_packed || frame.digest.is_none())
            });
            if !fits {
                return Some(offset);
            }
            offset += frame.size;
        }
        planned.next().map(|_| offset)
    }
}

impl ReadAt for Frames {
    fn size(&self) -> io::Result<u64> {
        Ok(self.list.offset)
    }

    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() && offset + (filled as u64) < self.list.offset {
            let wanted = (buffer.len() - filled) as u64;
            let (mut reader, count) = self.read_from(offset + filled as u64, wanted)?;
            reader.read_exact(&mut buffer[filled..filled + count as usize])?;
            filled += count as usize;
        }
        Ok(filled)
    }

    fn contiguous_from(self: Arc<Self>, offset: u64, wanted: u64) -> io::Result<Contiguous> {
        let (reader, size) = self.read_from(offset, wanted)?;
        Ok(Contiguous { reader: Box::new(reader), size })
    }
}

/// Reads content of one frame.
#[derive(Debug)]
pub(crate) enum FrameReader {
    Stored(StoredReader),
    Packed(UnpackedReader),
}

impl BufRead for FrameReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            FrameReader::Stored(reader) => reader.fill_buf(),
            FrameReader::Packed(reader) => reader.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            FrameReader::Stored(reader) => reader.consume(count),
            FrameReader::Packed(reader) => reader.consume(count),
        }
    }
}

impl PieceReader for FrameReader {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        match self {
            FrameReader::Stored(reader) => reader.next_piece(most),
            FrameReader::Packed(reader) => reader.next_piece(most),
        }
    }
}

impl Read for FrameReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            FrameReader::Stored(reader) => reader.read(buffer),
            FrameReader::Packed(reader) => reader.read(buffer),
        }
    }
}
