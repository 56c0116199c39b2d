//! Goes from header to header.

use std::io;

use airlift_disk::{ReadAt, is_damage};

use super::extended::{ExtendedHeaders, NameEnd, shortened};
use super::fields::HeaderFields;
use super::names::{NameKind, Names};
use crate::findings::{Detail, Finding, Rule};
use crate::tar::header::{BLOCK, padded};
use crate::tar::path::EntryPath;
use crate::tar::zeros::first_nonzero;

/// A pax header or GNU long name larger than this is refused unread.
const MAX_EXTENDED: u64 = 64 << 10;
/// More zeros than this behind the last entry are refused. Old writers fill up tape records, which have at
/// most a megabyte or so.
const MAX_TAIL: u64 = 16 << 20;
/// More entries than this, of whatever kind, are taken for an attack.
const MAX_ENTRIES: usize = 1_000_000;
/// The scan stops after this many findings: it is clear what the archive is, and more would only take time
/// and memory.
const MAX_FINDINGS: usize = 1_000;

/// A regular file inside an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedEntry {
    /// Its name.
    pub path: EntryPath,
    /// Where its data starts.
    pub data_offset: u64,
    /// How many bytes it has.
    pub size: u64,
}

/// Goes through an archive's headers. `found` gets the regular files, in archive order, up to where the scan
/// had to stop. The result lists what is wrong.
///
/// # Errors
/// If the file can't be read.
pub fn scan(file: &impl ReadAt, length: u64, found: impl FnMut(ScannedEntry)) -> io::Result<Vec<Finding>> {
    scan_limited(file, length, found, MAX_ENTRIES)
}

/// The same with at most `most` entries.
fn scan_limited(
    file: &impl ReadAt,
    length: u64,
    found: impl FnMut(ScannedEntry),
    most: usize,
) -> io::Result<Vec<Finding>> {
    let mut scanner = Scanner {
        file,
        length,
        found,
        most,
        count: 0,
        findings: Vec::new(),
        names: Names::default(),
        extended: ExtendedHeaders::default(),
    };
    let mut at = 0;
    while let Some(next) = scanner.step(at)? {
        at = next;
    }
    Ok(scanner.findings)
}

struct Scanner<'a, R, F> {
    file: &'a R,
    length: u64,
    found: F,
    /// How many entries are accepted.
    most: usize,
    /// Entries so far, folders and refused ones included.
    count: usize,
    findings: Vec<Finding>,
    names: Names,
    /// What stands in front of the next entry.
    extended: ExtendedHeaders,
}

impl<R: ReadAt, F: FnMut(ScannedEntry)> Scanner<'_, R, F> {
    /// Reads the header at `at`; returns where the next one is, or `None` at the end or if going on makes no
    /// sense.
    fn step(&mut self, at: u64) -> io::Result<Option<u64>> {
        if self.count > self.most {
            let message = format!("the archive has more than {} entries", self.most);
            return Ok(self.stop(Rule::TarLimit, at, message));
        }
        if self.findings.len() >= MAX_FINDINGS {
            let message = format!("more than {MAX_FINDINGS} findings; the rest was not looked at");
            return Ok(self.stop(Rule::TarLimit, at, message));
        }
        let mut block = [0; BLOCK as usize];
        let Some(count) = self.read(&mut block, at, at)? else { return Ok(None) };
        if count == 0 {
            let message = match at {
                0 => "the file is empty",
                _ => "the archive ends without its two closing blocks: it was cut off",
            };
            return Ok(self.stop(Rule::TarEnd, at, message));
        }
        if block.iter().all(|byte| *byte == 0) {
            return self.end(at).map(|()| None);
        }
        if count < block.len() {
            return Ok(self.stop(Rule::TarTruncated, at, "the archive is cut off inside a header"));
        }
        match HeaderFields::parse(&block) {
            Ok(header) => self.entry(at, &header),
            Err((rule, message)) => Ok(self.stop(rule, at, message)),
        }
    }

    /// Takes the entry whose header is at `at`; returns where the next header is.
    fn entry(&mut self, at: u64, header: &HeaderFields) -> io::Result<Option<u64>> {
        if !matches!(header.kind, b'x' | b'L') {
            self.count += 1;
        }
        match header.kind {
            b'x' | b'L' => self.extended_header(at, header),
            b'0' | 0 => Ok(self.regular_file(at, header)),
            b'5' => Ok(self.folder(at, header)),
            b'1' => Ok(self.hard_link(at, header)),
            _ => Ok(self.unwanted(at, header)),
        }
    }

    /// Reads the bytes at `from`, which belong to the header at `at`; `None` if they are damaged, which ends
    /// the scan.
    fn read(&mut self, buffer: &mut [u8], at: u64, from: u64) -> io::Result<Option<usize>> {
        match self.file.read_full_at(buffer, from) {
            Err(error) if is_damage(&error) => {
                self.stop(Rule::ZstFrame, at, error.to_string());
                Ok(None)
            }
            outcome => outcome.map(Some),
        }
    }

    fn report(&mut self, rule: Rule, at: u64, message: impl Into<String>) {
        self.findings.push(Finding::new(rule, message).at(at));
    }

    /// Reports a finding that ends the scan.
    fn stop(&mut self, rule: Rule, at: u64, message: impl Into<String>) -> Option<u64> {
        self.report(rule, at, message);
        None
    }

    /// The closing blocks: at least two, and zeros up to the file's end.
    fn end(&mut self, at: u64) -> io::Result<()> {
        if !self.extended.is_empty() {
            self.report(Rule::TarPax, at, "an extended header stands before nothing");
        }
        if self.length.saturating_sub(at) < 2 * BLOCK {
            let message = "the archive ends without its two closing blocks: it was cut off";
            self.report(Rule::TarEnd, at, message);
            return Ok(());
        }
        // Not read to its end, which may be terabytes of zeros.
        let tail = self.length - at;
        if tail > MAX_TAIL {
            let message =
                format!("{tail} bytes stand behind the archive's end; more than {MAX_TAIL} are refused");
            self.report(Rule::TarTail, at, message);
            return Ok(());
        }
        if let Some(offset) = first_nonzero(self.file, at, self.length)? {
            self.report(Rule::TarTail, offset, "something stands behind the archive's end");
        }
        Ok(())
    }

    /// A pax header or GNU long name: kept for the entry behind it.
    fn extended_header(&mut self, at: u64, header: &HeaderFields) -> io::Result<Option<u64>> {
        if header.size > MAX_EXTENDED {
            let message =
                format!("an extended header of {} bytes; more than {MAX_EXTENDED} is refused", header.size);
            return Ok(self.stop(Rule::TarPax, at, message));
        }
        let mut data = vec![0; header.size as usize];
        let Some(count) = self.read(&mut data, at, at + BLOCK)? else { return Ok(None) };
        if count < data.len() {
            return Ok(self.stop(Rule::TarTruncated, at, "the archive is cut off inside an extended header"));
        }
        let added = match header.kind {
            b'L' => self.extended.add_long_name(data),
            _ => self.extended.add_pax(&data),
        };
        match added {
            Ok(()) => Ok(Some(at + BLOCK + padded(header.size))),
            Err(message) => Ok(self.stop(Rule::TarPax, at, message)),
        }
    }

    fn regular_file(&mut self, at: u64, header: &HeaderFields) -> Option<u64> {
        let data_offset = at + BLOCK;
        let size = match self.extended.size(header) {
            Ok(size) => size,
            Err(message) => return self.stop(Rule::TarSize, at, message),
        };
        let path = match self.name(header) {
            Ok((Some(path), NameEnd::Plain)) => path,
            Ok(_) => return self.stop(Rule::TarPath, at, "a regular file whose name is a folder's"),
            Err(message) => return self.stop(Rule::TarPath, at, message),
        };
        let end = data_offset.checked_add(size).filter(|end| *end <= self.length);
        if end.is_none_or(|_| data_offset + padded(size) > self.length) {
            let message =
                format!("{} should have {size} bytes here, but the archive is cut off", path.shown());
            return self.stop(Rule::TarTruncated, at, message);
        }
        self.add_name(at, &path, NameKind::File { data_offset, size });
        (self.found)(ScannedEntry { path, data_offset, size });
        Some(data_offset + padded(size))
    }

    fn folder(&mut self, at: u64, header: &HeaderFields) -> Option<u64> {
        if !self.extended.has_no_data(header) {
            let message = "a folder with a size: readers disagree on where the entry ends";
            return self.stop(Rule::TarSize, at, message);
        }
        match self.name(header) {
            Ok((Some(path), _)) => self.add_name(at, &path, NameKind::Folder),
            Ok((None, _)) => {}
            Err(message) => return self.stop(Rule::TarPath, at, message),
        }
        Some(at + BLOCK)
    }

    /// A second name of a file that stands before it. The file itself is a regular one, so there is no chain
    /// of links to follow.
    fn hard_link(&mut self, at: u64, header: &HeaderFields) -> Option<u64> {
        if !self.extended.has_no_data(header) {
            let message = "a hard link with a size: readers disagree on where the entry ends";
            self.findings.push(Finding::new(Rule::TarSize, message).at(at).with(Detail::HardLink));
            return None;
        }
        let path = match self.name(header) {
            Ok((Some(path), NameEnd::Plain)) => path,
            Ok(_) => return self.stop(Rule::TarPath, at, "a hard link whose name is a folder's"),
            Err(message) => return self.stop(Rule::TarPath, at, message),
        };
        self.add_name(at, &path, NameKind::Link);
        match self.names.file(&header.target) {
            Ok((data_offset, size)) => (self.found)(ScannedEntry { path, data_offset, size }),
            Err(why) => {
                let (path, target) = (path.shown(), shortened(&header.target));
                let message = format!("{path} is a hard link to '{target}', {why}");
                self.findings.push(Finding::new(Rule::TarType, message).at(at).with(Detail::HardLink));
            }
        }
        Some(at + BLOCK)
    }

    /// An entry that a layout has no use for. If it carries no data, the scan goes on behind it, to find
    /// more.
    fn unwanted(&mut self, at: u64, header: &HeaderFields) -> Option<u64> {
        let (what, detail) = match header.kind {
            b'2' => ("a symbolic link", Some(Detail::SymbolicLink)),
            b'3' | b'4' => ("a device", None),
            b'6' => ("a named pipe", None),
            b'g' => ("a global pax header", None),
            b'K' => ("a GNU long link name", Some(Detail::LongLinkName)),
            b'S' => ("a GNU sparse file", Some(Detail::SparseFile)),
            _ => ("an entry of unknown type", None),
        };
        let (name, kind) = (shortened(&header.name), char::from(header.kind).escape_debug());
        let message = format!("'{name}' is {what} (type '{kind}'), which has no place in an image layout");
        self.findings.push(Finding::new(Rule::TarType, message).at(at).with(detail));
        self.extended = ExtendedHeaders::default();
        (header.size == 0 && matches!(header.kind, b'2'..=b'6')).then_some(at + BLOCK)
    }

    /// The entry's name; what the extended headers say is used up.
    fn name(&mut self, header: &HeaderFields) -> Result<(Option<EntryPath>, NameEnd), String> {
        std::mem::take(&mut self.extended).name(header)
    }

    fn add_name(&mut self, at: u64, path: &EntryPath, kind: NameKind) {
        if let Err(message) = self.names.add(path, kind) {
            self.report(Rule::TarDuplicate, at, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn the_number_of_entries_has_a_limit() {
        let mut file = tempfile::tempfile().unwrap();
        for number in 0..4 {
            let mut header = tar::Header::new_ustar();
            header.set_path(number.to_string()).unwrap();
            header.set_size(0);
            header.set_cksum();
            file.write_all(header.as_bytes()).unwrap();
        }
        file.write_all(&[0; 1024]).unwrap();
        let length = file.stream_position().unwrap();
        let scanned = |most| {
            let mut count = 0;
            let findings = scan_limited(&file, length, |_| count += 1, most).unwrap();
            (count, findings.into_iter().map(|finding| finding.rule).collect::<Vec<_>>())
        };
        assert_eq!(scanned(4), (4, vec![]));
        assert_eq!(scanned(3), (4, vec![Rule::TarLimit]));
        assert_eq!(scanned(1), (2, vec![Rule::TarLimit]));
    }
}
