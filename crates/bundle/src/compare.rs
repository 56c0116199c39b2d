//! The bytes of a planned archive that are not content: headers, padding and tail, held against the plan.
//!
//! The plan says of each of these bytes what it has to be, so any flipped bit among them is found and can be
//! named.

use std::io;

use airlift_disk::read::ReadAt;
use airlift_oci::Observer;

use crate::content::storage::Storage;
use crate::plan::{Plan, PlannedEntry};
use crate::resume::{Held, held};
use crate::tar::header;
use crate::tar::scan::first_nonzero;
use crate::zst::is_damage;

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
pub fn entry_defect(file: &impl ReadAt, entry: &PlannedEntry) -> io::Result<Option<(Region, u64)>> {
    let expected = entry.head();
    if let Some(offset) = difference(file, &expected, entry.header_offset)? {
        return Ok(Some((Region::Header, offset)));
    }
    let data_end = entry.data_offset + entry.size;
    let padding = vec![0; (header::padded(entry.size) - entry.size) as usize];
    Ok(difference(file, &padding, data_end)?.map(|offset| (Region::Padding, offset)))
}

/// The first byte of the tail that isn't zero, or is missing, or the first one behind it.
pub fn tail_defect(file: &impl ReadAt, length: u64, plan: &Plan) -> io::Result<Option<u64>> {
    if length < plan.size() {
        return Ok(Some(length.max(plan.tail_offset())));
    }
    let nonzero = first_nonzero(file, plan.tail_offset(), plan.size())?;
    Ok(nonzero.or((length > plan.size()).then(|| plan.size())))
}

fn difference(file: &impl ReadAt, expected: &[u8], offset: u64) -> io::Result<Option<u64>> {
    let mut found = vec![0; expected.len()];
    let count = match file.read_full_at(&mut found, offset) {
        // What can't be unpacked is not what it has to be, either.
        Err(error) if is_damage(&error) => return Ok(Some(offset)),
        outcome => outcome?,
    };
    let same = found[..count].iter().zip(expected).take_while(|(a, b)| a == b).count();
    Ok((same < expected.len()).then(|| offset + same as u64))
}

/// Whether what is there is, to the last byte, the archive of this plan.
pub fn is_archive_of(
    archive: impl Into<Storage>,
    plan: &Plan,
    jobs: usize,
    observer: &dyn Observer,
) -> io::Result<bool> {
    let archive = archive.into();
    let length = archive.len()?;
    if length != plan.size() || tail_defect(&archive, length, plan)?.is_some() {
        return Ok(false);
    }
    for entry in plan.entries() {
        let Some(data) = plan.known_data(entry) else { break };
        if entry_defect(&archive, entry)?.is_some()
            || difference(&archive, data, entry.data_offset)?.is_some()
        {
            return Ok(false);
        }
    }
    let held = held(archive, plan, jobs, observer)?;
    Ok(held.iter().all(|blob| matches!(blob, Held::Whole)))
}
