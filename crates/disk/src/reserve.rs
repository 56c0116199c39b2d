//! Room on the disk, reserved before an hour's transfer.

use std::fs::File;
use std::io;

use crate::lacking::is_lacking;

/// Reserves `size` bytes for the file, so that a full disk is found now and not after an hour's transfer.
/// File systems that can't reserve get a file of that length without blocks, or one that grows as it is
/// written to.
pub fn reserve(file: &File, size: u64) -> io::Result<()> {
    match file.set_len(size) {
        // What is too short grows by itself; what is too long has to be cut.
        Err(error) if is_lacking(&error) && file.metadata()?.len() <= size => {}
        outcome => outcome?,
    }
    allocate(file, size, Length::Size)
}

/// Reserves room for the first `size` bytes of a file that is still to grow to that length, where the file
/// system can.
pub fn reserve_ahead(file: &File, size: u64) -> io::Result<()> {
    if size > 0 { allocate(file, size, Length::Kept) } else { Ok(()) }
}

/// How long the file is when its blocks are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// As long as the room.
    Size,
    /// As it was.
    Kept,
}

/// Whatever else is said, too little room, too large a file and a broken disk are errors; all others say that
/// room can't be reserved.
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
