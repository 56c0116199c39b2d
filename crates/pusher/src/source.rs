//! Where a push gets its content from, and the promise that all of it is proven.
//!
//! A source is sealed: it can only be added in this crate, beside the proof of what it hands out. So nothing
//! can be pushed that no one has hashed. Content from elsewhere becomes a source by
//! [`HashedContent`](crate::HashedContent), which hashes it.

use std::io;
use std::sync::Arc;

use airlift_oci::contents::Platforms;
use airlift_oci::graph::Leaf;
use airlift_oci::{Digest, Graph, Platform, Repository, Root};
use airlift_registry::{BlobPieces, BlobSource};
use airlift_verifier::{ProvenContent, ProvenReader, VerifiedBundle};
use bytes::Bytes;

/// What can be pushed: a graph whose manifests match their digests, and blobs that are hashed whenever they
/// are read.
///
/// A [`VerifiedBundle`] is one, and so is what another registry has, see
/// [`HashedContent`](crate::HashedContent). Several bundles together fit behind the same methods:
/// [`blob`](ContentSource::blob) asks each of them in turn.
pub trait ContentSource: sealed::Sealed + Send + Sync {
    /// The id of the bundle, which is the digest of its `index.json`. A source without a bundle gives the
    /// digest that the `index.json` of these images would have.
    fn id(&self) -> Digest;

    /// The images and all that is below them. Every manifest that is not declared absent has its bytes.
    fn graph(&self) -> &Graph;

    /// The platforms of an image.
    fn platforms(&self, root: &Root) -> Platforms;

    /// What a manifest below a root runs on: what an index says, else its config; `None` where neither does.
    fn platform_of(&self, leaf: &Leaf) -> Option<Platform>;

    /// A blob, or a manifest that is used as one; `None` for what the source doesn't hold.
    fn blob(&self, digest: &Digest) -> Option<Arc<dyn SourceBlob>>;
}

/// One blob of a source. Its bytes, [`BlobSource::open`], are hashed as they are read, and the last piece is
/// held back until the digest matched.
///
/// They are read on a thread that may block. So a blob that comes from another registry can wait there
/// for the pieces of an asynchronous download.
pub trait SourceBlob: sealed::Sealed + BlobSource {
    /// Its digest.
    fn digest(&self) -> Digest;

    /// How many bytes it has.
    fn size(&self) -> u64;

    /// Where it is read from. Where that is a repository of the registry that it goes to, it is mounted from
    /// there.
    fn origin(&self) -> BlobOrigin;

    /// Reads and hashes all of it, for a blob that is not sent. `progress` gets the length of each piece. A
    /// registry has nothing of its own to prove, so a blob from there may answer without reading.
    ///
    /// # Errors
    /// If the blob can't be read, or its digest doesn't match.
    fn prove(&self, progress: &mut dyn FnMut(u64)) -> io::Result<()>;
}

/// Where a blob is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobOrigin {
    /// The bundle that is pushed.
    Bundle,
    /// Memory: it came with the manifests.
    Memory,
    /// The image layout at that path.
    Layout(String),
    /// A repository at a registry.
    Registry(Repository),
}

pub(crate) mod sealed {
    /// Keeps the traits of this file to this crate.
    pub trait Sealed {}
}

impl sealed::Sealed for VerifiedBundle {}

impl ContentSource for VerifiedBundle {
    fn id(&self) -> Digest {
        VerifiedBundle::id(self)
    }

    fn graph(&self) -> &Graph {
        VerifiedBundle::graph(self)
    }

    fn platforms(&self, root: &Root) -> Platforms {
        VerifiedBundle::platforms(self, root)
    }

    fn platform_of(&self, leaf: &Leaf) -> Option<Platform> {
        VerifiedBundle::platform_of(self, leaf)
    }

    fn blob(&self, digest: &Digest) -> Option<Arc<dyn SourceBlob>> {
        let content = self.content(digest)?;
        Some(Arc::new(BundleBlob(content)))
    }
}

/// A blob in a verified bundle.
struct BundleBlob(ProvenContent);

impl sealed::Sealed for BundleBlob {}

impl BlobSource for BundleBlob {
    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        Ok(Box::new(BundlePieces(self.0.reader())))
    }
}

/// The bytes of a blob in a verified bundle.
struct BundlePieces(ProvenReader);

impl BlobPieces for BundlePieces {
    fn next_piece(&mut self, most: usize) -> io::Result<Bytes> {
        self.0.next_piece(most)
    }
}

impl SourceBlob for BundleBlob {
    fn digest(&self) -> Digest {
        self.0.digest()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn origin(&self) -> BlobOrigin {
        BlobOrigin::Bundle
    }

    fn prove(&self, progress: &mut dyn FnMut(u64)) -> io::Result<()> {
        self.0.prove(progress)
    }
}

/// A source that is made up for tests. It shows that a plan needs no bundle.
#[cfg(test)]
pub(crate) mod made {
    use airlift_oci::contents;

    use super::*;

    pub(crate) struct MadeSource {
        pub(crate) graph: Graph,
    }

    impl sealed::Sealed for MadeSource {}

    impl ContentSource for MadeSource {
        fn id(&self) -> Digest {
            Digest::sha256(b"made up")
        }

        fn graph(&self) -> &Graph {
            &self.graph
        }

        fn platforms(&self, root: &Root) -> Platforms {
            contents::platforms_of(&self.graph, root, |_| None)
        }

        fn platform_of(&self, leaf: &Leaf) -> Option<Platform> {
            leaf.platform.clone()
        }

        fn blob(&self, _: &Digest) -> Option<Arc<dyn SourceBlob>> {
            None
        }
    }
}
