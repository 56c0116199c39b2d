//! How a file system says that it doesn't know an operation.

use std::io;

use rustix::io::Errno;

/// Whether an error says that the file system doesn't know the operation, and not that the operation failed.
///
/// FAT, exFAT and shared folders of virtual machines answer EPERM, and so do some sandboxes to calls that
/// they don't know. Where EPERM means a missing right, the fallback lacks that right as well and fails with
/// the right error.
pub fn is_unsupported(error: &io::Error) -> bool {
    let unsupported =
        [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOTTY, Errno::PERM];
    Errno::from_io_error(error).is_some_and(|errno| unsupported.contains(&errno))
}
