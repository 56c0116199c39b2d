//! All blobs of one manifest tree: brought to its repository, or proven where nothing has to be sent.

use std::sync::Arc;

use airlift_oci::Digest;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use crate::image_error::ImageError;
use crate::lock::locked;
use crate::send::blobs::BlobError;
use crate::send::session::Session;
use crate::send::transfers::Transfer;
use crate::send::tree_upload::TreeUpload;

impl TreeUpload {
    /// Brings all blobs to the target.
    ///
    /// # Errors
    /// If a blob can't be read or proven, or the registry doesn't take it.
    pub(crate) async fn send_blobs(&self) -> Result<(), ImageError> {
        self.for_each_blob(|session, digest, label| {
            let repository = self.tree.repository.clone();
            async move { session.blobs.bring(digest, label, &repository).await }
        })
        .await
    }

    /// Proves all blobs, for a tree that is at the target already.
    ///
    /// # Errors
    /// If a blob can't be read or proven.
    pub(crate) async fn prove_blobs(&self) -> Result<(), ImageError> {
        self.for_each_blob(|session, digest, label| async move {
            session.blobs.prove(digest, label).await.map(|()| Transfer::Skipped)
        })
        .await
    }

    /// Works on all blobs of the tree, side by side; the first failure ends it.
    async fn for_each_blob<F>(
        &self,
        work: impl Fn(Arc<Session>, Digest, String) -> F,
    ) -> Result<(), ImageError>
    where
        F: Future<Output = Result<Transfer, BlobError>> + Send + 'static,
    {
        let (session, tree) = (&self.session, &self.tree);
        let mut next = 0;
        let mut tasks = JoinSet::new();
        let outcome = loop {
            while tasks.len() < session.requests
                && let Some(blob) = tree.contents.blob(next)
                && let Some(permit) = self.blob_task(tasks.is_empty()).await
            {
                next += 1;
                let (label, digest, size) = (tree.label_of(&blob), blob.digest, blob.size);
                let task = work(Arc::clone(session), digest, label.clone());
                tasks.spawn(async move {
                    let transfer = task.await;
                    drop(permit);
                    (label, digest, size, transfer)
                });
            }
            match tasks.join_next().await {
                None => break Ok(()),
                Some(Ok((_, digest, size, Ok(transfer)))) => {
                    locked(&self.transfers).note(digest, transfer, size);
                }
                Some(Ok((label, _, _, Err(source)))) => break Err(ImageError::Blob { label, source }),
                Some(Err(error)) => {
                    break Err(ImageError::Blob { label: tree.name.clone(), source: BlobError::Task(error) });
                }
            }
        };
        tasks.shutdown().await;
        outcome
    }
    /// The permit for one more task. The first task of a tree waits for it; another one may come later.
    async fn blob_task(&self, is_first: bool) -> Option<OwnedSemaphorePermit> {
        let permits = Arc::clone(&self.session.blob_tasks);
        match is_first {
            // They are never closed.
            true => permits.acquire_owned().await.ok(),
            false => permits.try_acquire_owned().ok(),
        }
    }
}
