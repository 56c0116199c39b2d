//! The names of an archive's entries so far: each may be there once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use airlift_oci::Digest;

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
pub(super) struct Names(HashMap<[u8; 16], NameKind>);

impl Names {
    /// Adds a name; the error says that it is there already. Folders may be there several times.
    pub(super) fn add(&mut self, path: &EntryPath, kind: NameKind) -> Result<(), String> {
        match self.0.entry(key_of(path)) {
            Entry::Vacant(vacant) => {
                vacant.insert(kind);
                Ok(())
            }
            Entry::Occupied(earlier) if (*earlier.get(), kind) == (NameKind::Folder, NameKind::Folder) => {
                Ok(())
            }
            Entry::Occupied(_) => {
                Err(format!("{} is there twice: readers disagree on which counts", path.shown()))
            }
        }
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

/// The key of a name: the start of its digest.
fn key_of(path: &EntryPath) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&Digest::sha256(path.as_str().as_bytes()).as_bytes()[..16]);
    key
}
