//! The one place that decides where a blob comes from: memory, else local content, else the network.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use airlift_bundle::resume::ResumeState;
use airlift_bundle::{PlannedEntry, Section};
use airlift_oci::{Descriptor, Digest};
use airlift_registry::Error;
use bytes::Bytes;

use crate::blob_job::{BlobJob, Fallback};
use crate::layouts::Layouts;
use crate::local::LocalContents;
use crate::location::Location;
use crate::nearest_copy::NearestCopy;
use crate::origin::Origin;
use crate::registries::Registries;
use crate::remote_blob::RemoteBlob;
use crate::sink::MemorySink;

/// Local content is read into memory up to this size. Fetched content has limits of its own.
const SMALL: u64 = 4 << 20;

/// Everything that blobs can come from.
pub(crate) struct BlobSupply {
    registries: Registries,
    pub(crate) local: LocalContents,
    /// The layouts that images are taken from.
    pub(crate) layouts: Layouts,
    /// Blobs that came with the manifests: inline data, and configs that were read for their platform.
    memory: Mutex<HashMap<Digest, Bytes>>,
}

/// A blob of a plan.
pub(crate) struct WantedBlob {
    pub(crate) entry: PlannedEntry,
    pub(crate) descriptor: Descriptor,
    /// Where it stands, for people.
    pub(crate) path: Vec<String>,
    /// Where it is fetched from, if it has to be.
    pub(crate) origin: Origin,
    /// How much of it the output has.
    pub(crate) state: ResumeState,
}

/// A blob that was read into memory, proven.
pub(crate) struct SmallBlob {
    pub(crate) bytes: Bytes,
    /// Whether it came over the network, so that reading it again would cost something.
    pub(crate) is_fetched: bool,
}

impl BlobSupply {
    pub(crate) fn new(registries: Registries, local: LocalContents, layouts: Layouts) -> Self {
        BlobSupply { registries, local, layouts, memory: Mutex::default() }
    }

    /// Keeps a blob in memory, so that it is neither fetched nor looked for.
    pub(crate) fn keep(&self, digest: Digest, bytes: Bytes) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, bytes);
    }

    fn in_memory(&self, digest: &Digest) -> Option<Bytes> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// The nearest place that may have a blob. Local content is not proven yet.
    fn nearest(&self, digest: Digest, size: u64) -> NearestCopy {
        if let Some(bytes) = self.in_memory(&digest) {
            return NearestCopy::Memory(bytes);
        }
        let places = self.local.places(digest, size).chain(self.layouts.places(digest, size));
        let places: Vec<(PathBuf, Section)> =
            places.map(|(path, section)| (path.to_owned(), section)).collect();
        if places.is_empty() { NearestCopy::Network } else { NearestCopy::Local(places) }
    }

    /// The job of writing a blob.
    pub(crate) fn job(&self, wanted: WantedBlob) -> BlobJob {
        let WantedBlob { entry, descriptor, path, origin, state } = wanted;
        let nearest = self.nearest(entry.digest, entry.size);
        let is_inline = descriptor.data.is_some();
        let fallback = match origin {
            Origin::Remote(origin) => Fallback::Fetch(Box::new(RemoteBlob {
                registries: self.registries.clone(),
                origin,
                descriptor,
            })),
            Origin::Layout(layout) => Fallback::Report(layout),
        };
        BlobJob { entry, path, state, nearest, is_inline, fallback, room: None }
    }

    /// Whether a blob of this size is on this machine, as far as that can be said without hashing it.
    pub(crate) fn is_here(&self, digest: Digest, size: u64) -> bool {
        !matches!(self.nearest(digest, size), NearestCopy::Network)
    }

    /// A small blob, proven, in memory; `None` if it should be in a layout, and isn't.
    pub(crate) async fn small(
        &self,
        location: &Location,
        blob: &Descriptor,
    ) -> Result<Option<SmallBlob>, Error> {
        let local = match self.nearest(blob.digest, blob.size) {
            NearestCopy::Memory(bytes) => Some(bytes),
            NearestCopy::Local(places) if blob.size <= SMALL => places.iter().find_map(|(_, section)| {
                section.read_all().ok().filter(|bytes| blob.digest.matches(bytes)).map(Bytes::from)
            }),
            NearestCopy::Local(_) | NearestCopy::Prefetched { .. } | NearestCopy::Network => None,
        };
        if let Some(bytes) = local {
            return Ok(Some(SmallBlob { bytes, is_fetched: false }));
        }
        let Location::Registry(repository) = location else { return Ok(None) };
        let mut sink = MemorySink::default();
        self.registries.fetch_blob(repository, blob, None, &mut sink).await?;
        Ok(Some(SmallBlob { bytes: sink.0.into(), is_fetched: true }))
    }
}
