//! Sends content again that the registry lost after it had acknowledged it: to a garbage collection that ran
//! meanwhile, a storage that failed, or a cache that answers for content which is gone.
//!
//! The loss shows when a manifest is refused that names the content, also as its `subject`. Then the push
//! looks again at all that the manifest needs, sends the missing content once more, and puts the manifest
//! once more. That happens once for each manifest, and once for each blob in a repository, so it ends.
//! Content that the refusal names is sent without a HEAD: the registry would answer wrongly that it is there.

use std::collections::HashSet;

use airlift_oci::graph::ManifestEntry;
use airlift_oci::{Carried, Digest, Event, Graph, RawManifest};
use airlift_registry::Error;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};

use crate::existence::{Content, is_there};
use crate::image_error::ImageError;
use crate::lock::locked;
use crate::send::blobs::{Recheck, Reupload};
use crate::send::refusal::says_lacking;
use crate::send::tree_upload::TreeUpload;

/// A manifest that the registry refused.
#[derive(Clone, Copy)]
pub(crate) struct RefusedManifest<'a> {
    pub(crate) entry: &'a ManifestEntry,
    pub(crate) raw: &'a RawManifest,
    pub(crate) label: &'a str,
    pub(crate) error: &'a Error,
}

/// Sends one manifest, as it was sent the first time.
pub(crate) type SendManifest<'f, 'a> =
    dyn Fn(&'a ManifestEntry) -> BoxFuture<'a, Result<(), ImageError>> + Sync + 'f;

/// What a manifest leads to directly, its subject included, as far as the source carries it.
struct Needed<'a> {
    blobs: Vec<NeededBlob>,
    /// Children and subject, each after those of them that it needs itself.
    manifests: Vec<&'a ManifestEntry>,
    /// What it leads to and the source doesn't carry.
    left_out: Vec<Digest>,
}

struct NeededBlob {
    digest: Digest,
    size: u64,
    label: String,
}

impl TreeUpload {
    /// Sends again what a refused manifest needs and the registry lacks. Returns whether it makes sense to
    /// put the manifest once more.
    ///
    /// # Errors
    /// If the content can't be looked at or sent.
    pub(crate) async fn send_missing_again<'a>(
        &'a self,
        refused: &RefusedManifest<'_>,
        send: &SendManifest<'_, 'a>,
    ) -> Result<bool, ImageError> {
        // Some say "invalid" or "not found" of a manifest whose parts they lack; a HEAD shows it.
        let refusal = refused.error.refusal().filter(|refusal| matches!(refusal.status, 400 | 404));
        let Some(refusal) = refusal else { return Ok(false) };
        let needed = self.needed_by(refused);
        let named = refusal.missing_digests();
        let is_hopeless = named.iter().any(|digest| needed.left_out.contains(digest));
        if is_hopeless || !locked(&self.restored).insert(refused.raw.digest()) {
            return Ok(false);
        }
        let if_named = |digest: &Digest| assume_missing(named.contains(digest));
        let mut count = self.send_all_again(&needed, if_named, send).await?;
        // The registry lacks something and doesn't name it, and HEADs find everything. Then it may lack any
        // content that counts as there only because it said so.
        if count == 0 && says_lacking(refusal) && named.is_empty() && needed.left_out.is_empty() {
            let is_manifest =
                |digest: &Digest| needed.manifests.iter().any(|entry| entry.descriptor.digest == *digest);
            let if_unconfirmed = |digest: &Digest| {
                assume_missing(locked(&self.transfers).is_unconfirmed(digest) || is_manifest(digest))
            };
            count = self.send_all_again(&needed, if_unconfirmed, send).await?.max(1);
        }
        if count > 0 {
            self.warn_of_loss(refused.label);
        }
        Ok(count > 0)
    }

    fn warn_of_loss(&self, label: &str) {
        let host = self.tree.repository.host();
        let message = format!(
            "{label}: {host} lacks what it had acknowledged (is a garbage collection running there?); that is sent once more"
        );
        self.session.observer.notice(Event::Warning { message, remedy: None });
    }

    fn needed_by<'a>(&'a self, refused: &RefusedManifest<'_>) -> Needed<'a> {
        let RefusedManifest { entry, raw, .. } = *refused;
        let graph = self.graph();
        let mut needed = Needed { blobs: Vec::new(), manifests: Vec::new(), left_out: Vec::new() };
        for (part, blob) in Graph::blobs_of(raw) {
            if graph.carried_blob(&blob) == Carried::External {
                needed.left_out.push(blob.digest);
            } else if !needed.blobs.iter().any(|known| known.digest == blob.digest) {
                let label = format!("{} {} {part}", self.tree.name, entry.label);
                needed.blobs.push(NeededBlob { digest: blob.digest, size: blob.size, label });
            }
        }
        let children: HashSet<Digest> = Graph::children_of(raw).map(|child| child.digest).collect();
        needed.left_out.extend(children.iter().filter(|child| !graph.carries(child)));
        // A registry may lack one thing after the other. A subject is followed once, so that this ends soon.
        if let Some(subject) = raw.subject().filter(|_| !locked(&self.resent).contains(&raw.digest())) {
            needed
                .manifests
                .extend(graph.manifest(&subject.digest).filter(|_| graph.carries(&subject.digest)));
        }
        let in_order = graph.upload_steps(&raw.digest()).into_iter().flatten();
        needed.manifests.extend(in_order.filter(|entry| {
            let digest = &entry.descriptor.digest;
            children.contains(digest) && graph.carries(digest)
        }));
        needed
    }

    /// Sends all that is not there, or is assumed to be missing. Returns how many blobs and manifests that
    /// were.
    async fn send_all_again<'a>(
        &'a self,
        needed: &Needed<'a>,
        recheck: impl Fn(&Digest) -> Recheck,
        send: &SendManifest<'_, 'a>,
    ) -> Result<usize, ImageError> {
        let blobs: Vec<_> =
            needed.blobs.iter().map(|blob| self.send_blob_again(blob, recheck(&blob.digest))).collect();
        let blobs =
            futures::stream::iter(blobs).buffer_unordered(self.session.requests).try_collect::<Vec<bool>>();
        let mut count = blobs.await?.into_iter().filter(|sent| *sent).count();
        for manifest in &needed.manifests {
            let digest = manifest.descriptor.digest;
            if recheck(&digest) == Recheck::AssumeMissing || !self.has_manifest(digest).await? {
                locked(&self.resent).insert(digest);
                send(manifest).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn send_blob_again(&self, blob: &NeededBlob, recheck: Recheck) -> Result<bool, ImageError> {
        let repository = &self.tree.repository;
        let again = self.session.blobs.send_again(blob.digest, blob.label.clone(), repository, recheck).await;
        let again = again.map_err(|source| ImageError::Blob { label: blob.label.clone(), source })?;
        if again == Reupload::Sent {
            locked(&self.transfers).note_again(blob.digest, blob.size);
        }
        Ok(again != Reupload::There)
    }

    async fn has_manifest(&self, digest: Digest) -> Result<bool, ImageError> {
        let repository = &self.tree.repository;
        let found = is_there(&self.session.transport, repository, Content::Manifest(digest)).await;
        found.map_err(|source| ImageError::Look { target: format!("{repository}@{digest}"), source })
    }
}

fn assume_missing(is_doubtful: bool) -> Recheck {
    if is_doubtful { Recheck::AssumeMissing } else { Recheck::Head }
}
