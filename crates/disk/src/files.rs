//! Files that are one stretch of bytes together. They are opened when they are needed, and only so many stay
//! open: a set may have more of them than a process may open.

use std::collections::VecDeque;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::direct::Outlet;
use crate::read::{Contiguous, ReadAt, read_full_at};
use crate::run::{Run, RunReader};

/// So many files stay open: more than threads read or write at a time on most machines.
const KEPT_OPEN: usize = 32;

/// What files are opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading. A file that takes another's place between two readings is an error, links may lead elsewhere.
    Read,
    /// Writing, past the page cache where the file system allows it.
    Write,
}

/// A file, and which of the bytes it has.
#[derive(Debug)]
pub struct Piece {
    /// The file.
    pub path: PathBuf,
    /// The offset of its first byte among those of all files.
    pub start: u64,
    /// How many bytes it has.
    pub size: u64,
    /// Device and inode; `None` where any will do.
    pub identity: Option<(u64, u64)>,
}

/// Files one behind the other, of which the first starts at 0.
#[derive(Debug)]
pub struct Pieces {
    files: Vec<Piece>,
    purpose: Purpose,
    /// The last used is the last.
    open: Mutex<VecDeque<(usize, Arc<Outlet>)>>,
    /// What was put behind the names of all of them since.
    suffix: OnceLock<String>,
}

impl Pieces {
    /// Files in their order. None is opened yet.
    pub fn new(files: Vec<Piece>, purpose: Purpose) -> Self {
        Pieces { files, purpose, open: Mutex::default(), suffix: OnceLock::new() }
    }

    /// Takes note of that all files have got `suffix` behind their names, so that they are found when they
    /// are opened.
    pub fn renamed(&self, suffix: String) {
        let _ = self.suffix.set(suffix);
    }

    /// The files as they were called in the beginning.
    pub fn files(&self) -> &[Piece] {
        &self.files
    }

    /// In which file, and where in it, a byte lies. The end of all of them lies at the end of the last.
    pub fn at(&self, offset: u64) -> Option<(usize, u64)> {
        let index = self.files.partition_point(|piece| piece.start <= offset).checked_sub(1)?;
        Some((index, offset - self.files.get(index)?.start))
    }

    /// The name of a file, without its folder.
    pub fn name(&self, index: usize) -> String {
        let name = self.files.get(index).and_then(|piece| piece.path.file_name());
        name.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where the bytes from `offset` on lie: at most `wanted` of them, and none behind the end.
    pub fn run(&self, offset: u64, wanted: u64) -> io::Result<Run> {
        let (index, position) = self.at(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = self.files[index].size.saturating_sub(position).min(wanted);
        Ok(Run { file: self.file(index)?, position, size })
    }

    /// One of the files, open.
    pub fn file(&self, index: usize) -> io::Result<Arc<File>> {
        Ok(Arc::clone(self.outlet(index)?.file()))
    }

    /// The same as something that is written to.
    pub fn outlet(&self, index: usize) -> io::Result<Arc<Outlet>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.iter().position(|(other, _)| *other == index).and_then(|place| open.remove(place));
        let outlet = match known {
            Some((_, outlet)) => outlet,
            None => {
                let piece = self.files.get(index).ok_or(io::ErrorKind::UnexpectedEof)?;
                let named = |error: io::Error| {
                    io::Error::new(error.kind(), format!("{}: {error}", piece.path.display()))
                };
                Arc::new(self.open_piece(piece).map_err(named)?)
            }
        };
        open.push_back((index, Arc::clone(&outlet)));
        if open.len() > KEPT_OPEN {
            open.pop_front();
        }
        Ok(outlet)
    }

    fn open_piece(&self, piece: &Piece) -> io::Result<Outlet> {
        let path =
            self.suffix.get().map_or_else(|| piece.path.clone(), |suffix| with_suffix(&piece.path, suffix));
        match self.purpose {
            Purpose::Read => {
                let file = open_for_reading(&path)?;
                let found = identity(&file.metadata()?);
                if piece.identity.is_some_and(|known| known != found) {
                    return Err(io::Error::other("another file took its place while it was read"));
                }
                Ok(Outlet::plain(file))
            }
            Purpose::Write => {
                let file = OpenOptions::new().write(true).open(&path)?;
                Ok(Outlet::open(&path, Arc::new(file)))
            }
        }
    }
}

/// A path with `suffix` behind its last name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Device and inode: what makes a file that very file.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Opens a regular file, or what a link to one leads to: volumes on several media can be brought together by
/// links.
pub fn open_for_reading(path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for a writer.
    let is_file = |metadata: Metadata| match metadata.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    };
    is_file(std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    is_file(file.metadata()?)?;
    Ok(file)
}

impl ReadAt for Pieces {
    fn size(&self) -> io::Result<u64> {
        Ok(self.files.last().map_or(0, |last| last.start.saturating_add(last.size)))
    }

    fn contiguous_from(self: Arc<Self>, offset: u64, wanted: u64) -> io::Result<Contiguous> {
        let run = self.run(offset, wanted)?;
        let size = run.size;
        Ok(Contiguous { reader: Box::new(RunReader::new(run)), size })
    }

    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let wanted = (buffer.len() - filled) as u64;
            let run = self.run(offset + filled as u64, wanted)?;
            let here = usize::try_from(run.size.min(wanted)).unwrap_or_default();
            let count = read_full_at(&run.file, &mut buffer[filled..filled + here], run.position)?;
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
    use super::*;

    fn pieces(folder: &Path, contents: &[&[u8]]) -> Vec<Piece> {
        let mut start = 0;
        let piece = |(index, content): (usize, &&[u8])| {
            let path = folder.join(format!("p.{index}"));
            std::fs::write(&path, content).unwrap();
            let size = content.len() as u64;
            let identity = Some(identity(&path.metadata().unwrap()));
            let piece = Piece { path, start, size, identity };
            start += size;
            piece
        };
        contents.iter().enumerate().map(piece).collect()
    }

    #[test]
    fn many_files_are_read_as_one_with_few_of_them_open() {
        let folder = tempfile::tempdir().unwrap();
        let contents: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![n; 3 + usize::from(n % 5)]).collect();
        let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let whole = contents.concat();
        let pieces = Pieces::new(pieces(folder.path(), &slices), Purpose::Read);
        assert_eq!(pieces.size().unwrap(), whole.len() as u64);
        for (offset, length) in [(0, whole.len()), (1, 20), (17, 400), (whole.len() - 3, 9), (whole.len(), 1)]
        {
            let mut found = vec![0; length];
            let count = pieces.read_full_at(&mut found, offset as u64).unwrap();
            assert_eq!(found[..count], whole[offset..(offset + length).min(whole.len())]);
        }
        assert!(pieces.open.lock().unwrap().len() <= KEPT_OPEN);
    }

    #[test]
    fn a_file_that_took_anothers_place_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let pieces = Pieces::new(pieces(folder.path(), &[b"one", b"two"]), Purpose::Read);
        std::fs::write(folder.path().join("new"), b"two").unwrap();
        std::fs::rename(folder.path().join("new"), folder.path().join("p.1")).unwrap();
        assert!(pieces.run(0, 6).is_ok());
        let error = pieces.run(3, 3).unwrap_err().to_string();
        assert!(error.contains("p.1: another file took its place"), "{error}");
        assert!(open_for_reading(folder.path()).is_err(), "a folder is no volume");
    }
}
