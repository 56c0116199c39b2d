//! Compares the bytes of an archive that are not content, which are headers, padding and tail, with its plan.
//!
//! The plan determines each of these bytes, so any flipped bit among them is found, and its place is known.

use std::io;

use airlift_disk::{ReadAt, is_damage};

use crate::content::storage::Storage;
use crate::plan::{Plan, PlannedEntry};
use crate::tar::header;
use crate::tar::zeros::first_nonzero;
use crate::zst::framing::planned_frames;

/// A part of an entry around its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The tar header, before the data.
    Header,
    /// The zeros behind the data, up to a whole block.
    Padding,
}

/// The first byte around an entry's data that differs from the plan; a missing byte counts as different.
///
/// # Errors
/// If the file can't be read.
pub fn entry_difference(file: &impl ReadAt, entry: &PlannedEntry) -> io::Result<Option<(Region, u64)>> {
    let expected = entry.header();
    if let Some(offset) = difference(file, &expected, entry.header_offset)? {
        return Ok(Some((Region::Header, offset)));
    }
    let data_end = entry.data_offset + entry.size;
    let padding = vec![0; (header::padded(entry.size) - entry.size) as usize];
    Ok(difference(file, &padding, data_end)?.map(|offset| (Region::Padding, offset)))
}

/// The first byte of the tail that isn't zero, or is missing, or the first byte behind the tail.
///
/// # Errors
/// If the file can't be read.
pub fn tail_difference(file: &impl ReadAt, length: u64, plan: &Plan) -> io::Result<Option<u64>> {
    if length < plan.size() {
        return Ok(Some(length.max(plan.tail_offset())));
    }
    let nonzero = first_nonzero(file, plan.tail_offset(), plan.size())?;
    Ok(nonzero.or((length > plan.size()).then(|| plan.size())))
}

/// The first byte from `offset` on that differs from what is `expected` there.
pub(crate) fn difference(file: &impl ReadAt, expected: &[u8], offset: u64) -> io::Result<Option<u64>> {
    let mut found = vec![0; expected.len()];
    let count = match file.read_full_at(&mut found, offset) {
        // Damaged bytes differ, too.
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
