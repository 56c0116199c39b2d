//! One image on its way: the image itself, then what is attached to it.

use std::sync::Arc;

use airlift_bundle::selection::leaves;
use airlift_bundle::{Digest, Root, summary};
use airlift_registry::{Error, Reference, Repository, Selector, Tag, Transport};
use airlift_verifier::VerifiedBundle;

use crate::blobs::Blobs;
use crate::failure::ImageError;
use crate::plan::{PlannedImage, TagMoves};
use crate::receipt::{ImageReceipt, SelectedChild, Status};
use crate::sparse::Route;
use crate::survey::{Standing, standing};
use crate::tree::{Moved, Tree};

/// What all images of a push share.
pub(crate) struct Run {
    pub(crate) bundle: Arc<VerifiedBundle>,
    pub(crate) transport: Transport,
    pub(crate) blobs: Blobs,
    pub(crate) tags: TagMoves,
    pub(crate) jobs: usize,
    /// Fallback tags are read, extended and written back, which must not happen twice at a time.
    pub(crate) fallback_tags: tokio::sync::Mutex<()>,
}

impl Run {
    /// Sees one image through; whatever happens is told in its part of the receipt.
    pub(crate) async fn image(
        self: Arc<Self>,
        image: PlannedImage,
        standing: Result<Standing, Error>,
        route: Route,
    ) -> ImageReceipt {
        let mut receipt = ImageReceipt::new(&image);
        let mut moved = Moved::default();
        let outcome = match standing {
            Err(source) => Err(ImageError::Look { target: image.target.to_string(), source }),
            Ok(standing) => self.see_through(&image, standing, route, &mut moved, &mut receipt).await,
        };
        match outcome {
            Ok(status) => receipt.status = status,
            Err(error) => {
                receipt.status = Status::Failed;
                receipt.fault = Some(error.fault());
                receipt.error = Some(error.told());
            }
        }
        receipt.uploaded = moved.uploaded;
        receipt.mounted = moved.mounted;
        receipt.skipped = moved.skipped;
        receipt
    }

    async fn see_through(
        self: &Arc<Self>,
        image: &PlannedImage,
        standing: Standing,
        route: Route,
        moved: &mut Moved,
        receipt: &mut ImageReceipt,
    ) -> Result<Status, ImageError> {
        let graph = self.bundle.graph();
        let Some(root) = graph.roots.get(image.root) else { return Ok(Status::Present) };
        let (status, there): (Status, Vec<Digest>) = match route {
            Route::Children => {
                receipt.selected_children = self.children(image, root, moved).await?;
                receipt.children = receipt.selected_children.iter().map(|child| child.digest).collect();
                (Status::Pushed, receipt.children.clone())
            }
            Route::Whole => {
                let status = self.whole(image, standing, moved).await?;
                let below = graph.below(&image.digest).into_iter().map(|entry| entry.descriptor.digest);
                let there: Vec<Digest> = below.filter(|digest| graph.carries(digest)).collect();
                receipt.children = there.iter().skip(1).copied().collect();
                (status, there)
            }
        };
        let attached = self.attachments(image, root, there, moved, receipt).await?;
        Ok(if attached == Status::Pushed { Status::Pushed } else { status })
    }

    async fn whole(
        self: &Arc<Self>,
        image: &PlannedImage,
        standing: Standing,
        moved: &mut Moved,
    ) -> Result<Status, ImageError> {
        let tree = Tree {
            digest: image.digest,
            repository: image.target.repository().clone(),
            selector: image.target.selector(),
            name: image.source.clone(),
        };
        match standing {
            Standing::Present => self.check_tree(&tree, moved).await.map(|()| Status::Present),
            _ => self.send_tree(&tree, moved).await.map(|()| Status::Pushed),
        }
    }

    /// The chosen platforms' manifests, each under a tag of its own; the index stays behind.
    async fn children(
        self: &Arc<Self>,
        image: &PlannedImage,
        root: &Root,
        moved: &mut Moved,
    ) -> Result<Vec<SelectedChild>, ImageError> {
        let mut sent = Vec::new();
        for leaf in leaves(self.bundle.graph(), root) {
            let Some(platform) = leaf.platform.as_ref().filter(|_| leaf.carried) else { continue };
            let platform = summary::display(platform);
            let repository = image.target.repository().clone();
            let Some(tag) = child_tag(&image.target, &platform) else { continue };
            let name = format!("{} {platform}", image.source);
            let tree = Tree { digest: leaf.digest, repository, selector: Selector::Tag(tag), name };
            self.send_if_absent(&tree, moved).await?;
            sent.push(SelectedChild { target: tree.target(), digest: leaf.digest, platform });
        }
        Ok(sent)
    }

    /// Brings a tree to its tag or digest, unless it is there; a tag that stands for something else is a matter of policy.
    pub(crate) async fn send_if_absent(
        self: &Arc<Self>,
        tree: &Tree,
        moved: &mut Moved,
    ) -> Result<Status, ImageError> {
        let found = standing(&tree.repository, &tree.selector, &tree.digest, &self.transport).await;
        match found.map_err(|source| ImageError::Look { target: tree.target(), source })? {
            Standing::Present => {
                self.check_tree(tree, moved).await?;
                Ok(Status::Present)
            }
            Standing::Other(there) if self.tags == TagMoves::Refuse => {
                Err(ImageError::TagTaken { target: tree.target(), there, ours: tree.digest })
            }
            _ => {
                self.send_tree(tree, moved).await?;
                Ok(Status::Pushed)
            }
        }
    }
}

/// The tag of one platform's manifest: `1.27-linux-arm-v7`.
fn child_tag(target: &Reference, platform: &str) -> Option<Tag> {
    let platform: String = platform
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' })
        .collect();
    format!("{}-{}", target.tag()?, platform.trim_end_matches('-')).parse().ok()
}

/// The tag or digest under which something attached goes: cosign's tags stay tags, referrers have only their digest.
pub(crate) fn attached_selector(root: &Root) -> Selector {
    let tag = root.reference.as_deref().and_then(|reference| reference.parse::<Reference>().ok());
    let tag =
        tag.and_then(|reference| reference.tag().map(str::to_owned)).and_then(|tag| tag.parse::<Tag>().ok());
    tag.map_or(Selector::Digest(root.descriptor.digest), Selector::Tag)
}

/// What a tree of something attached is called.
pub(crate) fn attached_tree(root: &Root, repository: &Repository, name: &str) -> Tree {
    Tree {
        digest: root.descriptor.digest,
        repository: repository.clone(),
        selector: attached_selector(root),
        name: format!("{name} (attached)"),
    }
}
