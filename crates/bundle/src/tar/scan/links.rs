//! Entries that are neither files nor folders. A hard link to a file that stands before it is that file once
//! more; nothing else is taken.

use airlift_disk::read::ReadAt;

use super::fields::Header;
use super::{Named, Pending, ScannedEntry, Scanner, Spelling, key_of, shortened};
use crate::finding::{Finding, Rule};
use crate::tar::path::EntryPath;

/// How to pack files so that there are no hard links.
const WITHOUT_HARD_LINKS: &str = "pack it again with tar --hard-dereference";

impl<R: ReadAt, F: FnMut(ScannedEntry)> Scanner<'_, R, F> {
    /// Entries that a layout has no use for. Those that carry no data can be stepped over to find more.
    pub(super) fn foreign(&mut self, at: u64, data_offset: u64, header: &Header) -> Option<u64> {
        let (what, way_out) = match header.kind {
            b'2' => ("a symbolic link", "; pack it again with tar -h, which puts the files themselves there"),
            b'3' | b'4' => ("a device", ""),
            b'6' => ("a named pipe", ""),
            b'g' => ("a global pax header", ""),
            b'K' => ("a GNU long link name", "; pack it again with tar -h --hard-dereference"),
            b'S' => ("a GNU sparse file", "; pack it again with tar without -S"),
            _ => ("an entry of unknown type", ""),
        };
        let (name, kind) = (shortened(&header.name), char::from(header.kind).escape_debug());
        let message =
            format!("'{name}' is {what} (type '{kind}'), which has no place in an image layout{way_out}");
        self.findings.push(Finding::new(Rule::TarType, message).at(at));
        self.pending = Pending::default();
        (header.size == 0 && matches!(header.kind, b'2'..=b'6')).then_some(data_offset)
    }

    /// A second name for a file. Its data lies with the first one, which is a regular file, so there is no
    /// chain to follow.
    pub(super) fn hard_link(&mut self, at: u64, data_offset: u64, header: &Header) -> Option<u64> {
        let pax_size = self.pending.pax.as_ref().and_then(|pax| pax.size);
        if header.size != 0 || pax_size.is_some_and(|size| size != 0) {
            let message = format!(
                "a hard link with a size: readers disagree on where the entry ends; {WITHOUT_HARD_LINKS}"
            );
            return self.stop(Rule::TarSize, at, message);
        }
        let path = match self.name(header) {
            Ok((Some(path), Spelling::Plain)) => path,
            Ok(_) => return self.stop(Rule::TarPath, at, "a hard link whose name is a folder's"),
            Err(message) => return self.stop(Rule::TarPath, at, message),
        };
        self.remember(at, &path, Named::Link);
        match self.target(&header.target) {
            Ok((data_offset, size)) => (self.found)(ScannedEntry { path, data_offset, size }),
            Err(why) => {
                let message = format!(
                    "{} is a hard link to '{}', {why}; {WITHOUT_HARD_LINKS}",
                    path.shown(),
                    shortened(&header.target)
                );
                self.findings.push(Finding::new(Rule::TarType, message).at(at));
            }
        }
        Some(data_offset)
    }

    /// Where the data of an earlier file lies, or why there is none of that name.
    fn target(&self, name: &[u8]) -> Result<(u64, u64), String> {
        let path = EntryPath::parse(name).map_err(|error| error.to_string())?;
        match path.and_then(|path| self.names.get(&key_of(&path))) {
            Some(Named::File { data_offset, size }) => Ok((*data_offset, *size)),
            Some(Named::Link | Named::Folder) => Err("which is no regular file".to_owned()),
            None => Err("which doesn't stand before it".to_owned()),
        }
    }
}
