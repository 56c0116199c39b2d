//! Reads and writes past the page cache (direct I/O), for as long as a file system takes them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::aligned::MEMORY_ALIGNMENT;
use crate::open::Access;
use crate::unsupported::is_unsupported;

/// Direct reads and writes are used where this alignment is enough: tar's own unit.
const DIRECT_ALIGNMENT: u32 = 512;

/// Opens a second handle on `path` that bypasses the page cache. `None` where the file system can't, or wants
/// a coarser alignment than tar's blocks.
#[cfg(target_os = "linux")]
fn open_direct(path: &Path, access: Access) -> Option<File> {
    use rustix::fs::{AtFlags, CWD, StatxFlags};
    use std::os::unix::fs::OpenOptionsExt;

    let stat = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::DIOALIGN).ok()?;
    let aligned = |alignment: u32| alignment != 0 && DIRECT_ALIGNMENT.is_multiple_of(alignment);
    // Memory is easy to align further; offsets in the archive are not.
    let fits = stat.stx_mask & StatxFlags::DIOALIGN.bits() != 0
        && aligned(stat.stx_dio_offset_align)
        && stat.stx_dio_mem_align <= MEMORY_ALIGNMENT as u32;
    if !fits {
        return None;
    }
    let flags = rustix::fs::OFlags::DIRECT.bits() as i32;
    let (read, write) = (access == Access::Read, access == Access::Write);
    OpenOptions::new().read(read).write(write).custom_flags(flags).open(path).ok()
}

/// Opens nothing: no direct I/O is known on this system.
#[cfg(not(target_os = "linux"))]
fn open_direct(_: &Path, _: Access) -> Option<File> {
    None
}

/// Opens a second handle on an open file, for reads that bypass the page cache. It goes by the descriptor and
/// not by the name, so that it can't be led to another file.
pub(crate) fn reopen_direct(file: &File) -> Option<File> {
    use std::os::fd::AsRawFd;
    open_direct(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())), Access::Read)
}

/// A file that is written past the page cache. Once the file system refuses that, it is written through the
/// page cache.
#[derive(Debug)]
pub struct DirectFile {
    file: Arc<File>,
    direct: Option<File>,
    /// Some file systems open a file for direct writes, and refuse the writes.
    refused: AtomicBool,
}

impl DirectFile {
    /// Writes past the page cache to `file`, which `path` names.
    pub fn open(path: &Path, file: Arc<File>) -> Self {
        DirectFile { file, direct: open_direct(path, Access::Write), refused: AtomicBool::new(false) }
    }

    /// A file that is only read, or written through the page cache.
    pub fn buffered(file: File) -> Self {
        DirectFile { file: Arc::new(file), direct: None, refused: AtomicBool::new(false) }
    }

    /// The file, to be used through the page cache.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Writes whole blocks, from memory that is aligned as in an [`crate::AlignedBuffer`].
    ///
    /// # Errors
    /// If the system can't write, for another reason than that it knows no direct writes.
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Some(direct) = self.direct.as_ref().filter(|_| !self.refused.load(Ordering::Relaxed)) {
            match direct.write_all_at(bytes, offset) {
                Err(error) if is_unsupported(&error) => self.refused.store(true, Ordering::Relaxed),
                outcome => return outcome,
            }
        }
        self.file.write_all_at(bytes, offset)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_refuses_direct_writes_is_written_through_the_cache() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        // It opens, and answers EINVAL to what is no number.
        let refusing = OpenOptions::new().write(true).open("/proc/self/oom_score_adj").unwrap();
        let refused = refusing.write_all_at(b"no number", 0).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(rustix::io::Errno::INVAL.raw_os_error()));
        let written =
            DirectFile { file: Arc::clone(&file), direct: Some(refusing), refused: AtomicBool::new(false) };
        written.write_all_at(b"first", 0).unwrap();
        written.write_all_at(b"second", 5).unwrap();
        let mut found = [0; 11];
        file.read_exact_at(&mut found, 0).unwrap();
        assert_eq!(&found, b"firstsecond");
        assert!(written.refused.load(Ordering::Relaxed));
    }

    #[test]
    fn other_errors_of_direct_writes_are_errors() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let written = DirectFile { file, direct: Some(full), refused: AtomicBool::new(false) };
        let error = written.write_all_at(b"bytes", 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
