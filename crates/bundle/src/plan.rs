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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedEntry {
    /// The entry's name.
    pub path: EntryPath,
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
    /// The exact bytes from `header_offset` up to `data_offset`: the tar header.
    pub fn header(&self) -> Vec<u8> {
        header::encode(&self.path, self.size)
    }

    /// Where the padding behind the data ends and the next entry starts.
    pub fn end(&self) -> u64 {
        self.data_offset + header::padded(self.size)
    }
}

/// The ordered, deduplicated entries of an archive with their offsets.
#[derive(Clone, Debug)]
pub struct Plan {
    graph: Graph,
    id: Digest,
    layout_json: Vec<u8>,
    index_json: Vec<u8>,
    entries: Vec<PlannedEntry>,
    size: u64,
}

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
        let mut placer = EntryPlacer { entries: Vec::new(), at: 0 };
        let layout_digest = Digest::sha256(&layout_json);
        placer.add(
            EntryPath::top(layout::LAYOUT_FILE),
            Content::Layout,
            layout_digest,
            layout_json.len() as u64,
        )?;
        placer.add(EntryPath::top(layout::INDEX_FILE), Content::Index, id, index_json.len() as u64)?;
        for (position, manifest) in graph.manifests.iter().enumerate() {
            let descriptor = &manifest.descriptor;
            placer.add_blob(Content::Manifest(position), descriptor.digest, descriptor.size)?;
        }
        for (position, blob) in graph.blobs().enumerate() {
            placer.add_blob(Content::Blob(position), blob.descriptor.digest, blob.descriptor.size)?;
        }
        let size = placer.at + TAIL;
        Ok(Plan { graph, id, layout_json, index_json, entries: placer.entries, size })
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
    pub fn entries(&self) -> &[PlannedEntry] {
        &self.entries
    }

    /// The entries that hold blobs, in archive order.
    pub fn blobs(&self) -> impl Iterator<Item = &PlannedEntry> {
        self.entries.iter().filter(|entry| matches!(entry.content, Content::Blob(_)))
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
            Content::Layout | Content::Index => vec![entry.path.to_string()],
            Content::Manifest(position) => self.graph.path_of_manifest(position),
            Content::Blob(position) => match self.graph.blob(position) {
                Some(blob) => self.graph.path_of_blob(&blob),
                None => vec![entry.path.to_string()],
            },
        }
    }
}

/// Places entries one behind the other.
struct EntryPlacer {
    entries: Vec<PlannedEntry>,
    at: u64,
}

impl EntryPlacer {
    fn add_blob(&mut self, content: Content, digest: Digest, size: u64) -> Result<(), PlanError> {
        self.add(EntryPath::of_blob(&digest), content, digest, size)
    }

    fn add(&mut self, path: EntryPath, content: Content, digest: Digest, size: u64) -> Result<(), PlanError> {
        let header_offset = self.at;
        let placed = || -> Option<(u64, u64)> {
            if size > i64::MAX as u64 {
                return None;
            }
            let data_offset = header_offset.checked_add(header::encoded_size(&path))?;
            let end = data_offset.checked_add(header::padded(size))?;
            // The tail comes behind it.
            (end <= i64::MAX as u64 - TAIL).then_some((data_offset, end))
        };
        let (data_offset, end) = placed().ok_or(PlanError::TooLarge { digest, size })?;
        self.entries.push(PlannedEntry { path, content, digest, header_offset, data_offset, size });
        self.at = end;
        Ok(())
    }
}
