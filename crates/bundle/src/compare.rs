//! The bytes of a planned archive that are not content: headers, padding and tail, held against the plan.
//!
//! The plan says of each of these bytes what it has to be, so any flipped bit among them is found and can be
//! named.

use std::io;

use airlift_disk::{ReadAt, is_damage};

use crate::content::storage::Storage;
use crate::plan::{Plan, PlannedEntry};
use crate::tar::header;
use crate::tar::zeros::first_nonzero;
use crate::zst::framing::planned_frames;

/// A part of an entry that surrounds its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// What precedes the data.
    Header,
    /// The zeros behind it, up to a whole block.
    Padding,
}

/// The first byte around an entry's data that is not what it has to be; bytes that are missing count as
/// wrong.
pub fn entry_difference(file: &impl ReadAt, entry: &PlannedEntry) -> io::Result<Option<(Region, u64)>> {
    let expected = entry.head();
    if let Some(offset) = difference(file, &expected, entry.header_offset)? {
        return Ok(Some((Region::Header, offset)));
    }
    let data_end = entry.data_offset + entry.size;
    let padding = vec![0; (header::padded(entry.size) - entry.size) as usize];
    Ok(difference(file, &padding, data_end)?.map(|offset| (Region::Padding, offset)))
}

/// The first byte of the tail that isn't zero, or is missing, or the first one behind it.
pub fn tail_difference(file: &impl ReadAt, length: u64, plan: &Plan) -> io::Result<Option<u64>> {
    if length < plan.size() {
        return Ok(Some(length.max(plan.tail_offset())));
    }
    let nonzero = first_nonzero(file, plan.tail_offset(), plan.size())?;
    Ok(nonzero.or((length > plan.size()).then(|| plan.size())))
}

pub(crate) fn difference(file: &impl ReadAt, expected: &[u8], offset: u64) -> io::Result<Option<u64>> {
    let mut found = vec![0; expected.len()];
    let count = match file.read_full_at(&mut found, offset) {
        // What can't be unpacked is not what it has to be, either.
        Err(error) if is_damage(&error) => return Ok(Some(offset)),
        outcome => outcome?,
    };
    let same = found[..count].iter().zip(expected).take_while(|(a, b)| a == b).count();
    Ok((same < expected.len()).then(|| offset + same as u64))
}

/// The first byte of an archive read out of zstd frames that lies in another frame than a writer would put it
/// in; `None` also for an archive that isn't read out of frames.
pub fn frames_difference(archive: &Storage, plan: &Plan) -> Option<u64> {
    archive.frames()?.difference(planned_frames(plan))
}
