//! What a file is, by its start: people may give it any name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use airlift_bundle::volumes::{PathKind, classify};

/// So much of a file is looked at.
const START: u64 = 4096;

/// The kinds of files that hold images or name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A list, an images file or a lock.
    Set,
    Receipt,
    /// A bundle or a layout.
    Bundle,
}

impl FileKind {
    /// The kind of what is at a path.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        if path.is_dir() || classify(path) != PathKind::Other {
            return Ok(FileKind::Bundle);
        }
        let mut start = Vec::new();
        File::open(path)?.take(START).read_to_end(&mut start)?;
        Ok(FileKind::of_start(&start))
    }

    /// The kind of a file that starts like this.
    pub(crate) fn of_start(start: &[u8]) -> Self {
        let start = start.get(..START as usize).unwrap_or(start);
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
        let has = |name: &[u8]| text.windows(name.len()).any(|part| part == name);
        // Archives have zeros in their first block, and compressed ones bytes that no text has.
        if start.contains(&0) || std::str::from_utf8(start).is_err_and(|error| error.error_len().is_some()) {
            FileKind::Bundle
        } else if text.starts_with(b"{") && has(b"\"airlift.receipt/") {
            FileKind::Receipt
        } else {
            FileKind::Set
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_starts() {
        let kind = FileKind::of_start;
        assert_eq!(kind(b"nginx:1.27\n"), FileKind::Set);
        assert_eq!(kind(b"version: 1\n"), FileKind::Set);
        assert_eq!(kind(b"\xef\xbb\xbf {\n  \"schema\": \"airlift.receipt/v1\""), FileKind::Receipt);
        assert_eq!(kind(b"{\"schema\": \"airlift.lock/v1\""), FileKind::Set);
        assert_eq!(kind(b"# about \"airlift.receipt/v1\""), FileKind::Set);
        assert_eq!(kind(b"oci-layout\0\0"), FileKind::Bundle);
        assert_eq!(kind(b"\x28\xb5\x2f\xfd\x04"), FileKind::Bundle);
        assert_eq!(kind(b"n\xc3"), FileKind::Set, "a character that was cut");
    }
}
