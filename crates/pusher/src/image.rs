//! One image on its way: the image itself, then what is attached to it.

use std::collections::HashSet;
use std::sync::Arc;

use airlift_bundle::selection::leaves;
use airlift_bundle::{Digest, Event, Observer, Root, summary};
use airlift_registry::{Error, Reference, Repository, Selector, Tag, Transport};
use airlift_verifier::VerifiedBundle;

use crate::blobs::Blobs;
use crate::failure::ImageError;
use crate::plan::{PlannedImage, Presence, TagMoves};
use crate::receipt::{ImageReceipt, SelectedChild, Status};
use crate::sparse::Route;
use crate::survey::{Standing, is_whole, standing};
use crate::tree::{Moved, Tree};

/// What all images of a push share.
pub(crate) struct Run {
    pub(crate) bundle: Arc<VerifiedBundle>,
    pub(crate) transport: Transport,
    pub(crate) blobs: Blobs,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) tags: TagMoves,
    pub(crate) presence: Presence,
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
            Ok(status) => {
                receipt.status = status;
                receipt.digest_resolves = route == Route::Whole;
            }
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
                let status = self.children(image, root, moved, receipt).await?;
                receipt.children = receipt.selected_children.iter().map(|child| child.digest).collect();
                (status, receipt.children.clone())
            }
            Route::Whole => {
                let status = self.whole(image, standing, moved).await?;
                let below = graph.below(&image.digest).into_iter().map(|entry| entry.descriptor.digest);
                let there: Vec<Digest> = below.filter(|digest| graph.carries(digest)).collect();
                receipt.children = there.iter().skip(1).copied().collect();
                (status, there)
            }
        };
        self.tell_of_left_behind(image, root, &there);
        let attached = self.attachments(image, root, there, moved, receipt).await?;
        Ok(if attached == Status::Pushed { Status::Pushed } else { status })
    }

    /// What is attached to a manifest that doesn't go can't be found at the target, and doesn't go either.
    fn tell_of_left_behind(&self, image: &PlannedImage, root: &Root, there: &[Digest]) {
        let mut there: HashSet<Digest> = there.iter().copied().collect();
        let mut behind = 0_usize;
        for attached in summary::attached_to(self.bundle.graph(), root) {
            if attached.subject.is_some_and(|subject| there.contains(&subject)) {
                there.insert(attached.descriptor.digest);
            } else {
                behind += 1;
            }
        }
        let leaves = leaves(self.bundle.graph(), root).into_iter();
        behind += leaves.filter(|leaf| leaf.carried && !there.contains(&leaf.digest)).count();
        if behind > 0 {
            let message = format!(
                "{}: what is attached to manifests that are not pushed stays behind with them ({behind} of it)",
                image.source
            );
            self.observer.notice(Event::Warning { message });
        }
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
        receipt: &mut ImageReceipt,
    ) -> Result<Status, ImageError> {
        let mut status = Status::Present;
        for Child { digest, platform, selector } in children_of(&self.bundle, image, root) {
            let repository = image.target.repository().clone();
            let label = platform.clone().unwrap_or_else(|| format!("{}…", digest.short()));
            let tree = Tree { digest, repository, selector, name: format!("{} {label}", image.source) };
            if self.send_if_absent(&tree, moved).await? == Status::Pushed {
                status = Status::Pushed;
            }
            receipt.selected_children.push(SelectedChild { target: tree.target(), digest, platform });
        }
        Ok(status)
    }

    /// Brings a tree to its tag or digest, unless it is there; a tag that stands for something else is a matter of policy.
    pub(crate) async fn send_if_absent(
        self: &Arc<Self>,
        tree: &Tree,
        moved: &mut Moved,
    ) -> Result<Status, ImageError> {
        let found = standing(&tree.repository, &tree.selector, &tree.digest, &self.transport).await;
        let look = |source| ImageError::Look { target: tree.target(), source };
        match found.map_err(look)? {
            Standing::Present if self.is_believed(tree).await.map_err(look)? => {
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

impl Run {
    /// Whether a tree whose tag or digest answers is there with all that is below it, as far as that is to be asked.
    async fn is_believed(&self, tree: &Tree) -> Result<bool, Error> {
        if self.presence == Presence::Tag {
            return Ok(true);
        }
        is_whole(&self.bundle, &tree.digest, &tree.repository, &self.transport, self.jobs).await
    }
}

/// One platform's manifest that goes without its index.
pub(crate) struct Child {
    pub(crate) digest: Digest,
    /// What it is for, where anything says so.
    pub(crate) platform: Option<String>,
    /// Its tag, or its digest where the image has no tag either.
    pub(crate) selector: Selector,
}

/// The manifests of an image that go where its index doesn't. Attestations speak of their image within the index and
/// nowhere else, so they would be found by nobody: they stay behind.
pub(crate) fn children_of(bundle: &VerifiedBundle, image: &PlannedImage, root: &Root) -> Vec<Child> {
    let graph = bundle.graph();
    let mut tags = HashSet::new();
    let mut children = Vec::new();
    for leaf in leaves(graph, root) {
        let is_attestation =
            graph.manifest(&leaf.digest).is_some_and(|entry| entry.descriptor.is_attestation());
        if !leaf.carried || is_attestation {
            continue;
        }
        let platform = bundle.platform_of(&leaf).map(|platform| summary::display(&platform));
        let selector = child_tag(&image.target, platform.as_deref(), &leaf.digest, &mut tags)
            .map_or(Selector::Digest(leaf.digest), Selector::Tag);
        children.push(Child { digest: leaf.digest, platform, selector });
    }
    children
}

/// The tag of one platform's manifest: `1.27-linux-arm-v7`; with the digest's start where that is taken or says nothing.
fn child_tag(
    target: &Reference,
    platform: Option<&str>,
    digest: &Digest,
    taken: &mut HashSet<String>,
) -> Option<Tag> {
    let base = target.tag()?;
    let words =
        platform.unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let named = std::iter::once(base).chain(words.iter().copied()).collect::<Vec<_>>().join("-");
    let by_digest = format!("{named}-{}", digest.short());
    let tries = if words.is_empty() { vec![by_digest] } else { vec![named, by_digest] };
    let last = format!("airlift-{}", digest.short());
    let mut free = tries.into_iter().chain([last]).filter(|tag| !taken.contains(tag));
    let tag = free.find_map(|tag| tag.parse::<Tag>().ok())?;
    taken.insert(tag.to_string());
    Some(tag)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_child_gets_a_tag_of_its_own() {
        let target: Reference = "r.example/team/web:1.27".parse().unwrap();
        let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
        let mut taken = HashSet::new();
        let mut tag =
            |platform, digest| child_tag(&target, platform, digest, &mut taken).unwrap().to_string();
        assert_eq!(tag(Some("linux/arm/v7"), &one), "1.27-linux-arm-v7");
        assert_eq!(tag(Some("windows(10.0.17763.1)/amd64"), &one), "1.27-windows-10.0.17763.1-amd64");
        assert_eq!(tag(Some("linux/arm/v7"), &two), format!("1.27-linux-arm-v7-{}", two.short()));
        assert_eq!(tag(None, &one), format!("1.27-{}", one.short()));
        let long: Reference = format!("r.example/team/web:{}", "x".repeat(128)).parse().unwrap();
        let tag = child_tag(&long, Some("linux/amd64"), &one, &mut HashSet::new()).unwrap();
        assert_eq!(tag.to_string(), format!("airlift-{}", one.short()));
        let pinned = Reference::pinned(target.repository().clone(), one);
        assert!(child_tag(&pinned, Some("linux/amd64"), &one, &mut HashSet::new()).is_none());
    }
}
