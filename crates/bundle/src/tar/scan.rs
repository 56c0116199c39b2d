//! The strict tar reader: where the entries of an archive lie, and every reason not to trust it.
//!
//! An archive is only ever parsed in place; nothing is extracted, so no entry can write anywhere. The attacks
//! that it answers are those by which two parsers see two different archives in the same bytes, or one is led
//! astray:
//!
//! - cut off: at an entry's boundary, inside data, without the closing blocks, or an empty file;
//! - anything but zeros behind the end, where a second archive could hide;
//! - the same name twice, of which one parser takes the first and another the last;
//! - a pax size that differs from the header's (CVE-2025-62518), global pax headers, pax paths that rename an
//!   entry;
//! - GNU sparse maps (CVE-2025-58183), symbolic links, devices and unknown types;
//! - hard links to anything but a regular file that stands before them in the archive;
//! - absolute names, `..`, `//`, NUL and control characters;
//! - sizes beyond what is there, negative base-256, header records of megabytes;
//! - flipped bits in headers, by their checksum.
//!
//! What is merely another order, a directory entry, a hard link to an earlier file, or a long name in pax or
//! GNU form is legal.

mod fields;
mod links;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

use airlift_disk::read::{ReadAt, is_damage};
use airlift_oci::Digest;
use fields::Header;

use crate::finding::{Finding, Rule};
use crate::tar::header::{BLOCK, padded};
use crate::tar::path::EntryPath;
use crate::tar::pax;
use crate::tar::pax::Pax;

/// A pax header or GNU long name larger than this is refused unread.
const MAX_RECORD: u64 = 64 << 10;
/// Behind the last entry. Tape records, which old writers fill up, have at most a megabyte or so.
const MAX_TAIL: u64 = 16 << 20;
/// More entries than this, of whatever kind, are taken for an attack.
const MAX_ENTRIES: usize = 1_000_000;
/// After so many findings it is clear what the archive is, and going on would only take time and memory.
const MAX_FINDINGS: usize = 1_000;
/// The header's name field.
const NAME_FIELD: usize = 100;

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

/// Goes through an archive's headers: `found` gets the regular files, in archive order, up to where the scan
/// had to stop; what is wrong comes back. `Err` only where the file can't be read.
pub fn scan(file: &impl ReadAt, length: u64, found: impl FnMut(ScannedEntry)) -> io::Result<Vec<Finding>> {
    scan_some(file, length, found, MAX_ENTRIES)
}

/// The same with at most so many entries.
fn scan_some(
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
        names: HashMap::new(),
        pending: Pending::default(),
    };
    let mut at = 0;
    while let Some(next) = scanner.step(at)? {
        at = next;
    }
    Ok(scanner.findings)
}

/// What stands in front of an entry and speaks of it.
#[derive(Default)]
struct Pending {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// With the place of its data.
    File {
        data_offset: u64,
        size: u64,
    },
    /// A second name of a file.
    Link,
    Folder,
}

struct Scanner<'a, R, F> {
    file: &'a R,
    length: u64,
    found: F,
    /// The most entries that are taken for an archive.
    most: usize,
    /// Entries so far, folders and refused ones included.
    count: usize,
    findings: Vec<Finding>,
    /// The names so far, by digest: names can be long, and all that is asked is whether one was there before.
    names: HashMap<[u8; 16], Named>,
    pending: Pending,
}

impl<R: ReadAt, F: FnMut(ScannedEntry)> Scanner<'_, R, F> {
    /// Reads the header at `at`; returns where the next one is, or `None` at the end or where going on makes
    /// no sense.
    fn step(&mut self, at: u64) -> io::Result<Option<u64>> {
        if self.count > self.most {
            let message = format!("the archive has more than {} entries", self.most);
            return Ok(self.stop(Rule::TarLimit, at, message));
        }
        if self.findings.len() >= MAX_FINDINGS {
            let message = format!("more than {MAX_FINDINGS} defects; the rest was not looked at");
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
        let header = match Header::parse(&block) {
            Ok(header) => header,
            Err((rule, message)) => return Ok(self.stop(rule, at, message)),
        };
        let data_offset = at + BLOCK;
        if !matches!(header.kind, b'x' | b'L') {
            self.count += 1;
        }
        match header.kind {
            b'x' | b'L' => self.record(at, &header),
            b'0' | 0 => self.regular(at, data_offset, &header),
            b'5' => Ok(self.folder(at, data_offset, &header)),
            b'1' => Ok(self.hard_link(at, data_offset, &header)),
            _ => Ok(self.foreign(at, data_offset, &header)),
        }
    }

    /// Reads what lies `from` there for the header at `at`; `None` where that can't be unpacked, which ends
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

    fn stop(&mut self, rule: Rule, at: u64, message: impl Into<String>) -> Option<u64> {
        self.findings.push(Finding::new(rule, message).at(at));
        None
    }

    /// The closing blocks: two at least, and zeros up to the file's end.
    fn end(&mut self, at: u64) -> io::Result<()> {
        if self.pending.pax.is_some() || self.pending.long_name.is_some() {
            self.stop(Rule::TarPax, at, "an extended header stands before nothing");
        }
        if self.length.saturating_sub(at) < 2 * BLOCK {
            self.stop(Rule::TarEnd, at, "the archive ends without its two closing blocks: it was cut off");
            return Ok(());
        }
        // Not read to its end, which may be terabytes of nothing.
        if self.length - at > MAX_TAIL {
            let message = format!(
                "{} bytes stand behind the archive's end; more than {MAX_TAIL} are refused",
                self.length - at
            );
            self.stop(Rule::TarTail, at, message);
            return Ok(());
        }
        if let Some(offset) = first_nonzero(self.file, at, self.length)? {
            self.stop(Rule::TarTail, offset, "something stands behind the archive's end");
        }
        Ok(())
    }

    /// A pax header or GNU long name: remembered for the entry behind it.
    fn record(&mut self, at: u64, header: &Header) -> io::Result<Option<u64>> {
        if header.size > MAX_RECORD {
            let message =
                format!("an extended header of {} bytes; more than {MAX_RECORD} is refused", header.size);
            return Ok(self.stop(Rule::TarPax, at, message));
        }
        let mut data = vec![0; header.size as usize];
        let Some(count) = self.read(&mut data, at, at + BLOCK)? else { return Ok(None) };
        if count < data.len() {
            return Ok(self.stop(Rule::TarTruncated, at, "the archive is cut off inside an extended header"));
        }
        let twice = if header.kind == b'L' {
            let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
            // One NUL ends it; of more, some readers make a part of the name.
            if data.len() - end > 1 {
                return Ok(self.stop(Rule::TarPax, at, "a long name with something behind its end"));
            }
            data.truncate(end);
            self.pending.long_name.replace(data).is_some()
        } else {
            match pax::parse(&data) {
                Ok(pax) => self.pending.pax.replace(pax).is_some(),
                Err(message) => return Ok(self.stop(Rule::TarPax, at, message)),
            }
        };
        if twice || (self.pending.pax.is_some() && self.pending.long_name.is_some()) {
            return Ok(self.stop(
                Rule::TarPax,
                at,
                "two extended headers speak of one entry: readers disagree on which counts",
            ));
        }
        Ok(Some(at + BLOCK + padded(header.size)))
    }

    fn regular(&mut self, at: u64, data_offset: u64, header: &Header) -> io::Result<Option<u64>> {
        let pax_size = self.pending.pax.as_ref().and_then(|pax| pax.size);
        let Some(size) = agreed_size(header.size, pax_size) else {
            let message = format!(
                "the pax size ({}) is not the header's ({}): readers disagree on where the entry ends",
                pax_size.unwrap_or_default(),
                header.size
            );
            return Ok(self.stop(Rule::TarSize, at, message));
        };
        let path = match self.name(header) {
            Ok((Some(path), Spelling::Plain)) => path,
            Ok(_) => return Ok(self.stop(Rule::TarPath, at, "a regular file whose name is a folder's")),
            Err(message) => return Ok(self.stop(Rule::TarPath, at, message)),
        };
        let end = data_offset.checked_add(size).filter(|end| *end <= self.length);
        if end.is_none_or(|_| data_offset + padded(size) > self.length) {
            let message =
                format!("{} should have {size} bytes here, but the archive is cut off", path.shown());
            return Ok(self.stop(Rule::TarTruncated, at, message));
        }
        self.remember(at, &path, Named::File { data_offset, size });
        (self.found)(ScannedEntry { path, data_offset, size });
        Ok(Some(data_offset + padded(size)))
    }

    fn folder(&mut self, at: u64, data_offset: u64, header: &Header) -> Option<u64> {
        let pax_size = self.pending.pax.as_ref().and_then(|pax| pax.size);
        if header.size != 0 || pax_size.is_some_and(|size| size != 0) {
            return self.stop(
                Rule::TarSize,
                at,
                "a folder with a size: readers disagree on where the entry ends",
            );
        }
        match self.name(header) {
            Ok((Some(path), _)) => self.remember(at, &path, Named::Folder),
            Ok((None, _)) => {}
            Err(message) => return self.stop(Rule::TarPath, at, message),
        }
        Some(data_offset)
    }

    fn remember(&mut self, at: u64, path: &EntryPath, named: Named) {
        match self.names.entry(key_of(path)) {
            Entry::Vacant(place) => {
                place.insert(named);
            }
            Entry::Occupied(earlier) if (*earlier.get(), named) == (Named::Folder, Named::Folder) => {}
            Entry::Occupied(_) => {
                let message = format!("{} is there twice: readers disagree on which counts", path.shown());
                self.findings.push(Finding::new(Rule::TarDuplicate, message).at(at));
            }
        }
    }

    /// The entry's name by header, pax record or GNU record, where these agree.
    fn name(&mut self, header: &Header) -> Result<(Option<EntryPath>, Spelling), String> {
        let Pending { pax, long_name } = std::mem::take(&mut self.pending);
        let long = pax.and_then(|pax| pax.path).or(long_name);
        let name = match long {
            // Anything but the name itself or its start is a rename that only some readers see.
            Some(long) if long != header.name && !is_start(&header.name, &long) => {
                let (short, long) = (shortened(&header.name), shortened(&long));
                return Err(format!(
                    "an extended header renames '{short}' to '{long}': readers disagree on the name"
                ));
            }
            Some(long) => long,
            None => header.name.clone(),
        };
        let spelling = if name.ends_with(b"/") { Spelling::Folder } else { Spelling::Plain };
        let path = EntryPath::parse(&name).map_err(|error| format!("{error}: '{}'", shortened(&name)))?;
        Ok((path, spelling))
    }
}

/// By what a name is remembered.
fn key_of(path: &EntryPath) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&Digest::sha256(path.as_str().as_bytes()).as_bytes()[..16]);
    key
}

/// How a name ends: to many readers, one that ends in a slash is a folder, whatever its type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Plain,
    Folder,
}

/// Whether a header's name is what writers leave there of a name that is too long: as much as fits, perhaps
/// without a slash at the cut.
fn is_start(short: &[u8], long: &[u8]) -> bool {
    long.len() > NAME_FIELD && short.len() + 2 > NAME_FIELD && long.starts_with(short)
}

/// A name for a message, which nobody reads beyond a line or two.
fn shortened(name: &[u8]) -> impl std::fmt::Display + '_ {
    name[..name.len().min(200)].escape_ascii()
}

/// The size that every parser sees; `None` where they may differ. Sizes from 8 GiB on don't fit the header's
/// octal digits, so writers of pax leave the field zero there.
fn agreed_size(header: u64, pax: Option<u64>) -> Option<u64> {
    match pax {
        None => Some(header),
        Some(size) if size == header => Some(size),
        Some(size) if header == 0 && (8 << 30..=i64::MAX as u64).contains(&size) => Some(size),
        Some(_) => None,
    }
}

/// The first byte from `start` up to `end` that isn't zero, or can't be unpacked.
pub(crate) fn first_nonzero(file: &impl ReadAt, start: u64, end: u64) -> io::Result<Option<u64>> {
    const PIECE: u64 = 64 << 10;
    let mut buffer = vec![0; PIECE.min(end.saturating_sub(start)) as usize];
    let mut at = start;
    while at < end {
        let wanted = buffer.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
        let count = match file.read_full_at(&mut buffer[..wanted], at) {
            Err(error) if is_damage(&error) => return Ok(Some(at)),
            outcome => outcome?,
        };
        if let Some(position) = buffer[..count].iter().position(|byte| *byte != 0) {
            return Ok(Some(at + position as u64));
        }
        if count < wanted {
            break;
        }
        at += count as u64;
    }
    Ok(None)
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
            let findings = scan_some(&file, length, |_| count += 1, most).unwrap();
            (count, findings.into_iter().map(|finding| finding.rule).collect::<Vec<_>>())
        };
        assert_eq!(scanned(4), (4, vec![]));
        assert_eq!(scanned(3), (4, vec![Rule::TarLimit]));
        assert_eq!(scanned(1), (2, vec![Rule::TarLimit]));
    }
}
