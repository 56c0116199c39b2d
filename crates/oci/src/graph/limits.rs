//! How large a graph may be, and why one is refused.

use crate::Digest;

/// How large a graph may be before it is taken for an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Levels of manifests below a root.
    pub depth: usize,
    /// Manifests that one root brings in.
    pub manifests_per_root: usize,
    /// Manifests and blobs in all.
    pub entries: usize,
    /// Roots: images, artifacts and what is attached to them. Each takes more than a kilobyte of memory.
    pub images: usize,
    /// Bytes of all manifests together. They are kept in memory, and what they name takes one to three times
    /// as much beside them.
    pub manifest_bytes: u64,
    /// Descriptors that are met when each root is looked at by itself, as for a report. Roots share
    /// manifests, so this is not bounded by what the archive holds: a hundred thousand roots may lead to one
    /// index of forty thousand children.
    pub descriptors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            depth: 8,
            manifests_per_root: 4_096,
            entries: 1_000_000,
            images: 20_000,
            // Three thousand images for ten platforms stay below.
            manifest_bytes: 64 << 20,
            descriptors: 20_000_000,
        }
    }
}

/// One of the [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::manifests_per_root`].
    ManifestsPerRoot,
    /// [`Limits::entries`].
    Entries,
    /// [`Limits::images`].
    Images,
    /// [`Limits::manifest_bytes`].
    ManifestBytes,
    /// [`Limits::descriptors`].
    Descriptors,
}

/// Why a graph was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Indexes within indexes without end.
    #[error("{} nests deeper than {limit} levels of indexes", .path.join(" → "))]
    Depth {
        /// Where the walk stood.
        path: Vec<String>,
        /// The limit.
        limit: usize,
    },
    /// Absurdly many roots.
    #[error("there are {count} images and artifacts, more than {limit}")]
    Images {
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A root with absurdly many manifests.
    #[error("{root} has more than {limit} manifests")]
    Manifests {
        /// The root.
        root: String,
        /// The limit.
        limit: usize,
    },
    /// Absurdly many entries in all.
    #[error("the images hold more than {limit} manifests and blobs")]
    Entries {
        /// The limit.
        limit: usize,
    },
    /// More manifests than memory should have to hold.
    #[error("the manifests of all images together have more than {limit} bytes")]
    Bytes {
        /// The limit.
        limit: u64,
    },
    /// Roots that share manifests over and over.
    #[error(
        "the images share manifests so often that looking at each would meet more than {limit} descriptors"
    )]
    Work {
        /// The limit.
        limit: usize,
    },
    /// Two descriptors name the same digest with different sizes, so one of them is wrong.
    #[error("{digest} is said to have {first} bytes in one place and {second} in another ({})", .path.join(" → "))]
    Sizes {
        /// The content.
        digest: Digest,
        /// The size met first.
        first: u64,
        /// The other one.
        second: u64,
        /// Where the other one stands.
        path: Vec<String>,
    },
    /// Two descriptors name the same manifest with different media types, so one of them is wrong.
    #[error("{digest} is said to be '{}' in one place and '{}' in another ({})", .first.escape_debug(), .second.escape_debug(), .path.join(" → "))]
    MediaTypes {
        /// The manifest.
        digest: Digest,
        /// The type met first.
        first: String,
        /// The other one.
        second: String,
        /// Where the other one stands.
        path: Vec<String>,
    },
    /// A child that no tool could carry unchanged.
    #[error("{} is of Docker's schema 1, which has no stable digest and can't be carried", .path.join(" → "))]
    Schema1 {
        /// Where it stands.
        path: Vec<String>,
    },
    /// A root or child whose descriptor spells a manifest's type in its own way: some readers see a manifest
    /// there, others content that they don't look into.
    #[error("{} is of type '{}', another spelling of {known}: a descriptor's media type has no parameters and is in lower case, and readers disagree on what this is", .path.join(" → "), .media_type.escape_debug())]
    Spelling {
        /// Where it stands.
        path: Vec<String>,
        /// What it calls itself.
        media_type: String,
        /// What it most likely is.
        known: &'static str,
    },
    /// A root or child whose descriptor doesn't say what it is.
    #[error("{} is of type '{}', which is neither an image index nor a manifest", .path.join(" → "), .media_type.escape_debug())]
    MediaType {
        /// Where it stands.
        path: Vec<String>,
        /// What it calls itself.
        media_type: String,
    },
}

impl GraphError {
    /// The limit that was exceeded, where nothing is wrong but the size: with a higher one the graph would be
    /// walked.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            GraphError::Depth { .. } => Some(Limit::Depth),
            GraphError::Images { .. } => Some(Limit::Images),
            GraphError::Manifests { .. } => Some(Limit::ManifestsPerRoot),
            GraphError::Entries { .. } => Some(Limit::Entries),
            GraphError::Bytes { .. } => Some(Limit::ManifestBytes),
            GraphError::Work { .. } => Some(Limit::Descriptors),
            GraphError::Sizes { .. }
            | GraphError::MediaTypes { .. }
            | GraphError::Schema1 { .. }
            | GraphError::Spelling { .. }
            | GraphError::MediaType { .. } => None,
        }
    }

    /// Where it stands, from the root on; `None` where it concerns all roots together.
    pub fn path(&self) -> Option<&[String]> {
        match self {
            GraphError::Depth { path, .. }
            | GraphError::Sizes { path, .. }
            | GraphError::MediaTypes { path, .. }
            | GraphError::Schema1 { path }
            | GraphError::Spelling { path, .. }
            | GraphError::MediaType { path, .. } => Some(path),
            GraphError::Images { .. }
            | GraphError::Manifests { .. }
            | GraphError::Entries { .. }
            | GraphError::Bytes { .. }
            | GraphError::Work { .. } => None,
        }
    }
}
