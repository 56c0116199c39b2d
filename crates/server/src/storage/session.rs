//! One upload on its way in: a temporary file that is hashed as it grows.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;

use airlift_oci::{Algorithm, Digest, Hasher};
use tempfile::TempPath;

use super::error::StorageError;
use crate::body::PIECE;

/// An upload that was begun and not yet finished. The file goes when the session goes.
pub(crate) struct UploadSession {
    /// `None` once the upload has ended, for requests that waited for it.
    file: Option<TempPath>,
    written: u64,
    algorithm: Algorithm,
    hasher: Hasher,
}

/// How the end of an upload went.
pub(crate) enum Finish {
    /// The bytes have the digest that was asked for; the file is to be moved to its place.
    Matches(TempPath),
    /// They have this one.
    Differs(Digest),
}

impl UploadSession {
    /// A session with an empty file in `folder`. No one can guess the file's name in advance.
    pub(super) fn create(folder: &Path, algorithm: Algorithm) -> Result<Self, StorageError> {
        let file = tempfile::Builder::new().prefix("upload-").tempfile_in(folder);
        let file = file.map_err(|source| StorageError::Io {
            action: "create a file in",
            path: folder.into(),
            source,
        })?;
        Ok(UploadSession {
            file: Some(file.into_temp_path()),
            written: 0,
            algorithm,
            hasher: Hasher::new(algorithm),
        })
    }

    /// How many bytes have arrived.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Hash with `algorithm` from the start, if nothing has arrived yet; otherwise the file is read again at
    /// the end.
    pub(crate) fn expect(&mut self, algorithm: Algorithm) {
        if self.written == 0 {
            self.algorithm = algorithm;
            self.hasher = Hasher::new(algorithm);
        }
    }

    /// Whether more can be added.
    pub(crate) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Adds the next piece.
    pub(crate) fn append(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        let path = self.file.as_deref().ok_or(StorageError::Ended)?;
        let io = |source| StorageError::Io { action: "write", path: path.to_path_buf(), source };
        // Opened for each piece: a thousand sleeping uploads must not hold a thousand descriptors.
        let mut file = OpenOptions::new().append(true).open(path).map_err(io)?;
        if let Err(source) = file.write_all(piece) {
            // Half a piece must not stay: it is not in the hash.
            let _ = file.set_len(self.written);
            return Err(io(source));
        }
        self.hasher.update(piece);
        self.written += piece.len() as u64;
        Ok(())
    }

    /// Ends the upload and compares what arrived with `wanted`.
    pub(crate) fn finish(&mut self, wanted: Digest) -> Result<Finish, StorageError> {
        let file = self.file.take().ok_or(StorageError::Ended)?;
        let digest = if wanted.algorithm() == self.algorithm {
            self.hasher.clone().finish()
        } else {
            hash_file(&file, wanted.algorithm()).map_err(|source| StorageError::Io {
                action: "read",
                path: file.to_path_buf(),
                source,
            })?
        };
        if digest == wanted { Ok(Finish::Matches(file)) } else { Ok(Finish::Differs(digest)) }
    }
}

fn hash_file(path: &Path, algorithm: Algorithm) -> std::io::Result<Digest> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Hasher::new(algorithm);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&piece[..length]),
        }
    }
}
