//! Registries that lost what they had acknowledged: to a garbage collection that ran meanwhile, a storage
//! that failed, or a cache that answers for content which is gone.
//!
//! It shows when the manifest above, or one with a lost `subject`, is refused. Then what it needs is looked
//! at again, what is missing is sent once more, and the manifest is put once more: once for each manifest,
//! and each blob once for each repository, so it ends. What the refusal names is sent without asking, because
//! a HEAD had said, or would say, that it is there.

use std::collections::HashSet;

use airlift_oci::graph::ManifestEntry;
use airlift_oci::{Carried, Digest, Event, Graph, RawManifest};
use airlift_registry::{Error, Settles};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};

use crate::blobs::{Again, Belief};
use crate::failure::ImageError;
use crate::refused::says_lacking;
use crate::survey::has_manifest;
use crate::tree::{Sending, locked};

/// What a manifest leads to directly, its subject included, as far as the bundle carries it.
struct Below<'a> {
    blobs: Vec<Part>,
    /// Children and subject, each after those of them that it needs itself.
    manifests: Vec<&'a ManifestEntry>,
    /// What it leads to and the bundle doesn't carry.
    left_out: Vec<Digest>,
}

struct Part {
    digest: Digest,
    size: u64,
    label: String,
}

impl Sending {
    /// Sees to it that what is below a refused manifest is there. Whether it makes sense to put the manifest
    /// once more.
    pub(crate) fn restore<'a>(
        &'a self,
        entry: &'a ManifestEntry,
        raw: &'a RawManifest,
        label: &'a str,
        refused: &'a Error,
    ) -> BoxFuture<'a, Result<bool, ImageError>> {
        // Boxed, because children are sent in the same way.
        self.restore_now(entry, raw, label, refused).boxed()
    }

    async fn restore_now(
        &self,
        entry: &ManifestEntry,
        raw: &RawManifest,
        label: &str,
        refused: &Error,
    ) -> Result<bool, ImageError> {
        // Some say "invalid" or "not found" of a manifest whose parts they lack; a HEAD tells.
        let Some(refusal) = refused.refusal().filter(|refusal| matches!(refusal.status, 400 | 404)) else {
            return Ok(false);
        };
        let below = self.below(entry, raw);
        let named = refusal.missing_digests();
        let is_hopeless = named.iter().any(|digest| below.left_out.contains(digest));
        if is_hopeless || !locked(&self.restored).insert(raw.digest()) {
            return Ok(false);
        }
        let belief = |digest: &Digest| if named.contains(digest) { Belief::Nobody } else { Belief::Head };
        let mut count = self.again(&below, belief).await?;
        // It lacks something, doesn't say what, and a HEAD finds it all: then it is what we have only the
        // registry's word for.
        if count == 0 && says_lacking(refusal) && named.is_empty() && below.left_out.is_empty() {
            let doubtful = |digest: &Digest| locked(&self.ledger).is_hearsay(digest);
            let is_manifest =
                |digest: &Digest| below.manifests.iter().any(|m| m.descriptor.digest == *digest);
            let belief =
                |d: &Digest| if doubtful(d) || is_manifest(d) { Belief::Nobody } else { Belief::Head };
            count = self.again(&below, belief).await?.max(1);
        }
        if count > 0 {
            let host = self.tree.repository.host();
            let message = format!(
                "{label}: {host} lacks what it had acknowledged (is a garbage collection running there?); that is sent once more"
            );
            self.run.observer.notice(Event::Warning { message });
        }
        Ok(count > 0)
    }

    fn below<'a>(&'a self, entry: &ManifestEntry, raw: &RawManifest) -> Below<'a> {
        let graph = self.run.source.graph();
        let mut below = Below { blobs: Vec::new(), manifests: Vec::new(), left_out: Vec::new() };
        for (part, blob) in Graph::blobs_of(raw) {
            if graph.carried_blob(blob) == Carried::External {
                below.left_out.push(blob.digest);
            } else if !below.blobs.iter().any(|known| known.digest == blob.digest) {
                let label = format!("{} {} {part}", self.tree.name, entry.label);
                below.blobs.push(Part { digest: blob.digest, size: blob.size, label });
            }
        }
        let children: HashSet<Digest> =
            Graph::children_of(raw).into_iter().map(|child| child.digest).collect();
        below.left_out.extend(children.iter().filter(|child| !graph.carries(child)));
        // A registry may lack one thing after the other. A subject is followed once, so that this ends soon.
        if let Some(subject) = raw.subject().filter(|_| !locked(&self.resent).contains(&raw.digest())) {
            below
                .manifests
                .extend(graph.manifest(&subject.digest).filter(|_| graph.carries(&subject.digest)));
        }
        let in_order = graph.upload_steps(&raw.digest()).into_iter().flatten();
        below.manifests.extend(in_order.filter(|entry| {
            let digest = &entry.descriptor.digest;
            children.contains(digest) && graph.carries(digest)
        }));
        below
    }

    /// Sends what is not there, or what nobody is believed to have. Tells how much that was.
    async fn again(
        &self,
        below: &Below<'_>,
        belief: impl Fn(&Digest) -> Belief,
    ) -> Result<usize, ImageError> {
        let blobs: Vec<_> =
            below.blobs.iter().map(|blob| self.blob_again(blob, belief(&blob.digest))).collect();
        let blobs = futures::stream::iter(blobs).buffer_unordered(self.run.jobs).try_collect::<Vec<bool>>();
        let mut count = blobs.await?.into_iter().filter(|sent| *sent).count();
        for manifest in &below.manifests {
            let digest = manifest.descriptor.digest;
            if belief(&digest) == Belief::Nobody || !self.is_there(manifest).await? {
                locked(&self.resent).insert(digest);
                self.manifest(manifest).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn blob_again(&self, blob: &Part, belief: Belief) -> Result<bool, ImageError> {
        let repository = &self.tree.repository;
        let again = self.run.blobs.bring_again(blob.digest, blob.label.clone(), repository, belief).await;
        let again = again.map_err(|source| ImageError::Blob { label: blob.label.clone(), source })?;
        if again == Again::Sent {
            locked(&self.ledger).note_again(blob.digest, blob.size);
        }
        Ok(again != Again::There)
    }

    async fn is_there(&self, manifest: &ManifestEntry) -> Result<bool, ImageError> {
        let (repository, digest) = (&self.tree.repository, manifest.descriptor.digest);
        let found = has_manifest(&self.run.transport, repository, digest, Settles::YesOrNo).await;
        found.map_err(|source| ImageError::Look { target: format!("{repository}@{digest}"), source })
    }
}
