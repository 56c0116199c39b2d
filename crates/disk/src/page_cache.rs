//! The system's page cache: reading what it holds, and removing a file from it.

use std::fs::File;

#[cfg(target_os = "linux")]
use std::io;

/// Reads at `offset` as much as the page cache holds. `None` where it holds nothing, or where the system
/// doesn't say.
#[cfg(target_os = "linux")]
pub(crate) fn read_cached_at(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let buffers = &mut [io::IoSliceMut::new(buffer)];
    preadv2(file, buffers, offset, ReadWriteFlags::NOWAIT).ok().filter(|count| *count > 0)
}

/// This system has no such read.
#[cfg(not(target_os = "linux"))]
pub(crate) fn read_cached_at(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
    None
}

/// Removes the file from the page cache, so that the next read comes from the disk. After a failed flush, the
/// cache may report unwritten data as written.
pub fn drop_cached(file: &File) {
    // The system may refuse. What is read is hashed in either case.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}
