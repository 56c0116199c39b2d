//! Deterministic sample images: the same bytes on every machine, for the demo and for tests.
//!
//! No clock, no randomness, no file: [`all`] is what the demo carries, [`image`] and [`index`] build others. What lies
//! here are whole images that real clients pull and unpack; broken content is a test's own business.

mod archive;
mod carried;
mod image;
mod json;

use std::collections::BTreeSet;

use airlift_bundle::{Algorithm, Digest};
use bytes::Bytes;

pub use carried::all;
pub use image::{Child, Flavour, Image, ImageSpec, IndexSpec, Layer, image, index};
pub use json::Layout;

/// Bytes, what they are, and their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The media type under which they are named and sent.
    pub media_type: String,
    /// The exact bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
}

impl Content {
    /// `bytes` with their digest by `algorithm`.
    pub fn new(algorithm: Algorithm, media_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Content {
            media_type: media_type.into(),
            digest: Digest::of(algorithm, &bytes),
            bytes,
        }
    }
}

/// An image with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The repository, such as `team/web`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// What the tag points to.
    pub root: Content,
    /// All manifests and indexes, each once: children first, the root last.
    pub manifests: Vec<Content>,
    /// All blobs, each once, in the order of their first use.
    pub blobs: Vec<Content>,
    /// What it shows, in a few words.
    pub about: &'static str,
}

impl Sample {
    /// A sample of one image.
    pub fn of_image(repository: &str, tag: &str, image: Image) -> Self {
        Self::assemble(repository, tag, image.manifest.clone(), Vec::new(), vec![image])
    }

    /// A sample whose root is `root`, an index over `images` and, in between, over the indexes `inner` (deepest first).
    pub fn of_index(
        repository: &str,
        tag: &str,
        root: Content,
        inner: Vec<Content>,
        images: Vec<Image>,
    ) -> Self {
        Self::assemble(repository, tag, root, inner, images)
    }

    /// The same with a few words on what it shows.
    pub fn about(self, about: &'static str) -> Self {
        Sample { about, ..self }
    }

    /// The bytes of all manifests and blobs together.
    pub fn size(&self) -> u64 {
        self.manifests
            .iter()
            .chain(&self.blobs)
            .map(|content| content.bytes.len() as u64)
            .sum()
    }

    fn assemble(repository: &str, tag: &str, root: Content, inner: Vec<Content>, images: Vec<Image>) -> Self {
        let mut seen = BTreeSet::new();
        let mut blobs: Vec<Content> = Vec::new();
        let mut manifests: Vec<Content> = Vec::new();
        for image in images {
            blobs.extend(image.blobs.into_iter().filter(|blob| seen.insert(blob.digest)));
            manifests.extend(Some(image.manifest).filter(|manifest| seen.insert(manifest.digest)));
        }
        manifests.extend(
            inner
                .into_iter()
                .chain([root.clone()])
                .filter(|index| seen.insert(index.digest)),
        );
        Sample {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            root,
            manifests,
            blobs,
            about: "",
        }
    }
}
