//! The bytes of a planned archive that are not content: headers, padding and tail, held against the plan.
//!
//! The plan says of each of these bytes what it has to be, so any flipped bit among them is found and can be named.

use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::header;
use crate::os::read_full_at;
use crate::plan::{Plan, PlannedEntry};
use crate::scan::first_nonzero;
use crate::section::Section;
use crate::{Event, Observer, parallel};

/// A part of an entry that surrounds its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// What precedes the data.
    Header,
    /// The zeros behind it, up to a whole block.
    Padding,
}

/// The first byte around an entry's data that is not what it has to be; bytes that are missing count as wrong.
pub fn entry_defect(file: &File, entry: &PlannedEntry) -> io::Result<Option<(Region, u64)>> {
    let expected = entry.head();
    if let Some(offset) = difference(file, &expected, entry.header_offset)? {
        return Ok(Some((Region::Header, offset)));
    }
    let data_end = entry.data_offset + entry.size;
    let padding = vec![0; (header::padded(entry.size) - entry.size) as usize];
    Ok(difference(file, &padding, data_end)?.map(|offset| (Region::Padding, offset)))
}

/// The first byte of the tail that isn't zero, or is missing, or the first one behind it.
pub fn tail_defect(file: &File, length: u64, plan: &Plan) -> io::Result<Option<u64>> {
    if length < plan.size() {
        return Ok(Some(length.max(plan.tail_offset())));
    }
    let nonzero = first_nonzero(file, plan.tail_offset(), plan.size())?;
    Ok(nonzero.or((length > plan.size()).then(|| plan.size())))
}

fn difference(file: &File, expected: &[u8], offset: u64) -> io::Result<Option<u64>> {
    let mut found = vec![0; expected.len()];
    let count = read_full_at(file, &mut found, offset)?;
    let same = found[..count].iter().zip(expected).take_while(|(a, b)| a == b).count();
    Ok((same < expected.len()).then(|| offset + same as u64))
}

/// Which of the plan's blobs, in archive order, a file already holds at their places: header, data and padding, all
/// hashed or compared. Nothing is taken for granted, so a half-written archive is its own journal.
pub fn held_blobs(
    file: &Arc<File>,
    plan: &Plan,
    jobs: usize,
    observer: &dyn Observer,
) -> io::Result<Vec<bool>> {
    let blobs: Vec<&PlannedEntry> = plan.blobs().collect();
    parallel::map(&blobs, jobs, |entry| {
        if entry_defect(file, entry)?.is_some() {
            return Ok(false);
        }
        let section = Section::new(Arc::clone(file), entry.data_offset, entry.size);
        let digest = entry.digest;
        let found =
            section.digest(digest.algorithm(), |bytes| observer.notice(Event::Advanced { digest, bytes }))?;
        Ok(found == digest)
    })
    .into_iter()
    .collect()
}

/// Whether a file is, to the last byte, the archive of this plan.
pub fn is_archive_of(
    file: &Arc<File>,
    plan: &Plan,
    jobs: usize,
    observer: &dyn Observer,
) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if length != plan.size() || tail_defect(file, length, plan)?.is_some() {
        return Ok(false);
    }
    for entry in plan.entries() {
        let Some(data) = plan.known_data(entry) else { break };
        if entry_defect(file, entry)?.is_some() || difference(file, data, entry.data_offset)?.is_some() {
            return Ok(false);
        }
    }
    Ok(held_blobs(file, plan, jobs, observer)?.into_iter().all(|held| held))
}
