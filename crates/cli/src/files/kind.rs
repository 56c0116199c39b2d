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
        // Archives have zeros in their first block, and compressed ones bytes that no text has. A receipt
        // that an editor saved in another encoding is one all the same: its reader says what is wrong.
        if is_receipt_of_any_encoding(start) {
            FileKind::Receipt
        } else if start.contains(&0)
            || std::str::from_utf8(start).is_err_and(|error| error.error_len().is_some())
        {
            FileKind::Bundle
        } else {
            FileKind::Set
        }
    }
}

/// Whether the ASCII characters of a text are those of a receipt's start. UTF-16 has zeros between them.
fn is_receipt_of_any_encoding(start: &[u8]) -> bool {
    let ascii: Vec<u8> = start.iter().copied().filter(|byte| (1..0x80).contains(byte)).collect();
    let marker = b"\"airlift.receipt/";
    ascii.trim_ascii_start().starts_with(b"{") && ascii.windows(marker.len()).any(|part| part == marker)
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
        let utf_16: Vec<u8> =
            "\u{feff}{\"schema\": \"airlift.receipt/v1\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(kind(&utf_16), FileKind::Receipt);
        assert_eq!(kind(b"{\"target\": \"\xe9\", \"schema\": \"airlift.receipt/v1\""), FileKind::Receipt);
        assert_eq!(kind(b"oci-layout\0\0"), FileKind::Bundle);
        assert_eq!(kind(b"\x28\xb5\x2f\xfd\x04"), FileKind::Bundle);
        assert_eq!(kind(b"n\xc3"), FileKind::Set, "a character that was cut");
    }
}
