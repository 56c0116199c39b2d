//! What a graph is made of: manifests and blobs, each at its first place.

use std::fmt;

use crate::{BareDescriptor, Carried, ListedDescriptor, RawManifest};

/// What a blob is to the manifest that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobRole {
    /// The config.
    Config,
    /// The layer of that number, counted from 1.
    Layer(usize),
    /// The entry of an index, counted from 1, that is no manifest (build caches have such), or of an artifact
    /// manifest.
    Entry(usize),
}

impl fmt::Display for BlobRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobRole::Config => f.write_str("config"),
            BlobRole::Layer(number) => write!(f, "layer {number}"),
            BlobRole::Entry(number) => write!(f, "blob {number}"),
        }
    }
}

/// A manifest of the graph, at its first place.
#[derive(Clone, Debug)]
pub struct ManifestEntry {
    /// How its parent, or `index.json`, names it. [`Graph::descriptor_of`] has the platform, annotations and
    /// so on.
    ///
    /// [`Graph::descriptor_of`]: super::Graph::descriptor_of
    pub descriptor: BareDescriptor,
    /// Its bytes; `None` where they could not be had, so that what lies below is unknown.
    pub raw: Option<RawManifest>,
    /// The root, by position, that led here first.
    pub root: usize,
    /// The manifest, by position, that names it first; `None` for a root.
    pub parent: Option<usize>,
    /// Its position among all that the parent lists.
    pub(super) listed: u32,
    /// Levels below the root.
    pub level: usize,
    /// Whether its config and layers are carried, for whichever root.
    pub carried: Carried,
    /// Its name among its siblings, for people: a platform, "attestation of linux/amd64", "manifest 3".
    pub label: String,
}

/// A blob of the graph, at its first use.
#[derive(Clone, Copy, Debug)]
pub struct BlobEntry<'a> {
    /// How the manifest names it.
    pub descriptor: ListedDescriptor<'a>,
    /// The manifest, by position, that names it first.
    pub manifest: usize,
    /// What it is there.
    pub role: BlobRole,
}

/// Where a blob is named first. There may be a million, so all else is looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlobPlace {
    /// The manifest, by position.
    pub(super) manifest: u32,
    /// The position among all that the manifest lists.
    pub(super) listed: u32,
}
