//! What all images of a push share, and one image on its way.

use std::sync::Arc;

use airlift_oci::Observer;
use airlift_registry::{Error, Transport};

use crate::blobs::Blobs;
use crate::delivery::Delivery;
use crate::lists::Lists;
use crate::plan::{PlannedImage, Presence, TagMoves};
use crate::receipt::ImageReceipt;
use crate::source::ContentSource;
use crate::sparse::Route;
use crate::survey::{Standing, is_whole};
use crate::tree::Tree;

/// What all images of a push share.
pub(crate) struct Run {
    pub(crate) source: Arc<dyn ContentSource>,
    pub(crate) transport: Transport,
    pub(crate) blobs: Blobs,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) tags: TagMoves,
    pub(crate) presence: Presence,
    pub(crate) jobs: usize,
    pub(crate) lists: Lists,
}

impl Run {
    /// Sees one image through; whatever happens is told in its part of the receipt.
    pub(crate) async fn image(
        self: Arc<Self>,
        image: PlannedImage,
        standing: Result<Standing, Error>,
        route: Route,
    ) -> ImageReceipt {
        Delivery::new(&self, &image).run(standing, route).await
    }

    /// Whether a tree whose tag or digest answers is there with all that is below it, as far as that is to be
    /// asked.
    pub(crate) async fn is_believed(&self, tree: &Tree) -> Result<bool, Error> {
        if self.presence == Presence::Tag {
            return Ok(true);
        }
        is_whole(&*self.source, &tree.digest, &tree.repository, &self.transport, self.jobs).await
    }
}
