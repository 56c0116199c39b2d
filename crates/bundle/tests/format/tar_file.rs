//! Archives made by hand, block by block: they can have entries that no ordinary writer makes.

use std::fs::File;
use std::io::Write;

use airlift_bundle::Finding;
use airlift_bundle::tar::scan::{ScannedEntry, scan};
use tempfile::NamedTempFile;

/// A header block in POSIX's form with a checksum that is right.
pub(crate) fn header(name: &[u8], kind: u8, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_size(size);
    let length = name.len().min(100);
    header.as_old_mut().name[..length].copy_from_slice(&name[..length]);
    header.set_cksum();
    header
}

/// An archive in the making.
#[derive(Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Data, padded to a block.
    pub(crate) fn data(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn entry(self, name: &str, kind: u8, data: &[u8]) -> Self {
        self.raw(header(name.as_bytes(), kind, data.len() as u64).as_bytes()).data(data)
    }

    pub(crate) fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(name, b'0', data)
    }

    /// A pax header with these records, whose lengths are counted.
    pub(crate) fn pax(self, records: &[(&str, &str)]) -> Self {
        let records: String = records.iter().map(|(key, value)| pax_record(key, value)).collect();
        self.entry("PaxHeaders/x", b'x', records.as_bytes())
    }

    pub(crate) fn end(self) -> Self {
        self.raw(&[0; 1024])
    }

    pub(crate) fn save(&self) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&self.0).unwrap();
        file
    }
}

pub(crate) fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length += 1;
    }
    format!("{length}{rest}")
}

pub(crate) fn scanned(file: &File) -> (Vec<ScannedEntry>, Vec<Finding>) {
    let mut entries = Vec::new();
    let length = file.metadata().unwrap().len();
    let findings = scan(file, length, |entry| entries.push(entry)).unwrap();
    (entries, findings)
}

/// The rules that an archive breaks.
pub(crate) fn rules(tar: &Tar) -> Vec<&'static str> {
    let file = tar.save();
    let (entries, findings) = scanned(file.as_file());
    let length = tar.0.len() as u64;
    assert!(entries.iter().all(|entry| entry.data_offset + entry.size <= length), "{entries:?}");
    assert!(findings.iter().all(|finding| finding.is_error() && finding.offset <= Some(length)));
    for finding in &findings {
        assert!(!finding.message.chars().any(char::is_control), "{}", finding.message);
        assert!(finding.message.len() < 700, "{}", finding.message.len());
    }
    findings.into_iter().map(|finding| finding.rule.id()).collect()
}

pub(crate) fn names(tar: &Tar) -> Vec<String> {
    let file = tar.save();
    let (entries, findings) = scanned(file.as_file());
    assert_eq!(findings, []);
    entries.into_iter().map(|entry| entry.path.to_string()).collect()
}

pub(crate) fn one() -> Tar {
    Tar::default().file("index.json", b"{}")
}
