//! Whether a tag or digest at the target may be written: what is found there, and what the options say of it.

use airlift_registry::Error;

use crate::image_error::ImageError;
use crate::options::TagMoves;
use crate::plan::manifest_tree::ManifestTree;
use crate::preflight::tag_state::{TagState, state_of_free_tag};
use crate::send::tree_upload::TreeUpload;

/// What was found at the tag or digest of a tree. If it is something else, `tags` says whether the tag may be
/// moved.
///
/// # Errors
/// If nothing could be found out, or the tag may not be moved.
pub(crate) fn permitted_state(
    found: Result<TagState, Error>,
    tree: &ManifestTree,
    tags: TagMoves,
) -> Result<TagState, ImageError> {
    let target = tree.target();
    match found.map_err(|source| ImageError::Look { target: tree.target(), source })? {
        TagState::Other(there) if tags == TagMoves::Refuse => {
            Err(ImageError::TagTaken { target, there, ours: tree.digest })
        }
        TagState::Hidden(refusal) if tags == TagMoves::Refuse => {
            Err(ImageError::TagHidden { target, source: (*refusal).into() })
        }
        found => Ok(found),
    }
}

impl TreeUpload {
    /// Looks once more at a tag that must not be taken from another manifest.
    ///
    /// # Errors
    /// If it is taken, or can't be looked at.
    pub(crate) async fn check_tag(&self) -> Result<(), ImageError> {
        let (tree, tags) = (&self.tree, self.session.tags);
        if tags == TagMoves::Refuse && tree.is_tagged() {
            permitted_state(state_of_free_tag(tree, &self.session.transport).await, tree, tags)?;
        }
        Ok(())
    }
}
