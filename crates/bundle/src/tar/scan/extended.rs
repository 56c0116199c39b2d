//! Pax headers and GNU long names: what they say about the entry that follows them, and whether all parsers
//! understand it alike.

use super::fields::{HeaderFields, NAME_FIELD};
use crate::tar::path::EntryPath;
use crate::tar::pax::{self, Pax};

/// The extended headers in front of an entry.
#[derive(Default)]
pub(super) struct ExtendedHeaders {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
}

/// How a name ends: to many readers, one that ends in a slash is a folder, whatever its type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameEnd {
    Plain,
    Slash,
}

impl ExtendedHeaders {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none()
    }

    /// Adds a GNU long name. The error says what is wrong with it.
    pub(super) fn add_long_name(&mut self, mut data: Vec<u8>) -> Result<(), String> {
        let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
        // One NUL ends it. If there are more, some readers take them as a part of the name.
        if data.len() - end > 1 {
            return Err("a long name with something behind its end".to_owned());
        }
        data.truncate(end);
        let earlier = self.long_name.replace(data);
        self.check_single(earlier.is_some())
    }

    /// Adds a pax header. The error says what is wrong with it.
    pub(super) fn add_pax(&mut self, data: &[u8]) -> Result<(), String> {
        let earlier = self.pax.replace(pax::parse(data)?);
        self.check_single(earlier.is_some())
    }

    fn check_single(&self, is_second: bool) -> Result<(), String> {
        if is_second || (self.pax.is_some() && self.long_name.is_some()) {
            return Err(
                "two extended headers speak of one entry: readers disagree on which counts".to_owned()
            );
        }
        Ok(())
    }

    /// The size of the entry's data that all parsers see. The error says which two sizes they may see.
    pub(super) fn size(&self, header: &HeaderFields) -> Result<u64, String> {
        match self.pax_size() {
            None => Ok(header.size),
            Some(size) if size == header.size => Ok(size),
            // Sizes from 8 GiB on don't fit the header's octal digits: writers of pax leave the field zero.
            Some(size) if header.size == 0 && (8 << 30..=i64::MAX as u64).contains(&size) => Ok(size),
            Some(size) => Err(format!(
                "the pax size ({size}) is not the header's ({}): readers disagree on where the entry ends",
                header.size
            )),
        }
    }

    /// Whether the entry has no data, to any parser.
    pub(super) fn has_no_data(&self, header: &HeaderFields) -> bool {
        header.size == 0 && self.pax_size().unwrap_or(0) == 0
    }

    fn pax_size(&self) -> Option<u64> {
        self.pax.as_ref().and_then(|pax| pax.size)
    }

    /// The entry's name by header, pax record or GNU record. The error says that they disagree, or why the
    /// name is refused.
    pub(super) fn name(self, header: &HeaderFields) -> Result<(Option<EntryPath>, NameEnd), String> {
        let long = self.pax.and_then(|pax| pax.path).or(self.long_name);
        let name = match &long {
            // Anything but the name itself or its start is a rename that only some readers see.
            Some(long) if *long != header.name && !is_start(&header.name, long) => {
                let (short, long) = (shortened(&header.name), shortened(long));
                return Err(format!(
                    "an extended header renames '{short}' to '{long}': readers disagree on the name"
                ));
            }
            Some(long) => long,
            None => &header.name,
        };
        let end = if name.ends_with(b"/") { NameEnd::Slash } else { NameEnd::Plain };
        let path = EntryPath::parse(name).map_err(|error| format!("{error}: '{}'", shortened(name)))?;
        Ok((path, end))
    }
}

/// Whether a header's name is what writers put there if the name is too long: as much as fits, perhaps
/// without a slash at the cut.
fn is_start(short: &[u8], long: &[u8]) -> bool {
    long.len() > NAME_FIELD && short.len() + 2 > NAME_FIELD && long.starts_with(short)
}

/// A name for a message, no longer than a line or two.
pub(super) fn shortened(name: &[u8]) -> impl std::fmt::Display + '_ {
    name[..name.len().min(200)].escape_ascii()
}
