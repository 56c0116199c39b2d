//! Reads and writes past the page cache, for as long as a file system takes them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lacking::is_lacking;

/// What direct reads and writes must be aligned to for us to use them: tar's own unit.
const DIRECT_ALIGNMENT: u32 = 512;

/// What a handle past the page cache is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direct {
    /// Reading.
    Read,
    /// Writing.
    Write,
}

/// Opens a second handle on `path` that bypasses the page cache. `None` where the file system can't, or wants
/// a coarser alignment than tar's blocks.
#[cfg(target_os = "linux")]
pub fn open_direct(path: &Path, purpose: Direct) -> Option<File> {
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
    let (read, write) = (purpose == Direct::Read, purpose == Direct::Write);
    OpenOptions::new().read(read).write(write).custom_flags(flags).open(path).ok()
}

/// Opens nothing: this system has no direct input and output that we know of.
#[cfg(not(target_os = "linux"))]
pub fn open_direct(_: &Path, _: Direct) -> Option<File> {
    None
}

/// A second handle on the very file that is open, for reads that bypass the page cache. Going by the
/// descriptor and not by the name, it can't be led to another file.
pub fn reopen_direct(file: &File) -> Option<File> {
    use std::os::fd::AsRawFd;
    open_direct(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())), Direct::Read)
}

/// A file that is written past the page cache for as long as the file system takes that, and through it from
/// then on.
#[derive(Debug)]
pub struct Outlet {
    file: Arc<File>,
    direct: Option<File>,
    /// Some file systems open a file for direct writes, and refuse the writes.
    refused: AtomicBool,
}

impl Outlet {
    /// Writes to `file`, which `path` names.
    pub fn open(path: &Path, file: Arc<File>) -> Self {
        Outlet { file, direct: open_direct(path, Direct::Write), refused: AtomicBool::new(false) }
    }

    /// Only reads, or writes through the page cache.
    pub fn plain(file: File) -> Self {
        Outlet { file: Arc::new(file), direct: None, refused: AtomicBool::new(false) }
    }

    /// The file itself, through the page cache.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Writes whole blocks, from memory that is aligned as in an [`AlignedBuffer`].
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Some(direct) = self.direct.as_ref().filter(|_| !self.refused.load(Ordering::Relaxed)) {
            match direct.write_all_at(bytes, offset) {
                Err(error) if is_lacking(&error) => self.refused.store(true, Ordering::Relaxed),
                outcome => return outcome,
            }
        }
        self.file.write_all_at(bytes, offset)
    }
}

/// The strictest memory alignment that a block device asks for.
const MEMORY_ALIGNMENT: usize = 4_096;

/// A fixed buffer whose start is aligned for direct reads and writes.
#[derive(Debug)]
pub struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    filled: usize,
    capacity: usize,
}

impl AlignedBuffer {
    /// An empty buffer for up to `capacity` bytes, a multiple of tar's block.
    pub fn new(capacity: usize) -> Self {
        let memory = vec![0; capacity + MEMORY_ALIGNMENT];
        let start = memory.as_ptr().align_offset(MEMORY_ALIGNMENT).min(MEMORY_ALIGNMENT);
        AlignedBuffer { memory, start, filled: 0, capacity }
    }

    /// Takes as much of `piece` as fits and returns the rest.
    pub fn fill<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let (taken, rest) = piece.split_at(piece.len().min(self.capacity - self.filled));
        let at = self.start + self.filled;
        self.memory[at..at + taken.len()].copy_from_slice(taken);
        self.filled += taken.len();
        rest
    }

    /// Fills up with zeros to a multiple of `unit`, which divides the capacity.
    pub fn pad_to(&mut self, unit: usize) {
        let end = self.filled.next_multiple_of(unit).min(self.capacity);
        self.memory[self.start + self.filled..self.start + end].fill(0);
        self.filled = end;
    }

    /// Replaces what it holds: `read` is given room for `length` bytes, at most the capacity, and says how
    /// many it filled.
    pub fn refill(
        &mut self,
        length: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let length = length.min(self.capacity);
        self.filled = 0;
        self.filled = read(&mut self.memory[self.start..self.start + length])?.min(length);
        Ok(())
    }

    /// What the buffer holds.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.filled]
    }

    /// Whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.filled == self.capacity
    }

    /// Forgets all but the first `length` bytes.
    pub fn shorten_to(&mut self, length: u64) {
        self.filled = self.filled.min(usize::try_from(length).unwrap_or(self.filled));
    }

    /// Forgets what it holds.
    pub fn clear(&mut self) {
        self.filled = 0;
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
        let outlet =
            Outlet { file: Arc::clone(&file), direct: Some(refusing), refused: AtomicBool::new(false) };
        outlet.write_all_at(b"first", 0).unwrap();
        outlet.write_all_at(b"second", 5).unwrap();
        let mut found = [0; 11];
        file.read_exact_at(&mut found, 0).unwrap();
        assert_eq!(&found, b"firstsecond");
        assert!(outlet.refused.load(Ordering::Relaxed));
    }

    #[test]
    fn other_errors_of_direct_writes_are_errors() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let outlet = Outlet { file, direct: Some(full), refused: AtomicBool::new(false) };
        let error = outlet.write_all_at(b"bytes", 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
