//! Puts a manifest, and waits for registries that show late what they took: replicas and object stores need
//! some seconds.
//!
//! Such a registry may refuse a manifest because it doesn't show yet all that the manifest names. Content
//! that it has acknowledged in this push is waited for before it counts as lost.

use airlift_oci::{Graph, RawManifest, Selector};
use airlift_registry::{Error, HeadTrust, Lookup};

use crate::existence::{Content, look_up};
use crate::lock::locked;
use crate::send::refusal::says_lacking;
use crate::send::tree_upload::TreeUpload;

impl TreeUpload {
    /// Puts a manifest; again for as long as the registry doesn't see content that it has just acknowledged.
    ///
    /// # Errors
    /// If the registry doesn't take it.
    pub(crate) async fn put_patiently(
        &self,
        raw: &RawManifest,
        selector: &Selector,
        label: &str,
    ) -> Result<(), Error> {
        let (transport, repository) = (&self.session.transport, &self.tree.repository);
        let mut patience = transport.wait_for_visibility(label);
        loop {
            let put = transport.put_manifest(repository, selector, raw.media_type(), raw.bytes().clone());
            let Err(refused) = put.await else { return Ok(()) };
            let is_late = self.lacks_acknowledged(raw, &refused).await;
            if !is_late || !patience.wait("what it leads to was taken, and does not show yet").await {
                return Err(refused);
            }
        }
    }

    /// Whether a manifest was refused for the lack of something that the registry has acknowledged in this
    /// push.
    async fn lacks_acknowledged(&self, raw: &RawManifest, refused: &Error) -> bool {
        let Some(refusal) = refused.refusal().filter(|refusal| matches!(refusal.status, 400 | 404)) else {
            return false;
        };
        let acknowledged = self.acknowledged_of(raw);
        let named = refusal.missing_digests();
        if !named.is_empty() {
            return acknowledged.iter().any(|content| named.contains(&content.digest()));
        }
        let graph = self.graph();
        let is_partial = Graph::children_of(raw).any(|child| !graph.carries(&child.digest));
        if says_lacking(refusal) && !is_partial {
            return !acknowledged.is_empty();
        }
        // Some say "invalid" or "not found" of a manifest whose parts they don't see; a HEAD shows it.
        self.lacks_any(&acknowledged).await
    }

    /// What a manifest names and the registry has acknowledged, manifests first.
    fn acknowledged_of(&self, raw: &RawManifest) -> Vec<Content> {
        let subject = raw.subject().map(|subject| subject.digest);
        let manifests = Graph::children_of(raw).map(|child| child.digest).chain(subject);
        let (acknowledged, transfers) = (locked(&self.acknowledged), locked(&self.transfers));
        let manifests = manifests.filter(|digest| acknowledged.contains(digest)).map(Content::Manifest);
        let blobs = Graph::blobs_of(raw).filter(|(_, blob)| transfers.was_sent(&blob.digest));
        manifests.chain(blobs.map(|(_, blob)| Content::Blob(blob.digest, blob.size))).collect()
    }

    async fn lacks_any(&self, contents: &[Content]) -> bool {
        for content in contents {
            let found =
                look_up(&self.session.transport, &self.tree.repository, *content, HeadTrust::Always).await;
            if matches!(found, Ok(Lookup::Absent)) {
                return true;
            }
        }
        false
    }
}
