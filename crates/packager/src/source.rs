//! Where manifests and blobs come from: registries, and before them what is at hand already.
//!
//! Docker Hub counts each GET of a manifest as a pull, but no HEAD. So a tag is asked for its digest, and what that digest
//! names is fetched only if nobody has it.

use airlift_bundle::{Descriptor, Digest};
use airlift_registry::{Access, BlobSink, Error, FetchedManifest, Repository, Selector, Transport};
use bytes::Bytes;

use crate::shelves::Shelves;

/// A small blob is read into memory up to this size when it is at hand; fetched ones have limits of their own.
const SMALL: u64 = 4 << 20;

/// Where manifests and blobs come from.
pub struct Source {
    pub(crate) transport: Transport,
    pub(crate) shelves: Shelves,
}

impl Source {
    /// Registries alone.
    pub fn new(transport: Transport) -> Self {
        Source { transport, shelves: Shelves::default() }
    }

    /// Registries, for what these don't hold.
    pub fn with_shelves(transport: Transport, shelves: Shelves) -> Self {
        Source { transport, shelves }
    }

    /// What a tag or digest stands for at the registry now; `None`: 404.
    ///
    /// # Errors
    /// As [`Transport::get_manifest`].
    pub(crate) async fn root(
        &self,
        repository: &Repository,
        selector: &Selector,
    ) -> Result<Option<FetchedManifest>, Error> {
        if !self.shelves.is_empty() {
            match self.transport.head_manifest(repository, selector, Access::Pull).await {
                Ok(None) => return Ok(None),
                Ok(Some(head)) => {
                    let digest = match selector {
                        Selector::Digest(digest) => Some(*digest),
                        Selector::Tag(_) => head.digest,
                    };
                    if let Some((digest, bytes)) =
                        digest.and_then(|digest| Some((digest, self.shelves.manifest(&digest)?)))
                    {
                        return Ok(Some(FetchedManifest {
                            bytes,
                            content_type: head.media_type,
                            digest_header: Some(digest),
                        }));
                    }
                }
                // There are registries that know no HEAD; the GET tells what is wrong, if something is.
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.transport.get_manifest(repository, selector, Access::Pull).await
    }

    /// The bytes of a manifest that needs no fetching, proven by their digest.
    pub(crate) fn known_manifest(&self, digest: &Digest) -> Option<Bytes> {
        self.shelves.manifest(digest)
    }

    /// A small blob, proven, in memory.
    pub(crate) async fn small_blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<SmallBlob, Error> {
        if let Some(bytes) =
            self.shelves.small(&blob.digest, SMALL).filter(|bytes| bytes.len() as u64 == blob.size)
        {
            return Ok(SmallBlob { bytes, origin: SmallOrigin::Shelf });
        }
        let mut sink = Memory(Vec::new());
        self.transport.fetch_blob(repository, blob, &mut sink).await?;
        Ok(SmallBlob { bytes: sink.0.into(), origin: SmallOrigin::Registry })
    }
}

/// A blob in memory.
pub(crate) struct SmallBlob {
    pub(crate) bytes: Bytes,
    pub(crate) origin: SmallOrigin,
}

/// Where a small blob came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmallOrigin {
    Shelf,
    Registry,
}

/// Takes a small blob into memory.
struct Memory(Vec<u8>);

impl BlobSink for Memory {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(piece);
        Ok(())
    }

    fn restart(&mut self) -> std::io::Result<()> {
        self.0.clear();
        Ok(())
    }
}
