//! What one operating system or file system offers and another doesn't: direct reads and writes, reserved space, locks, renames
//! that never replace, folders that can be flushed.
//!
//! Each has a portable fallback, so that the rest of the crate needs no `cfg` and never asks what it runs on. `docs/filesystems.md` has
//! the table of what is lacking where.

mod direct;
mod names;
mod reserve;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::io::Errno;

pub(crate) use direct::{AlignedBuffer, Outlet, reopen_direct};
pub(crate) use names::{folder_of, longest_name, rename_new, replace, sync_file, sync_folder};
pub use names::{names_in, settle};
pub(crate) use reserve::{reserve, reserve_ahead};

/// Whether an error says that the file system doesn't know the operation, and not that the operation failed.
///
/// EPERM is what FAT, exFAT and shared folders of virtual machines say, and what some sandboxes say of calls that they don't know. Where
/// it means a missing right, the fallback has that right no more than the call had, and says so.
pub(crate) fn is_lacking(error: &io::Error) -> bool {
    let lacking = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOTTY, Errno::PERM];
    Errno::from_io_error(error).is_some_and(|errno| lacking.contains(&errno))
}

/// Reads at `offset` what the page cache holds, as far as it reaches; `None` where it holds nothing, or can't tell.
#[cfg(target_os = "linux")]
pub(crate) fn read_cached_at(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let buffers = &mut [io::IoSliceMut::new(buffer)];
    preadv2(file, buffers, offset, ReadWriteFlags::NOWAIT).ok().filter(|count| *count > 0)
}

/// Nothing is known of the page cache of this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn read_cached_at(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
    None
}

/// Takes out of the page cache what is on disk, so that the disk itself is read. After a flush that failed, the system holds what it could not
/// write for written, and only its cache has it.
pub(crate) fn forget_cached(file: &File) {
    // A request that may be refused; what comes is hashed either way.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Opens a regular file for reading; a symbolic link is an error, and so is a pipe or a device. Neither blocks.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Reads at `offset` until `buffer` is full or the file ends; returns how many bytes were read.
pub(crate) fn read_full_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
