//! A tag is moved: the manifest is put once more under its tag, when everything else is at the target.

use airlift_oci::Selector;

use crate::image_error::ImageError;
use crate::lock::locked;
use crate::send::tree_upload::TreeUpload;

impl TreeUpload {
    /// Puts the tree's own manifest under its tag, if it has one, and reads it back. Before that, it reads
    /// back what a policy has kept back so far.
    ///
    /// # Errors
    /// If the registry doesn't take the manifest under its tag, or doesn't hand it out as it was sent.
    pub(crate) async fn move_tag(&self) -> Result<(), ImageError> {
        self.read_back_withheld().await?;
        let entry = self.graph().manifest(&self.tree.digest);
        let Some((entry, raw)) = entry.and_then(|entry| Some((entry, entry.raw.as_ref()?))) else {
            return Ok(());
        };
        if !self.tree.is_tagged() {
            return Ok(());
        }
        let (selector, label) = (&self.tree.selector, self.tree.target());
        let by_digest = locked(&self.acknowledged).contains(&raw.digest());
        self.put(entry, raw, selector, &label).await?;
        if !by_digest {
            self.read_back(raw, Selector::Digest(raw.digest()), &label).await?;
        }
        self.read_back(raw, selector.clone(), &label).await
    }
}
