//! Appends to a file in large aligned writes, past the page cache where the file system allows it; and takes
//! back the last bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use airlift_disk::{AlignedBuffer, DirectFile, WriteBehind};

use crate::tar::header::BLOCK;

/// The size of one write.
const WRITE_SIZE: usize = 1 << 20;

/// A file that grows. After a write that failed, it takes nothing more: earlier bytes may be lost with it.
#[derive(Debug)]
pub(crate) struct Appender {
    file: Arc<File>,
    behind: WriteBehind<io::Error>,
    has_failed: bool,
    buffer: AlignedBuffer,
    /// Where the buffer goes: a multiple of a block, until the end.
    offset: u64,
}

impl Appender {
    /// Goes on at the file's start, whatever is in it.
    pub(crate) fn new(path: &Path, file: Arc<File>) -> Self {
        let out = DirectFile::open(path, Arc::clone(&file));
        let behind = WriteBehind::new(move |bytes, offset| out.write_all_at(bytes, offset));
        Appender { file, behind, has_failed: false, buffer: AlignedBuffer::new(WRITE_SIZE), offset: 0 }
    }

    /// Where the next byte goes.
    pub(crate) fn position(&self) -> u64 {
        self.offset + self.buffer.bytes().len() as u64
    }

    /// Goes on at `position`, before which everything stays as it is.
    pub(crate) fn go_to(&mut self, position: u64) -> io::Result<()> {
        if (self.offset..=self.position()).contains(&position) {
            self.buffer.shorten_to(position - self.offset);
            return Ok(());
        }
        self.wait()?;
        let start = position - position % BLOCK;
        let wanted = (position - start) as usize;
        self.buffer.refill(wanted, |room| airlift_disk::read_full_at(&self.file, room, start))?;
        self.offset = start;
        if self.buffer.bytes().len() < wanted { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    pub(crate) fn append(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while !piece.is_empty() {
            piece = self.buffer.fill(piece);
            if self.buffer.is_full() {
                let end = self.position();
                self.written(|behind, buffer, offset| behind.write(buffer, offset))?;
                self.offset = end;
            }
        }
        Ok(())
    }

    /// Writes the rest, and ends the file there.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.wait()?;
        // Not whole blocks, so not past the page cache.
        self.file.write_all_at(self.buffer.bytes(), self.offset)?;
        let end = self.position();
        self.offset = end;
        self.buffer.clear();
        self.file.set_len(end)
    }

    /// Waits until all but the buffer is written.
    fn wait(&mut self) -> io::Result<()> {
        self.written(|behind, _, _| behind.wait())
    }

    /// Does something with the writes that are under way, and notes whether one failed.
    fn written(
        &mut self,
        work: impl FnOnce(&mut WriteBehind<io::Error>, &mut AlignedBuffer, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.has_failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        let outcome = work(&mut self.behind, &mut self.buffer, self.offset);
        self.has_failed = outcome.is_err();
        outcome
    }
}

/// If writing ends early, the last bytes are there for the next run, unless the system refuses them.
impl Drop for Appender {
    fn drop(&mut self) {
        if self.wait().is_ok() {
            let _ = self.file.write_all_at(self.buffer.bytes(), self.offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let mut appender = Appender::new(&path, Arc::new(file));
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        appender.append(&content).unwrap();
        for position in [2_999_999, 2_500_000, 1_000_001, 512, 7] {
            appender.append(b"something else").unwrap();
            appender.go_to(position).unwrap();
            assert_eq!(appender.position(), position);
        }
        appender.append(&content[7..2_000_000]).unwrap();
        appender.finish().unwrap();
        assert!(std::fs::read(&path).unwrap() == content[..2_000_000]);
        assert!(appender.go_to(2_000_600).is_err());
    }

    #[test]
    fn what_was_appended_last_is_there_for_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let mut appender = Appender::new(&path, Arc::new(File::create_new(&path).unwrap()));
        appender.append(b"a start").unwrap();
        drop(appender);
        assert_eq!(std::fs::read(&path).unwrap(), b"a start");
    }
}
