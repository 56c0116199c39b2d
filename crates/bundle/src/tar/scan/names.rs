//! The names of an archive's entries so far: each may be there once.

use airlift_oci::{Digest, DigestMap};

use crate::tar::path::EntryPath;

/// What has a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// A file, and where its data is.
    File {
        data_offset: u64,
        size: u64,
    },
    /// A second name of a file.
    Link,
    Folder,
}

/// The names so far. Only their digests are kept: names can be long.
#[derive(Default)]
pub(super) struct Names(DigestMap<NameKind>);

impl Names {
    /// Adds a name; the error says that it is there already. Folders may be there several times.
    pub(super) fn add(&mut self, path: &EntryPath, kind: NameKind) -> Result<(), String> {
        let key = key_of(path);
        let is_folder = kind == NameKind::Folder && self.0.get(&key) == Some(&NameKind::Folder);
        if is_folder || self.0.insert(key, kind) {
            return Ok(());
        }
        Err(format!("{} is there twice: readers disagree on which counts", path.shown()))
    }

    /// Data offset and size of the file with that name; the error says why there is none.
    pub(super) fn file(&self, name: &[u8]) -> Result<(u64, u64), String> {
        let path = EntryPath::parse(name).map_err(|error| error.to_string())?;
        match path.and_then(|path| self.0.get(&key_of(&path))) {
            Some(NameKind::File { data_offset, size }) => Ok((*data_offset, *size)),
            Some(NameKind::Link | NameKind::Folder) => Err("which is no regular file".to_owned()),
            None => Err("which doesn't stand before it".to_owned()),
        }
    }
}

fn key_of(path: &EntryPath) -> Digest {
    Digest::sha256(path.as_str().as_bytes())
}
