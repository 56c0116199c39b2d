//! Registries that show late what they took: replicas and object stores need some seconds.
//!
//! It shows, too, when the manifest above is refused. What was acknowledged in this push is waited for before
//! it is taken for lost.

use airlift_oci::{Digest, Graph, RawManifest, Selector};
use airlift_registry::{Access, Error, Lookup, Settles};

use crate::ahead::Wanted;
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

    /// Whether a manifest was refused for the lack of something that the registry has acknowledged in this
    /// push.
    async fn is_late(&self, raw: &RawManifest, refused: &Error) -> bool {
        let Some(refusal) = refused.refusal().filter(|refusal| matches!(refusal.status, 400 | 404)) else {
            return false;
        };
        let manifests = Graph::children_of(raw).into_iter().chain(raw.subject()).map(|other| other.digest);
        let blobs = Graph::blobs_of(raw).into_iter().map(|(_, blob)| (blob.digest, blob.size));
        let blobs: Vec<Wanted> = blobs.filter(|(digest, _)| locked(&self.ledger).was_sent(digest)).collect();
        let manifests: Vec<Digest> =
            manifests.filter(|digest| locked(&self.acknowledged).contains(digest)).collect();
        let named = refusal.missing_digests();
        if !named.is_empty() {
            let is_blob = |digest: &Digest| blobs.iter().any(|(blob, _)| blob == digest);
            return named.iter().any(|digest| is_blob(digest) || manifests.contains(digest));
        }
        let graph = self.run.source.graph();
        let is_partial = Graph::children_of(raw).into_iter().any(|child| !graph.carries(&child.digest));
        if says_lacking(refusal) && !is_partial {
            return !blobs.is_empty() || !manifests.is_empty();
        }
        // Some say "invalid" or "not found" of a manifest whose parts they don't see; a HEAD tells.
        self.lacks_any(&blobs, &manifests).await
    }

    async fn lacks_any(&self, blobs: &[Wanted], manifests: &[Digest]) -> bool {
        let (transport, repository) = (&self.run.transport, &self.tree.repository);
        for digest in manifests {
            let selector = Selector::Digest(*digest);
            let found = transport.look_up(repository, &selector, Access::Push, Settles::YesOrNo).await;
            if matches!(found, Ok(Lookup::Absent)) {
                return true;
            }
        }
        for blob in blobs {
            let found = transport.look_up_blob(repository, *blob, Access::Push, Settles::YesOrNo).await;
            if matches!(found, Ok(Lookup::Absent)) {
                return true;
            }
        }
        false
    }
}
