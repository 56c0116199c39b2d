//! Registries that show late what they took: replicas and object stores need some seconds.
//!
//! It shows, too, when the manifest above is refused. What was acknowledged in this push is waited for before it is taken for lost.

use airlift_bundle::{Digest, Graph, RawManifest};
use airlift_registry::{Access, Error, Selector};

use crate::refused::says_lacking;
use crate::tree::{Sending, locked};

impl Sending {
    /// Puts a manifest; again for as long as the registry doesn't see what it has only just acknowledged.
    pub(crate) async fn put_patiently(
        &self,
        raw: &RawManifest,
        selector: &Selector,
        label: &str,
    ) -> Result<(), Error> {
        let (transport, repository) = (&self.run.transport, &self.tree.repository);
        let mut patience = transport.patience(label);
        loop {
            let put = transport.put_manifest(repository, selector, raw.media_type(), raw.bytes().clone());
            let Err(refused) = put.await else { return Ok(()) };
            let is_late = self.is_late(raw, &refused).await;
            if !is_late || !patience.wait("what it leads to was taken, and does not show yet").await {
                return Err(refused);
            }
        }
    }

    /// Whether a manifest was refused for the lack of something that the registry has acknowledged in this push.
    async fn is_late(&self, raw: &RawManifest, refused: &Error) -> bool {
        let Some(refusal) = refused.refusal().filter(|refusal| matches!(refusal.status, 400 | 404)) else {
            return false;
        };
        let children = Graph::children_of(raw).into_iter().map(|child| child.digest);
        let blobs: Vec<Digest> = Graph::blobs_of(raw).into_iter().map(|(_, blob)| blob.digest).collect();
        let blobs: Vec<Digest> =
            blobs.into_iter().filter(|blob| locked(&self.ledger).was_sent(blob)).collect();
        let children: Vec<Digest> =
            children.filter(|child| locked(&self.acknowledged).contains(child)).collect();
        let named = refusal.missing_digests();
        if !named.is_empty() {
            return named.iter().any(|digest| blobs.contains(digest) || children.contains(digest));
        }
        let graph = self.run.bundle.graph();
        let is_partial = Graph::children_of(raw).into_iter().any(|child| !graph.carries(&child.digest));
        if says_lacking(refusal) && !is_partial {
            return !blobs.is_empty() || !children.is_empty();
        }
        // Some say "invalid" or "not found" of a manifest whose parts they don't see; a HEAD tells.
        self.lacks_any(&blobs, &children).await
    }

    async fn lacks_any(&self, blobs: &[Digest], manifests: &[Digest]) -> bool {
        let (transport, repository) = (&self.run.transport, &self.tree.repository);
        for digest in manifests {
            let head = transport.head_manifest(repository, &Selector::Digest(*digest), Access::Push).await;
            if matches!(head, Ok(None)) {
                return true;
            }
        }
        for digest in blobs {
            if matches!(transport.blob_exists(repository, digest, Access::Push).await, Ok(None)) {
                return true;
            }
        }
        false
    }
}
