//! Hashes sections side by side on one thread, each in a lane.

use std::io::{self, BufRead};
use std::sync::Arc;

use airlift_disk::{PIECE, RangeReader, ReadAt};
use airlift_oci::multi_buffer::{FEWEST_LANES, LANES};
use airlift_oci::{Digest, Hasher, MultiBuffer};

use crate::content::hash_one::{HashStep, Unhashed, UnhashedList};

/// How much of a section is read at a time. All lanes together stay in the L2 cache.
const READ: usize = 64 << 10;
/// The bytes between the reads of two lanes. The lanes are read at the same pace: a round distance would let
/// all of them use the same few lines of the L1 cache.
const STRIDE: usize = READ + 256;
/// All lanes take as many bytes at a time as the one with the fewest has, but not fewer than this.
const LEAST_STEP: usize = 4 << 10;
/// SHA-256's own unit.
const BLOCK: usize = 64;

/// A section in its lane.
struct Lane {
    /// The section's position in the list.
    position: usize,
    unhashed: Unhashed,
    source: Arc<dyn ReadAt>,
    hasher: Hasher,
    /// How many bytes of the section were read.
    read: u64,
    /// How many bytes the lane's memory holds, and how many of them were hashed.
    filled: usize,
    hashed: usize,
    /// Bytes that were hashed, and not reported yet.
    unreported: u64,
}

impl Lane {
    /// How many bytes can be hashed without reading.
    fn available(&self) -> usize {
        self.filled - self.hashed
    }

    fn is_complete(&self) -> bool {
        self.available() == 0 && self.read == self.unhashed.section.size()
    }

    /// Reads on if all that was read is hashed. `false` if the next bytes would have to be waited for, or
    /// can't be read: then they are read in the usual way, with its errors.
    fn refill(&mut self, memory: &mut [u8]) -> bool {
        if self.available() > 0 || self.is_complete() {
            return true;
        }
        let section = &self.unhashed.section;
        let left = section.size() - self.read;
        let wanted = READ.min(usize::try_from(left).unwrap_or(READ));
        let (room, offset) = (&mut memory[..wanted], section.offset() + self.read);
        let count = if section.size() <= READ as u64 {
            self.source.read_full_at(room, offset).ok().filter(|count| *count == wanted)
        } else {
            self.source.read_cached_at(room, offset)
        };
        // Only the end of a section may be in the middle of a block.
        let whole = |count: usize| if count < wanted { count - count % BLOCK } else { count };
        (self.filled, self.hashed) = (count.map_or(0, whole), 0);
        self.read += self.filled as u64;
        self.filled > 0
    }

    /// Notes that `count` bytes more were hashed.
    fn advance(&mut self, count: usize, notice: impl Fn(HashStep)) {
        self.hashed += count;
        self.unreported += count as u64;
        if self.unreported >= PIECE as u64 || self.is_complete() {
            notice(HashStep::Hashed(self.unreported));
            self.unreported = 0;
        }
    }

    /// Hashes the rest of the section, without the other lanes.
    fn finish_alone(mut self, memory: &[u8], notice: impl Fn(HashStep)) -> io::Result<Digest> {
        let section = &self.unhashed.section;
        let rest = self.hashed..self.filled;
        if self.read == 0 {
            self.hasher = Hasher::new(self.unhashed.algorithm);
        }
        self.hasher.update(&memory[rest.clone()]);
        let count = self.unreported + rest.len() as u64;
        if count > 0 {
            notice(HashStep::Hashed(count));
        }
        let (offset, left) = (section.offset() + self.read, section.size() - self.read);
        let mut reader = RangeReader::new(self.source, offset, left);
        loop {
            let piece = reader.fill_buf()?;
            let count = piece.len();
            if count == 0 {
                return Ok(self.hasher.finish());
            }
            self.hasher.update(piece);
            reader.consume(count);
            notice(HashStep::Hashed(count as u64));
        }
    }
}

/// The lanes of one thread.
pub(crate) struct Lanes<'a, L: UnhashedList> {
    processor: MultiBuffer,
    list: &'a L,
    lanes: Vec<Option<Lane>>,
    memory: Vec<u8>,
    found: Vec<(usize, L::Found)>,
}

impl<'a, L: UnhashedList> Lanes<'a, L> {
    pub(crate) fn new(processor: MultiBuffer, list: &'a L) -> Self {
        let lanes = (0..LANES).map(|_| None).collect();
        Lanes { processor, list, lanes, memory: vec![0; LANES * STRIDE], found: Vec::new() }
    }

    /// Hashes the sections at the positions that `next` gives, until it gives none. `next` is asked for as
    /// many as there are free lanes, and may give fewer.
    pub(crate) fn run(mut self, next: impl Fn(usize) -> &'a [usize]) -> Vec<(usize, L::Found)> {
        loop {
            let is_last = self.admit(&next);
            if is_last && self.lanes.iter().flatten().count() < FEWEST_LANES {
                break;
            }
            self.advance();
        }
        for lane in 0..LANES {
            self.leave(lane);
        }
        self.found
    }

    /// Puts sections into the free lanes. Returns whether there are no more.
    fn admit(&mut self, next: impl Fn(usize) -> &'a [usize]) -> bool {
        loop {
            let free: Vec<usize> = (0..LANES).filter(|lane| self.lanes[*lane].is_none()).collect();
            if free.is_empty() {
                return false;
            }
            let positions = next(free.len());
            if positions.is_empty() {
                return true;
            }
            for (lane, position) in free.into_iter().zip(positions) {
                self.open(lane, *position);
            }
        }
    }

    fn open(&mut self, number: usize, position: usize) {
        let Some(unhashed) = self.list.at(position) else { return };
        self.list.notice(position, HashStep::Started);
        match unhashed.section.open() {
            Ok(source) => {
                let hasher = Hasher::sha256_lane(self.processor);
                let (read, filled, hashed, unreported) = (0, 0, 0, 0);
                self.lanes[number] =
                    Some(Lane { position, unhashed, source, hasher, read, filled, hashed, unreported });
                self.refill(number);
            }
            Err(error) => self.conclude(position, Err(error)),
        }
    }

    /// Reads on in a lane. Frees it if its section ends, or has to be read in the usual way.
    fn refill(&mut self, number: usize) {
        let memory = &mut self.memory[number * STRIDE..][..READ];
        let Some(lane) = &mut self.lanes[number] else { return };
        if !lane.refill(memory) || lane.is_complete() {
            self.leave(number);
        }
    }

    /// Frees a lane: what its section still has is hashed without the other lanes.
    fn leave(&mut self, number: usize) {
        if let Some(lane) = self.lanes[number].take() {
            let (position, memory) = (lane.position, &self.memory[number * STRIDE..]);
            let digest = lane.finish_alone(memory, |step| self.list.notice(position, step));
            self.conclude(position, digest);
        }
    }

    fn conclude(&mut self, position: usize, digest: io::Result<Digest>) {
        self.list.notice(position, HashStep::Finished);
        self.found.extend(self.list.keep(position, digest).map(|found| (position, found)));
    }

    /// Hashes as many bytes of each section as all of them have.
    fn advance(&mut self) {
        let fewest = self.lanes.iter().flatten().map(Lane::available).min().unwrap_or_default();
        let step = fewest.max(LEAST_STEP) / BLOCK * BLOCK;
        let lanes = self.lanes.iter_mut().zip(self.memory.chunks(STRIDE));
        Hasher::update_all(lanes.filter_map(|(lane, memory)| {
            let lane = lane.as_mut()?;
            let piece = &memory[lane.hashed..lane.filled.min(lane.hashed + step)];
            Some((&mut lane.hasher, piece))
        }));
        for lane in self.lanes.iter_mut().flatten() {
            let (count, position) = (step.min(lane.available()), lane.position);
            lane.advance(count, |step| self.list.notice(position, step));
        }
        for number in 0..LANES {
            self.refill(number);
        }
    }
}
