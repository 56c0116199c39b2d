//! The descriptors of a manifest, packed: a manifest of 4 MiB has forty thousand, and a bundle many
//! manifests.
//!
//! A row has what is asked for often. All else is read again from the manifest's bytes, which are in memory
//! anyway.

use std::borrow::Cow;

use crate::document::places::{elements, member};
use crate::document::read_descriptor;
use crate::media_type::{self, Kind, WELL_KNOWN};
use crate::{Descriptor, Digest};

/// The rows of one manifest's descriptors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    rows: Box<[Row]>,
    /// Digests that are longer than a row has room for.
    long: Box<[Digest]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// A SHA-256, or the position of a longer digest.
    digest: RowDigest,
    size: u64,
    /// Where in the manifest it is.
    start: u32,
    length: u32,
    /// The position among the well-known media types, if it is one of them.
    media_type: Option<u8>,
    has_urls: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RowDigest {
    Sha256([u8; 32]),
    Long(u32),
}

impl Rows {
    /// Packs the descriptors that were read from members of `json`, each a descriptor or a list of them.
    pub(crate) fn pack(json: &[u8], members: &[(&str, &[Descriptor])]) -> Self {
        let mut long = Vec::new();
        let mut rows = Vec::with_capacity(members.iter().map(|(_, list)| list.len()).sum());
        for (name, list) in members {
            if list.is_empty() {
                continue;
            }
            // It was read from there.
            let start = member(json, name).unwrap_or_default();
            for (descriptor, place) in list.iter().zip(elements(json, start)) {
                rows.push(Row::new(descriptor, place.start, place.len(), &mut long));
            }
        }
        Rows { rows: rows.into(), long: long.into() }
    }

    /// All of them. `json` is the manifest.
    pub(crate) fn list<'a>(&'a self, json: &'a [u8]) -> Descriptors<'a> {
        Descriptors { json, rows: &self.rows, long: &self.long }
    }
}

impl Row {
    fn new(descriptor: &Descriptor, start: usize, length: usize, long: &mut Vec<Digest>) -> Self {
        let digest = descriptor.digest.sha256_bytes().map_or_else(
            || {
                long.push(descriptor.digest);
                RowDigest::Long(long.len() as u32 - 1)
            },
            RowDigest::Sha256,
        );
        let known = WELL_KNOWN.iter().position(|known| *known == descriptor.media_type);
        Row {
            digest,
            size: descriptor.size,
            // Manifests have 4 MiB at most.
            start: start as u32,
            length: length as u32,
            media_type: known.map(|position| position as u8),
            has_urls: !descriptor.urls.is_empty(),
        }
    }
}

/// Descriptors that a manifest lists, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors<'a> {
    json: &'a [u8],
    rows: &'a [Row],
    long: &'a [Digest],
}

impl<'a> Descriptors<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One by its position.
    pub fn get(&self, position: usize) -> Option<ListedDescriptor<'a>> {
        self.rows.get(position).map(|row| self.listed(row))
    }

    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ListedDescriptor<'a>> + Clone + use<'a> {
        let list = *self;
        self.rows.iter().map(move |row| list.listed(row))
    }

    /// All without the first one, and that.
    pub(crate) fn split_first(&self) -> Option<(ListedDescriptor<'a>, Descriptors<'a>)> {
        let (first, rows) = self.rows.split_first()?;
        Some((self.listed(first), Descriptors { rows, ..*self }))
    }

    /// All members of each.
    pub fn read(&self) -> Vec<Descriptor> {
        self.iter().map(|listed| listed.read()).collect()
    }

    fn listed(&self, row: &'a Row) -> ListedDescriptor<'a> {
        let digest = match &row.digest {
            RowDigest::Sha256(bytes) => Digest::from_sha256(*bytes),
            RowDigest::Long(position) => self.long[*position as usize],
        };
        ListedDescriptor { digest, size: row.size, row, json: self.json }
    }
}

/// A descriptor that a manifest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedDescriptor<'a> {
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    pub size: u64,
    row: &'a Row,
    json: &'a [u8],
}

impl ListedDescriptor<'_> {
    /// The content's media type; empty where a config or layer names none.
    pub fn media_type(&self) -> Cow<'static, str> {
        match self.row.media_type {
            Some(known) => WELL_KNOWN[usize::from(known)].into(),
            None => self.read().media_type.into(),
        }
    }

    /// What the media type says of the content.
    pub fn kind(&self) -> Kind {
        // All that are anything but blobs are well known.
        self.row.media_type.map_or(Kind::Blob, |known| media_type::kind(WELL_KNOWN[usize::from(known)]))
    }

    /// Whether it says where the content may be had, as foreign layers do.
    pub fn has_urls(&self) -> bool {
        self.row.has_urls
    }

    /// All of its members, read again from the manifest's bytes.
    pub fn read(&self) -> Descriptor {
        let (start, length) = (self.row.start as usize, self.row.length as usize);
        let json = self.json.get(start..start + length).unwrap_or_default();
        // It was read before.
        read_descriptor(json).unwrap_or_else(|| Descriptor::new("", self.digest, self.size))
    }
}
