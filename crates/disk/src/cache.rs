//! The system's page cache: reading what it holds, and emptying it of one file.

use std::fs::File;

#[cfg(target_os = "linux")]
use std::io;

/// Reads at `offset` what the page cache holds, as far as it reaches; `None` where it holds nothing, or can't
/// tell.
#[cfg(target_os = "linux")]
pub fn read_cached_at(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let buffers = &mut [io::IoSliceMut::new(buffer)];
    preadv2(file, buffers, offset, ReadWriteFlags::NOWAIT).ok().filter(|count| *count > 0)
}

/// Nothing is known of the page cache of this system.
#[cfg(not(target_os = "linux"))]
pub fn read_cached_at(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
    None
}

/// Takes out of the page cache what is on disk, so that the disk itself is read. After a flush that failed,
/// the system holds what it could not write for written, and only its cache has it.
pub fn forget_cached(file: &File) {
    // A request that may be refused; what comes is hashed either way.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}
