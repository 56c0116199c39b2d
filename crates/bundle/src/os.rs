//! What one operating system offers and another doesn't: direct reads and writes, reserved space, renames that never replace.
//!
//! Each has a portable fallback, so that the rest of the crate needs no `cfg`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What direct reads and writes must be aligned to for us to use them: tar's own unit.
const DIRECT_ALIGNMENT: u32 = 512;

/// What a handle past the page cache is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direct {
    Read,
    Write,
}

/// Opens a second handle on `path` that bypasses the page cache. `None` where the file system can't, or wants a coarser
/// alignment than tar's blocks.
#[cfg(target_os = "linux")]
pub(crate) fn open_direct(path: &Path, purpose: Direct) -> Option<File> {
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
pub(crate) fn open_direct(_: &Path, _: Direct) -> Option<File> {
    None
}

/// A second handle on the very file that is open, for reads that bypass the page cache. Going by the descriptor and not
/// by the name, it can't be led to another file.
pub(crate) fn reopen_direct(file: &File) -> Option<File> {
    use std::os::fd::AsRawFd;
    open_direct(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())), Direct::Read)
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

/// Reserves `size` bytes for the file, so that a full disk is found now and not after an hour's transfer. File systems
/// that can't reserve get a file of that length without blocks.
pub(crate) fn reserve(file: &File, size: u64) -> io::Result<()> {
    file.set_len(size)?;
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        other => other?,
    }
    Ok(())
}

/// Reserves room for the first `size` bytes of a file that is still to grow to that length, where the file system can.
pub(crate) fn reserve_ahead(file: &File, size: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if size > 0 {
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, size) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Renames `from` to `to`, which must not exist.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags};
        match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            other => return Ok(other?),
        }
    }
    // A hard link fails where the name is taken; that makes link and unlink a rename that never replaces.
    std::fs::hard_link(from, to)?;
    std::fs::remove_file(from)
}

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a rename in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
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

/// The strictest memory alignment that a block device asks for.
const MEMORY_ALIGNMENT: usize = 4_096;

/// A fixed buffer whose start is aligned for direct reads and writes.
#[derive(Debug)]
pub(crate) struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    filled: usize,
    capacity: usize,
}

impl AlignedBuffer {
    /// An empty buffer for up to `capacity` bytes, a multiple of tar's block.
    pub(crate) fn new(capacity: usize) -> Self {
        let memory = vec![0; capacity + MEMORY_ALIGNMENT];
        let start = memory.as_ptr().align_offset(MEMORY_ALIGNMENT).min(MEMORY_ALIGNMENT);
        AlignedBuffer { memory, start, filled: 0, capacity }
    }

    /// Takes as much of `piece` as fits and returns the rest.
    pub(crate) fn fill<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let (taken, rest) = piece.split_at(piece.len().min(self.capacity - self.filled));
        let at = self.start + self.filled;
        self.memory[at..at + taken.len()].copy_from_slice(taken);
        self.filled += taken.len();
        rest
    }

    /// Fills up with zeros to a multiple of `unit`, which divides the capacity.
    pub(crate) fn pad_to(&mut self, unit: usize) {
        let end = self.filled.next_multiple_of(unit).min(self.capacity);
        self.memory[self.start + self.filled..self.start + end].fill(0);
        self.filled = end;
    }

    /// Replaces what it holds: `read` is given room for `length` bytes, at most the capacity, and says how many it filled.
    pub(crate) fn refill(
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
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.filled]
    }

    /// Whether nothing more fits.
    pub(crate) fn is_full(&self) -> bool {
        self.filled == self.capacity
    }

    /// Forgets all but the first `length` bytes.
    pub(crate) fn shorten_to(&mut self, length: u64) {
        self.filled = self.filled.min(usize::try_from(length).unwrap_or(self.filled));
    }

    /// Forgets what it holds.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }
}
