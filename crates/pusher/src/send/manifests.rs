//! The manifests of one manifest tree: sent by digest, children first, each read back.

use airlift_oci::graph::ManifestEntry;
use airlift_oci::{RawManifest, Selector};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};

use crate::image_error::ImageError;
use crate::lock::locked;
use crate::send::refusal::{explain, says_lacking};
use crate::send::reupload::RefusedManifest;
use crate::send::tree_upload::{TagCheck, TreeUpload};

impl TreeUpload {
    /// Sends all manifests of the tree by digest, the tree's own last. Its tag moves later, when all that is
    /// attached is there, too.
    ///
    /// # Errors
    /// If the registry doesn't take a manifest, or doesn't hand it out as it was sent.
    pub(crate) async fn send_manifests(&self) -> Result<(), ImageError> {
        let graph = self.graph();
        for step in &self.tree.contents.upload_steps {
            let entries = step.iter().filter_map(|planned| graph.manifest(&planned.digest));
            let sends: Vec<_> = entries.map(|entry| self.send_manifest(entry)).collect();
            futures::stream::iter(sends)
                .buffer_unordered(self.session.requests)
                .try_collect::<Vec<()>>()
                .await?;
        }
        Ok(())
    }

    /// Sends one manifest's bytes by digest and reads them back.
    async fn send_manifest(&self, entry: &ManifestEntry) -> Result<(), ImageError> {
        let Some(raw) = &entry.raw else { return Ok(()) };
        let tree = &self.tree;
        let by_digest = Selector::Digest(raw.digest());
        let is_root = raw.digest() == tree.digest;
        let label = if is_root { tree.target() } else { format!("{} of {}", entry.label, tree.name) };
        match self.put(entry, raw, &by_digest, &label).await {
            // Then its tag has to do, when its turn comes.
            Err(error) if is_root && tree.is_tagged() && error.says_no_digests() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                let read_back = self.read_back_or_withhold(raw, by_digest, &label);
                if is_root && self.tag_check == TagCheck::WithReadBack {
                    let (read, tag) = futures::join!(read_back, self.check_tag());
                    // If both fail, the manifest is the better reason: what answers for it answers for the
                    // tag.
                    read.and(tag)?;
                } else {
                    read_back.await?;
                }
                locked(&self.acknowledged).insert(raw.digest());
                Ok(())
            }
        }
    }

    /// Reads a manifest back that was sent by digest. If a policy keeps it back, that is done later.
    async fn read_back_or_withhold(
        &self,
        raw: &RawManifest,
        by_digest: Selector,
        label: &str,
    ) -> Result<(), ImageError> {
        match self.read_back(raw, by_digest, label).await {
            Err(ImageError::Withheld { label, .. }) => {
                locked(&self.withheld).push((raw.digest(), label));
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Puts a manifest. If the registry refuses it because something below it is gone, that is sent again,
    /// and the manifest is put once more.
    ///
    /// # Errors
    /// If the registry doesn't take the manifest.
    pub(crate) async fn put(
        &self,
        entry: &ManifestEntry,
        raw: &RawManifest,
        selector: &Selector,
        label: &str,
    ) -> Result<(), ImageError> {
        let Err(error) = self.put_patiently(raw, selector, label).await else { return Ok(()) };
        let refused = RefusedManifest { entry, raw, label, error: &error };
        if !self.send_missing_again(&refused, &|entry| self.send_again(entry)).await? {
            return Err(explain(self.graph(), raw, label.to_owned(), error));
        }
        let Err(source) = self.put_patiently(raw, selector, label).await else { return Ok(()) };
        let label = label.to_owned();
        Err(if source.refusal().is_some_and(says_lacking) {
            ImageError::Lost { label, source }
        } else {
            explain(self.graph(), raw, label, source)
        })
    }

    /// Boxed, because a manifest that is sent again may itself need others again.
    fn send_again<'a>(&'a self, entry: &'a ManifestEntry) -> BoxFuture<'a, Result<(), ImageError>> {
        self.send_manifest(entry).boxed()
    }
}
