//! Several files that are one sequence of bytes together. A file is opened when it is needed, and only a few
//! stay open: there may be more of them than a process may open.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::direct_file::DirectFile;
use crate::extent::{Extent, ExtentReader};
use crate::folder::with_suffix;
use crate::open::{Access, Links, identity, open_regular};
use crate::page_cache::read_cached_at;
use crate::read_at::{Contiguous, ReadAt, read_full_at};

/// How many files stay open: more than threads read or write at a time on most machines.
const KEPT_OPEN: usize = 32;

/// One file of a sequence, and which of the bytes it has.
#[derive(Debug)]
pub struct FilePart {
    /// The file.
    pub path: PathBuf,
    /// The offset of its first byte among those of all files.
    pub start: u64,
    /// How many bytes it has.
    pub size: u64,
    /// Device and inode; `None` where any file of that name will do.
    pub identity: Option<(u64, u64)>,
}

/// Files one behind the other. The first one starts at 0.
#[derive(Debug)]
pub struct FileSequence {
    files: Vec<FilePart>,
    access: Access,
    /// The most recently used one is the last.
    open: Mutex<VecDeque<(usize, Arc<DirectFile>)>>,
    /// What has been put behind the names of all files since.
    suffix: OnceLock<String>,
}

impl FileSequence {
    /// Files in their order. None is opened yet.
    pub fn new(files: Vec<FilePart>, access: Access) -> Self {
        FileSequence { files, access, open: Mutex::default(), suffix: OnceLock::new() }
    }

    /// Notes that all files now have `suffix` behind their names, so that they can still be opened.
    pub fn renamed(&self, suffix: String) {
        let _ = self.suffix.set(suffix);
    }

    /// The files under their first names.
    pub fn files(&self) -> &[FilePart] {
        &self.files
    }

    /// The file that a byte is in, and where it is in that file. The end of the sequence is at the end of the
    /// last file.
    pub fn at(&self, offset: u64) -> Option<(usize, u64)> {
        let index = self.files.partition_point(|part| part.start <= offset).checked_sub(1)?;
        Some((index, offset - self.files.get(index)?.start))
    }

    /// The name of a file, without its folder.
    pub fn name(&self, index: usize) -> String {
        let name = self.files.get(index).and_then(|part| part.path.file_name());
        name.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where the bytes from `offset` on are: at most `wanted` of them, and none behind the end.
    ///
    /// # Errors
    /// If `offset` is before the first file or the file can't be opened.
    pub fn extent(&self, offset: u64, wanted: u64) -> io::Result<Extent> {
        let (index, position) = self.at(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = self.files[index].size.saturating_sub(position).min(wanted);
        Ok(Extent { file: self.file(index)?, position, size })
    }

    /// One of the files, open.
    ///
    /// # Errors
    /// If there is no such file, it can't be opened, or another file has its name now.
    pub fn file(&self, index: usize) -> io::Result<Arc<File>> {
        Ok(Arc::clone(self.direct_file(index)?.file()))
    }

    /// One of the files, to be written to.
    ///
    /// # Errors
    /// If there is no such file, or it can't be opened.
    pub fn direct_file(&self, index: usize) -> io::Result<Arc<DirectFile>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.iter().position(|(other, _)| *other == index).and_then(|place| open.remove(place));
        let file = match known {
            Some((_, file)) => file,
            None => {
                let part = self.files.get(index).ok_or(io::ErrorKind::UnexpectedEof)?;
                let named = |error: io::Error| {
                    io::Error::new(error.kind(), format!("{}: {error}", part.path.display()))
                };
                Arc::new(self.open_part(part).map_err(named)?)
            }
        };
        open.push_back((index, Arc::clone(&file)));
        if open.len() > KEPT_OPEN {
            open.pop_front();
        }
        Ok(file)
    }

    fn open_part(&self, part: &FilePart) -> io::Result<DirectFile> {
        let path =
            self.suffix.get().map_or_else(|| part.path.clone(), |suffix| with_suffix(&part.path, suffix));
        match self.access {
            Access::Read => {
                let file = open_regular(&path, Links::Follow)?;
                let found = identity(&file.metadata()?);
                if part.identity.is_some_and(|known| known != found) {
                    return Err(io::Error::other("another file took its place while it was read"));
                }
                Ok(DirectFile::buffered(file))
            }
            Access::Write => {
                let file = OpenOptions::new().write(true).open(&path)?;
                Ok(DirectFile::open(&path, Arc::new(file)))
            }
        }
    }
}

impl ReadAt for FileSequence {
    fn size(&self) -> io::Result<u64> {
        Ok(self.files.last().map_or(0, |last| last.start.saturating_add(last.size)))
    }

    fn contiguous_from(self: Arc<Self>, offset: u64, wanted: u64) -> io::Result<Contiguous> {
        let extent = self.extent(offset, wanted)?;
        let size = extent.size;
        Ok(Contiguous { reader: Box::new(ExtentReader::new(extent)), size })
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        let Extent { file, position, size } = self.extent(offset, buffer.len() as u64).ok()?;
        read_cached_at(&file, &mut buffer[..usize::try_from(size).ok()?], position)
    }

    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let wanted = (buffer.len() - filled) as u64;
            let extent = self.extent(offset + filled as u64, wanted)?;
            let here = usize::try_from(extent.size.min(wanted)).unwrap_or_default();
            let count = read_full_at(&extent.file, &mut buffer[filled..filled + here], extent.position)?;
            filled += count;
            if count < here || here == 0 {
                break;
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parts(folder: &Path, contents: &[&[u8]]) -> Vec<FilePart> {
        let mut start = 0;
        let part = |(index, content): (usize, &&[u8])| {
            let path = folder.join(format!("p.{index}"));
            std::fs::write(&path, content).unwrap();
            let size = content.len() as u64;
            let identity = Some(identity(&path.metadata().unwrap()));
            let part = FilePart { path, start, size, identity };
            start += size;
            part
        };
        contents.iter().enumerate().map(part).collect()
    }

    #[test]
    fn many_files_are_read_as_one_with_few_of_them_open() {
        let folder = tempfile::tempdir().unwrap();
        let contents: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![n; 3 + usize::from(n % 5)]).collect();
        let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let whole = contents.concat();
        let sequence = FileSequence::new(parts(folder.path(), &slices), Access::Read);
        assert_eq!(sequence.size().unwrap(), whole.len() as u64);
        for (offset, length) in [(0, whole.len()), (1, 20), (17, 400), (whole.len() - 3, 9), (whole.len(), 1)]
        {
            let mut found = vec![0; length];
            let count = sequence.read_full_at(&mut found, offset as u64).unwrap();
            assert_eq!(found[..count], whole[offset..(offset + length).min(whole.len())]);
        }
        assert!(sequence.open.lock().unwrap().len() <= KEPT_OPEN);
    }

    #[test]
    fn a_file_that_took_anothers_place_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let sequence = FileSequence::new(parts(folder.path(), &[b"one", b"two"]), Access::Read);
        std::fs::write(folder.path().join("new"), b"two").unwrap();
        std::fs::rename(folder.path().join("new"), folder.path().join("p.1")).unwrap();
        assert!(sequence.extent(0, 6).is_ok());
        let error = sequence.extent(3, 3).unwrap_err().to_string();
        assert!(error.contains("p.1: another file took its place"), "{error}");
        assert!(open_regular(folder.path(), Links::Follow).is_err(), "a folder is no volume");
    }
}
