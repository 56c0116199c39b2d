//! Which frames a compressed file has, and how the archive is read out of them.

use std::io::{self, Read};

use airlift_disk::read::ReadAt;

use crate::content::storage::Storage;
use crate::content::stretch::{Stretch, Unpacked};
use crate::zst::cut::Piece;
use crate::zst::packed::{PackedFrame, Seal};
use crate::zst::stored::{self, StoredFrame, StoredReader};

/// Where a frame starts: in the archive, and in the compressed file. Where it ends is where the next one
/// starts.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    position: u64,
    /// Which seal it has, if it is packed.
    seal: Option<u32>,
}

/// A frame as the seek table lists it.
pub(crate) struct Listed<'a> {
    pub(crate) packed_size: u64,
    pub(crate) size: u64,
    pub(crate) seal: Option<&'a Seal>,
}

/// Frames one behind the other, as they are found or written.
#[derive(Clone, Debug, Default)]
pub(crate) struct FramesBuilder {
    places: Vec<Place>,
    seals: Vec<Seal>,
    offset: u64,
    position: u64,
}

/// A number of frames to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    places: usize,
    seals: usize,
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

    pub(crate) fn push_packed(&mut self, packed: u64, size: u64, seal: Seal) {
        let number = u32::try_from(self.seals.len()).unwrap_or(u32::MAX);
        self.seals.push(seal);
        self.push(packed, size, Some(number));
    }

    /// Sizes are of 32 bits, and there are not 2^32 frames: the sums fit.
    fn push(&mut self, packed: u64, size: u64, seal: Option<u32>) {
        self.places.push(Place { offset: self.offset, position: self.position, seal });
        self.offset += size;
        self.position += packed;
    }

    pub(crate) fn mark(&self) -> Mark {
        let (places, seals) = (self.places.len(), self.seals.len());
        Mark { places, seals, offset: self.offset, position: self.position }
    }

    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.places.truncate(mark.places);
        self.seals.truncate(mark.seals);
        (self.offset, self.position) = (mark.offset, mark.position);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Listed<'_>> {
        (0..self.places.len()).map(|number| {
            let (place, next) = (self.places[number], self.next(number));
            Listed {
                packed_size: next.1 - place.position,
                size: next.0 - place.offset,
                seal: place.seal.and_then(|seal| self.seals.get(seal as usize)),
            }
        })
    }

    /// Where the frame behind that one starts: in the archive, and in the compressed file.
    fn next(&self, number: usize) -> (u64, u64) {
        self.places.get(number + 1).map_or((self.offset, self.position), |next| (next.offset, next.position))
    }

    pub(crate) fn build(self, bytes: Storage) -> Frames {
        Frames { bytes, list: self }
    }
}

/// The frames of a compressed file, open.
#[derive(Debug)]
pub(crate) struct Frames {
    bytes: Storage,
    list: FramesBuilder,
}

impl Frames {
    /// How many bytes the archive has.
    pub(crate) fn len(&self) -> u64 {
        self.list.offset
    }

    /// The archive's bytes from `offset` on, at most `wanted` of them, as far as one frame has them; and how
    /// many these are.
    pub(crate) fn stretch(&self, offset: u64, wanted: u64) -> io::Result<(Stretch, u64)> {
        if offset >= self.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let number = self.list.places.partition_point(|place| place.offset <= offset).saturating_sub(1);
        let place = self.list.places[number];
        let (next_offset, next_position) = self.list.next(number);
        let (within, size) = (offset - place.offset, next_offset - place.offset);
        let count = wanted.min(size - within);
        let seal = place.seal.and_then(|seal| self.list.seals.get(seal as usize));
        let stretch = match seal {
            None => {
                let frame = StoredFrame { position: place.position, size };
                Stretch::Stored(StoredReader::new(&self.bytes, frame, within, count))
            }
            Some(seal) => {
                let packed = next_position - place.position;
                let frame = PackedFrame { position: place.position, packed, size };
                Stretch::Unpacked(Unpacked::new(frame.unpack(&self.bytes, seal)?, within, count))
            }
        };
        Ok((stretch, count))
    }

    /// Where the archive is first cut into frames in another way than `pieces` says.
    pub(crate) fn cut_otherwise(&self, mut pieces: impl Iterator<Item = Piece>) -> Option<u64> {
        let mut offset = 0;
        for frame in self.list.iter() {
            let fits = pieces.next().is_some_and(|piece| {
                piece.size == frame.size && (piece.may_be_packed || frame.seal.is_none())
            });
            if !fits {
                return Some(offset);
            }
            offset += frame.size;
        }
        pieces.next().map(|_| offset)
    }
}

impl ReadAt for Frames {
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() && offset + (filled as u64) < self.len() {
            let wanted = (buffer.len() - filled) as u64;
            let (mut stretch, count) = self.stretch(offset + filled as u64, wanted)?;
            stretch.read_exact(&mut buffer[filled..filled + count as usize])?;
            filled += count as usize;
        }
        Ok(filled)
    }
}
