//! Reserves room on the disk before a long transfer.

use std::fs::File;
use std::io;

use crate::unsupported::is_unsupported;

/// Reserves `size` bytes for the file, so that a full disk shows now and not after an hour's transfer. Where
/// a file system can't reserve, the file gets that length without blocks, or it grows as it is written to.
///
/// # Errors
/// If there is no room, the file is too large for the file system, or the disk fails.
pub fn reserve(file: &File, size: u64) -> io::Result<()> {
    match file.set_len(size) {
        // A file that is too short grows as it is written to. One that is too long has to be cut.
        Err(error) if is_unsupported(&error) && file.metadata()?.len() <= size => {}
        outcome => outcome?,
    }
    allocate(file, size, Length::Size)
}

/// Reserves room for the first `size` bytes of a file that is still to grow to that length, where the file
/// system can.
///
/// # Errors
/// If there is no room, the file is too large for the file system, or the disk fails.
pub fn reserve_ahead(file: &File, size: u64) -> io::Result<()> {
    if size > 0 { allocate(file, size, Length::Kept) } else { Ok(()) }
}

/// What reserving does to the file's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// The file becomes as long as the room.
    Size,
    /// The file stays as long as it was.
    Kept,
}

/// Too little room, too large a file and a broken disk are errors. Every other answer means that this file
/// system can't reserve.
#[cfg(target_os = "linux")]
fn allocate(file: &File, size: u64, length: Length) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    use rustix::io::Errno;

    let flags = if length == Length::Kept { FallocateFlags::KEEP_SIZE } else { FallocateFlags::empty() };
    match rustix::io::retry_on_intr(|| rustix::fs::fallocate(file, flags, 0, size)) {
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::IO)) => Err(errno.into()),
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64, _: Length) -> io::Result<()> {
    Ok(())
}
