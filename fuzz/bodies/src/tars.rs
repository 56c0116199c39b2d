//! The tar reader: headers, pax records, long names.

use airlift_bundle::EntryPath;
use airlift_bundle::tar::scan::scan;

use crate::second_reader::tar_files;
use crate::{assert_shown, with_file};

/// Bytes that may be an archive: no place that is found lies outside of them or over another, and an archive
/// in which nothing is wrong holds the same files, at the same places, for the `tar` crate.
pub fn tars(bytes: &[u8]) {
    let length = bytes.len() as u64;
    let mut found = Vec::new();
    let findings = with_file(bytes, |_, file| scan(file, length, |entry| found.push(entry)));
    let findings = findings.expect("a file in memory can be read");
    let mut free = 0;
    for entry in &found {
        assert!(
            entry.data_offset >= free + 512,
            "{} lies over its header or another entry",
            entry.path.shown()
        );
        free = entry.data_offset.checked_add(entry.size).expect("no place lies beyond all numbers");
        assert!(free <= length, "{} lies outside of the file", entry.path.shown());
    }
    for finding in &findings {
        assert_shown(&finding.message);
        // What is missing behind a padding that was cut off is missing at the next block.
        assert!(finding.offset.is_some_and(|offset| offset <= length.next_multiple_of(512)), "{finding:?}");
    }
    if findings.iter().any(|finding| finding.is_error()) {
        return;
    }
    let theirs = tar_files(bytes).expect("what we accept, others read");
    let theirs: Vec<_> = theirs
        .into_iter()
        .map(|(name, offset, size)| (EntryPath::parse(&name).ok().flatten(), offset, size))
        .collect();
    let ours: Vec<_> =
        found.into_iter().map(|entry| (Some(entry.path), entry.data_offset, entry.size)).collect();
    assert_eq!(ours, theirs, "two readers, one archive");
}
