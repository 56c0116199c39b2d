//! The content of a plan, as a source of a push.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use airlift_oci::contents::Platforms;
use airlift_oci::graph::Leaf;
use airlift_oci::{Digest, Graph, Platform, Root};
use airlift_packager::{BlobPlace, Packing, RemoteBlob, SuppliedBlob};
use airlift_pusher::{BlobOrigin, ContentSource, HashedContent, UnprovenBlob, UnprovenContent};
use airlift_registry::BlobPieces;
use tokio::runtime::Handle;

use crate::pipe::download;

/// A source of a push that has what the plan has. Its blobs are fetched by `runtime` when they are sent.
pub fn copied_content(packing: Packing, runtime: Handle) -> Arc<dyn ContentSource> {
    let supplied = packing.supplied_blobs().into_iter();
    let blobs = supplied.map(|(digest, blob)| {
        let copied: Arc<dyn UnprovenBlob> = Arc::new(CopiedBlob { blob, runtime: runtime.clone() });
        (digest, copied)
    });
    Arc::new(HashedContent::new(CopiedContent { blobs: blobs.collect(), packing }))
}

struct CopiedContent {
    packing: Packing,
    blobs: HashMap<Digest, Arc<dyn UnprovenBlob>>,
}

impl UnprovenContent for CopiedContent {
    fn id(&self) -> Digest {
        self.packing.plan().id()
    }

    fn graph(&self) -> &Graph {
        self.packing.plan().graph()
    }

    fn platforms(&self, root: &Root) -> Platforms {
        self.packing.platforms(root)
    }

    fn platform_of(&self, leaf: &Leaf) -> Option<Platform> {
        self.packing.platform_of(leaf)
    }

    fn blob(&self, digest: &Digest) -> Option<Arc<dyn UnprovenBlob>> {
        self.blobs.get(digest).cloned()
    }
}

struct CopiedBlob {
    blob: SuppliedBlob,
    runtime: Handle,
}

impl UnprovenBlob for CopiedBlob {
    fn size(&self) -> u64 {
        self.blob.size
    }

    fn origin(&self) -> BlobOrigin {
        match &self.blob.place {
            BlobPlace::Memory(_) => BlobOrigin::Memory,
            BlobPlace::Layout(blob) => BlobOrigin::Layout(blob.path().display().to_string()),
            BlobPlace::Registry(blob) => BlobOrigin::Registry(blob.repository()),
        }
    }

    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        Ok(match &self.blob.place {
            BlobPlace::Memory(bytes) => Box::new(bytes.clone()),
            BlobPlace::Layout(blob) => blob.pieces(),
            BlobPlace::Registry(blob) => {
                Box::new(download(RemoteBlob::clone(blob), self.blob.size, &self.runtime))
            }
        })
    }
}
