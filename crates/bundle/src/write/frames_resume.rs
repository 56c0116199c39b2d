//! Finds the complete entries of an unfinished compressed archive: all bytes are hashed or compared again.

use std::io::{self, BufRead};

use airlift_disk::{ReadAt, is_damage};
use airlift_oci::Hasher;

use crate::content::storage::Storage;
use crate::plan::{Plan, PlannedEntry};
use crate::zst::frames::{FrameReader, FramesBuilder};
use crate::zst::framing::{PlannedFrame, frames_of_entry};
use crate::zst::packed::{self, PackedFrame, UnpackedReader};
use crate::zst::stored::{self, StoredFrame, StoredReader};

/// Whether the next entry lies whole behind `frames`, to which its frames are added on the way. Calls
/// `progress` with the number of bytes of data that were read.
pub(crate) fn keep(
    bytes: &Storage,
    plan: &Plan,
    entry: &PlannedEntry,
    frames: &mut FramesBuilder,
    progress: &mut dyn FnMut(u64),
) -> io::Result<bool> {
    let mut proof = Proof::of(entry);
    for planned in frames_of_entry(plan, entry) {
        match take(bytes, planned, frames, &mut proof, progress) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) if is_damage(&error) || error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(proof.holds())
}

/// Reads a planned frame; `false` if it is no frame, or has other content.
fn take(
    bytes: &Storage,
    planned: PlannedFrame,
    frames: &mut FramesBuilder,
    proof: &mut Proof,
    progress: &mut dyn FnMut(u64),
) -> io::Result<bool> {
    let position = frames.end();
    let mut reader = if is_stored(bytes, planned, position)? {
        frames.push_stored(planned.size);
        let frame = StoredFrame { position, size: planned.size };
        FrameReader::Stored(StoredReader::new(bytes.source(), frame, 0, planned.size))
    } else {
        let Some((content, frame)) = unpack(bytes, planned, position)? else { return Ok(false) };
        frames.push_packed(frame.len() as u64, planned.size, packed::digest_of(&frame));
        FrameReader::Packed(UnpackedReader::new(content, 0, planned.size))
    };
    loop {
        let found = reader.fill_buf()?;
        let count = found.len();
        if count == 0 {
            return Ok(true);
        }
        let Some(data) = proof.take(found) else { return Ok(false) };
        progress(data);
        reader.consume(count);
    }
}

fn is_stored(bytes: &Storage, planned: PlannedFrame, position: u64) -> io::Result<bool> {
    let mut found = [0; stored::HEADER as usize];
    let count = bytes.read_full_at(&mut found, position)?;
    Ok(!planned.may_be_packed || found[..count] == stored::header(planned.size))
}

/// The content and the bytes of a packed frame. Only the frame itself says how long it is.
fn unpack(bytes: &Storage, planned: PlannedFrame, position: u64) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    // Of a frame that may be packed, so it is a chunk at most.
    let mut found = vec![0; stored::frame_size(planned.size) as usize];
    let count = bytes.read_full_at(&mut found, position)?;
    found.truncate(count);
    let Some(packed) = packed::length_of(&found) else { return Ok(None) };
    let frame = PackedFrame { position, packed, size: planned.size };
    if !frame.is_sane() {
        return Ok(None);
    }
    found.truncate(packed as usize);
    frame.content_of(&found).map(|content| Some((content, found)))
}

/// Compares an entry's head and padding, and hashes its data.
struct Proof {
    entry: PlannedEntry,
    head: Vec<u8>,
    taken: u64,
    hasher: Hasher,
}

impl Proof {
    fn of(entry: &PlannedEntry) -> Self {
        let hasher = Hasher::new(entry.digest.algorithm());
        Proof { entry: *entry, head: entry.header(), taken: 0, hasher }
    }

    /// Takes the entry's next bytes, and says how many of them were data; `None` where head or padding is
    /// another.
    fn take(&mut self, bytes: &[u8]) -> Option<u64> {
        let up_to = |end: u64, taken: u64, length: usize| {
            length.min(usize::try_from(end.saturating_sub(taken)).unwrap_or(usize::MAX))
        };
        let head_end = self.head.len() as u64;
        let (head, rest) = bytes.split_at(up_to(head_end, self.taken, bytes.len()));
        let is_head = head.is_empty() || self.head[self.taken as usize..].starts_with(head);
        self.taken += head.len() as u64;
        let (data, padding) = rest.split_at(up_to(head_end + self.entry.size, self.taken, rest.len()));
        self.hasher.update(data);
        self.taken += rest.len() as u64;
        let is_right = is_head && padding.iter().all(|byte| *byte == 0);
        is_right.then_some(data.len() as u64)
    }

    fn holds(self) -> bool {
        let expected = self.entry.end() - self.entry.header_offset;
        self.taken == expected && self.hasher.finish() == self.entry.digest
    }
}
