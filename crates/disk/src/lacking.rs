//! What a file system answers where it doesn't know an operation.

use std::io;

use rustix::io::Errno;

/// Whether an error says that the file system doesn't know the operation, and not that the operation failed.
///
/// EPERM is what FAT, exFAT and shared folders of virtual machines say, and what some sandboxes say of calls
/// that they don't know. Where it means a missing right, the fallback has that right no more than the call
/// had, and says so.
pub fn is_lacking(error: &io::Error) -> bool {
    let lacking = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOTTY, Errno::PERM];
    Errno::from_io_error(error).is_some_and(|errno| lacking.contains(&errno))
}
