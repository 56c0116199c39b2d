//! Locks and receipts: files that say which digests images have.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use airlift_lists::lock::{Lock, MAX_LOCK};
use airlift_lists::receipt::MAX_RECEIPT;
use airlift_lists::{ReceiptFile, SetKind};

use crate::failure::Failure;
use crate::files::kind::FileKind;
use crate::ui::term::shown;
use crate::usage_error::UsageError;

/// No lock and no receipt is larger.
const MOST: u64 = if MAX_LOCK > MAX_RECEIPT { MAX_LOCK } else { MAX_RECEIPT };

/// A file that says which digests images have.
pub(crate) enum Document {
    Lock(Lock),
    Receipt(ReceiptFile),
}

impl Document {
    /// Reads a lock or a receipt; `-` is standard input.
    ///
    /// # Errors
    /// If it can't be read, or is something else.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes =
            content(path).map_err(|source| Failure::File { doing: "read", path: path.to_owned(), source })?;
        let name = if path == Path::new("-") { "standard input".to_owned() } else { shown(path) };
        match FileKind::of_start(&bytes) {
            FileKind::Receipt => {
                Ok(Document::Receipt(ReceiptFile::parse(&name, &bytes).map_err(UsageError::Lists)?))
            }
            FileKind::Set if SetKind::of(&name, &bytes) == SetKind::Lock => {
                Ok(Document::Lock(Lock::parse(&name, &bytes).map_err(UsageError::Lists)?))
            }
            FileKind::Set => Err(UsageError::NoDigests(path.to_owned()).into()),
            FileKind::Bundle => Err(UsageError::NoDocument(path.to_owned()).into()),
        }
    }
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path == Path::new("-") {
        true => io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)?,
        false => File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?,
    };
    if bytes.len() as u64 > MOST {
        let why = format!("it has more than {MOST} bytes, and no lock or receipt does");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes)
}
