//! Zeros: the end of a tar archive is nothing else.

use std::io;

use airlift_disk::{ReadAt, is_damage};

/// The first byte from `start` up to `end` that isn't zero, or is damaged.
///
/// # Errors
/// If the file can't be read.
pub(crate) fn first_nonzero(file: &impl ReadAt, start: u64, end: u64) -> io::Result<Option<u64>> {
    const PIECE: u64 = 64 << 10;
    let mut buffer = vec![0; PIECE.min(end.saturating_sub(start)) as usize];
    let mut at = start;
    while at < end {
        let wanted = buffer.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
        let count = match file.read_full_at(&mut buffer[..wanted], at) {
            Err(error) if is_damage(&error) => return Ok(Some(at)),
            outcome => outcome?,
        };
        if let Some(position) = buffer[..count].iter().position(|byte| *byte != 0) {
            return Ok(Some(at + position as u64));
        }
        if count < wanted {
            break;
        }
        at += count as u64;
    }
    Ok(None)
}
