//! Whole sample images.

use std::collections::BTreeSet;

use super::content::Content;
use super::image::Image;

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

    /// A sample whose root is `root`, an index over `images` and, in between, over the indexes `inner`
    /// (deepest first).
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
        self.manifests.iter().chain(&self.blobs).map(|content| content.bytes.len() as u64).sum()
    }

    fn assemble(repository: &str, tag: &str, root: Content, inner: Vec<Content>, images: Vec<Image>) -> Self {
        let mut seen = BTreeSet::new();
        let mut blobs: Vec<Content> = Vec::new();
        let mut manifests: Vec<Content> = Vec::new();
        for image in images {
            blobs.extend(image.blobs.into_iter().filter(|blob| seen.insert(blob.digest)));
            manifests.extend(Some(image.manifest).filter(|manifest| seen.insert(manifest.digest)));
        }
        manifests.extend(inner.into_iter().chain([root.clone()]).filter(|index| seen.insert(index.digest)));
        Sample { repository: repository.to_owned(), tag: tag.to_owned(), root, manifests, blobs, about: "" }
    }
}
