//! The plan of an archive: every entry with its place, known before the first blob arrives.
//!
//! A plan is a pure function of the roots and the manifests' bytes. So every build of the same images makes
//! the same archive, and a reader knows what each byte of the headers and paddings has to be.

use airlift_oci::document::DocumentError;
use airlift_oci::graph::Graph;
use airlift_oci::{Digest, layout};

use crate::tar::header;
use crate::tar::header::BLOCK;
use crate::tar::path::EntryPath;

/// Two blocks of zeros end a tar archive (POSIX pax, "ustar Interchange Format").
pub(crate) const TAIL: u64 = 2 * BLOCK;

/// Why no plan could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The archive would be larger than the largest offset.
    #[error(
        "with {digest}, which is said to have {size} bytes, the archive would be larger than {} bytes",
        i64::MAX
    )]
    TooLarge {
        /// The content with which it would be too large.
        digest: Digest,
        /// The size that a descriptor claims.
        size: u64,
    },
    /// `index.json` could not be written, or would be larger than readers take.
    #[error("index.json can't be made")]
    Index(#[source] DocumentError),
    /// More images than an `index.json` can list.
    #[error("index.json would have {0} bytes, more than are read back; build fewer images into one bundle")]
    IndexTooLarge(u64),
}

/// What an entry of the archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `oci-layout`.
    Layout,
    /// `index.json`.
    Index,
    /// The manifest at that position of the graph.
    Manifest(usize),
    /// The blob at that position of the graph.
    Blob(usize),
}

/// An entry of the archive with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedEntry {
    /// What it holds.
    pub content: Content,
    /// The digest of the data.
    pub digest: Digest,
    /// Where its tar header starts, in bytes from the archive's start.
    pub header_offset: u64,
    /// Where its data starts.
    pub data_offset: u64,
    /// How many bytes of data there are, padding not counted.
    pub size: u64,
}

impl PlannedEntry {
    /// The entry's name.
    pub fn path(&self) -> EntryPath {
        match self.content {
            Content::Layout => EntryPath::top(layout::LAYOUT_FILE),
            Content::Index => EntryPath::top(layout::INDEX_FILE),
            Content::Manifest(_) | Content::Blob(_) => EntryPath::of_blob(&self.digest),
        }
    }

    /// The exact bytes from `header_offset` up to `data_offset`: the tar header.
    pub fn header(&self) -> Vec<u8> {
        header::encode(&self.path(), self.size)
    }

    /// Where the padding behind the data ends and the next entry starts.
    pub fn end(&self) -> u64 {
        self.data_offset + header::padded(self.size)
    }
}

/// The ordered, deduplicated entries of an archive with their offsets. A hostile archive has a million, so
/// only the offsets are kept; all else stands in the graph.
#[derive(Clone, Debug)]
pub struct Plan {
    graph: Graph,
    id: Digest,
    layout_json: Vec<u8>,
    index_json: Vec<u8>,
    /// Where the header of each entry starts: layout, index, manifests, blobs.
    header_offsets: Vec<u64>,
    size: u64,
}

/// How many entries stand before the manifests: layout and index.
const TOP: usize = 2;

impl Plan {
    /// Lays out the archive of a graph whose roots are in canonical order.
    ///
    /// # Errors
    /// If the archive would be too large, or `index.json` can't be made or would be larger than readers take.
    pub fn new(graph: Graph) -> Result<Self, PlanError> {
        let index_json = layout::encode_index(&graph.roots).map_err(PlanError::Index)?;
        if index_json.len() as u64 > layout::MAX_INDEX {
            return Err(PlanError::IndexTooLarge(index_json.len() as u64));
        }
        Self::with_index(graph, index_json)
    }

    /// Lays out the archive around an `index.json` that is already there, for a reader that compares an
    /// archive with its plan.
    ///
    /// # Errors
    /// If the archive would be too large.
    pub fn with_index(graph: Graph, index_json: Vec<u8>) -> Result<Self, PlanError> {
        let id = Digest::sha256(&index_json);
        let layout_json = layout::encode_layout(&id);
        let mut plan = Plan { graph, id, layout_json, index_json, header_offsets: Vec::new(), size: 0 };
        let count = TOP + plan.graph.manifests.len() + plan.graph.blob_count();
        plan.header_offsets.reserve_exact(count);
        for position in 0..count {
            let Some((content, digest, size)) = plan.content_at(position) else { break };
            let header_offset = plan.size;
            let end = end_of(header_offset, head_size(content, &digest), size);
            plan.size = end.ok_or(PlanError::TooLarge { digest, size })?;
            plan.header_offsets.push(header_offset);
        }
        plan.size += TAIL;
        Ok(plan)
    }

    /// What the entry at that position holds, with its digest and size.
    fn content_at(&self, position: usize) -> Option<(Content, Digest, u64)> {
        let manifests = &self.graph.manifests;
        match position {
            0 => Some((Content::Layout, Digest::sha256(&self.layout_json), self.layout_json.len() as u64)),
            1 => Some((Content::Index, self.id, self.index_json.len() as u64)),
            _ if position < TOP + manifests.len() => {
                let descriptor = &manifests[position - TOP].descriptor;
                Some((Content::Manifest(position - TOP), descriptor.digest, descriptor.size))
            }
            _ => {
                let position = position - TOP - manifests.len();
                let blob = self.graph.blob(position)?.descriptor;
                Some((Content::Blob(position), blob.digest, blob.size))
            }
        }
    }

    /// The bundle's id: the digest of `index.json`.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The archive's size in bytes, all headers, padding and the tail included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All entries, in archive order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = PlannedEntry> {
        (0..self.entry_count()).filter_map(|position| self.entry(position))
    }

    /// How many entries there are.
    pub fn entry_count(&self) -> usize {
        self.header_offsets.len()
    }

    /// The entry at that position.
    pub fn entry(&self, position: usize) -> Option<PlannedEntry> {
        let header_offset = *self.header_offsets.get(position)?;
        let (content, digest, size) = self.content_at(position)?;
        let data_offset = header_offset + head_size(content, &digest);
        Some(PlannedEntry { content, digest, header_offset, data_offset, size })
    }

    /// The entries that hold blobs, in archive order.
    pub fn blobs(&self) -> impl DoubleEndedIterator<Item = PlannedEntry> {
        let first = TOP + self.graph.manifests.len();
        (first..self.entry_count()).filter_map(|position| self.entry(position))
    }

    /// How many bytes all blobs have together. So many bytes are hashed to find out what a file has of the
    /// plan; all other bytes are only compared.
    pub fn blob_bytes(&self) -> u64 {
        self.blobs().map(|entry| entry.size).sum()
    }

    /// What the archive holds.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Where the two closing blocks of zeros start.
    pub fn tail_offset(&self) -> u64 {
        self.size - TAIL
    }

    /// The data of an entry that is in memory; `None` for blobs, and for manifests that were not available.
    pub fn known_data(&self, entry: &PlannedEntry) -> Option<&[u8]> {
        match entry.content {
            Content::Layout => Some(&self.layout_json),
            Content::Index => Some(&self.index_json),
            Content::Manifest(position) => {
                self.graph.manifests.get(position)?.raw.as_ref().map(|raw| raw.bytes().as_ref())
            }
            Content::Blob(_) => None,
        }
    }

    /// The image and the part of it that an entry belongs to, for people: "nginx:1.27", "linux/amd64", "layer
    /// 3".
    pub fn path_of(&self, entry: &PlannedEntry) -> Vec<String> {
        match entry.content {
            Content::Layout | Content::Index => vec![entry.path().to_string()],
            Content::Manifest(position) => self.graph.path_of_manifest(position),
            Content::Blob(position) => match self.graph.blob(position) {
                Some(blob) => self.graph.path_of_blob(&blob),
                None => vec![entry.path().to_string()],
            },
        }
    }
}

/// How many bytes precede the data of an entry.
fn head_size(content: Content, digest: &Digest) -> u64 {
    match content {
        Content::Layout | Content::Index => BLOCK,
        Content::Manifest(_) | Content::Blob(_) => header::encoded_size_of_blob(digest),
    }
}

/// Where an entry ends with its padding; `None` where the archive would be too large with it.
fn end_of(header_offset: u64, head: u64, size: u64) -> Option<u64> {
    if size > i64::MAX as u64 {
        return None;
    }
    let data_offset = header_offset.checked_add(head)?;
    let end = data_offset.checked_add(header::padded(size))?;
    // The tail comes behind it.
    (end <= i64::MAX as u64 - TAIL).then_some(end)
}
