//! Damaging copies of archives, and a listing that says where to.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Where an entry lies in a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TarEntry {
    /// Its name as the header has it.
    pub name: String,
    /// Where its first header block begins, in bytes from the start.
    pub header: u64,
    /// Where its content begins.
    pub offset: u64,
    /// The content's bytes, without padding.
    pub size: u64,
}

/// A copy of a file, to be damaged. It goes when it is dropped.
pub struct Tampered {
    path: PathBuf,
    file: File,
    _folder: TempDir,
}

impl Tampered {
    /// A copy of `original` under the same name in a folder of its own.
    pub fn copy_of(original: &Path) -> Self {
        let folder =
            tempfile::Builder::new().prefix("tampered-").tempdir().expect("a temporary folder can be made");
        let path = folder.path().join(original.file_name().expect("a file has a name"));
        std::fs::copy(original, &path).expect("the original can be copied");
        let file = OpenOptions::new().read(true).write(true).open(&path).expect("the copy can be written");
        Tampered { path, file, _folder: folder }
    }

    /// Where the copy is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.file.metadata().expect("an open file has metadata").len()
    }

    /// Flips bit `bit` (0 is the lowest) of the byte at `offset`. Doing it again undoes it.
    pub fn flip_bit(&self, offset: u64, bit: u8) -> &Self {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, offset).expect("the offset is within the file");
        byte[0] ^= 1 << bit;
        self.overwrite(offset, &byte)
    }

    /// Puts `bytes` in the place of what is at `offset`.
    pub fn overwrite(&self, offset: u64, bytes: &[u8]) -> &Self {
        self.file.write_all_at(bytes, offset).expect("the copy can be written");
        self
    }

    /// Cuts it to `size` bytes (or fills it up with zeros).
    pub fn truncate(&self, size: u64) -> &Self {
        self.file.set_len(size).expect("the copy can be cut");
        self
    }

    /// Puts `bytes` behind its end.
    pub fn append(&self, bytes: &[u8]) -> &Self {
        self.overwrite(self.size(), bytes)
    }
}

/// What a tar holds, in its order, read by the `tar` crate and not by Airlift's reader. Panics where that one
/// fails.
pub fn listing(archive: &Path) -> Vec<TarEntry> {
    let file = File::open(archive).expect("the archive can be opened");
    let mut archive = tar::Archive::new(file);
    let entries = archive.entries_with_seek().expect("it is a tar");
    let entries = entries.map(|entry| {
        let entry = entry.expect("the entry can be read");
        TarEntry {
            name: String::from_utf8(entry.path_bytes().into_owned()).expect("names are UTF-8"),
            header: entry.raw_header_position(),
            offset: entry.raw_file_position(),
            size: entry.size(),
        }
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.tar");
        let mut builder = tar::Builder::new(File::create(&path).unwrap());
        for (name, content) in [("a", &b"abc"[..]), ("blobs/b", &[7; 600])] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, content).unwrap();
        }
        builder.finish().unwrap();
        (folder, path)
    }

    #[test]
    fn the_listing_gives_the_places_of_the_bytes() {
        let (_folder, path) = archive();
        let listed = listing(&path);
        let [a, b] = listed.as_slice() else { panic!("{listed:?}") };
        assert_eq!(a, &TarEntry { name: "a".to_owned(), header: 0, offset: 512, size: 3 });
        assert_eq!((b.name.as_str(), b.header, b.offset, b.size), ("blobs/b", 1024, 1536, 600));
        assert_eq!(&std::fs::read(&path).unwrap()[512..515], b"abc");
    }

    #[test]
    fn damages_the_copy_and_only_the_copy() {
        let (_folder, path) = archive();
        let before = std::fs::read(&path).unwrap();
        let copy = Tampered::copy_of(&path);
        copy.flip_bit(513, 1);
        let mut expected = before.clone();
        expected[513] ^= 2;
        assert!(std::fs::read(copy.path()).unwrap() == expected);
        copy.flip_bit(513, 1).append(b"x");
        assert_eq!(copy.size(), before.len() as u64 + 1);
        copy.truncate(100);
        assert!(std::fs::read(copy.path()).unwrap() == before[..100]);
        assert!(std::fs::read(&path).unwrap() == before);
        let gone = copy.path().to_owned();
        drop(copy);
        assert!(!gone.exists());
    }
}
