//! Pushes one image: its content, its attachments, the lists of those, and at last the tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use airlift_oci::{Digest, Event, RawManifest};
use airlift_registry::Error;

use crate::existence::is_complete;
use crate::image_error::ImageError;
use crate::lock::locked;
use crate::options::{Presence, TagMoves};
use crate::plan::manifest_tree::ManifestTree;
use crate::plan::planned_image::{ImageForm, PlannedAttached, PlannedImage, PlannedPlatform};
use crate::preflight::tag_state::{TagState, state_of_digest, tag_state};
use crate::receipt::{ImageReceipt, SelectedChild, Status, Unlisted};
use crate::referrers::list::{ListError, ReferrerEntry, ReferrersList};
use crate::send::session::Session;
use crate::send::transfers::TransferredBytes;
use crate::send::tree_upload::TreeUpload;

/// One image on its way.
pub(crate) struct ImagePush<'a> {
    session: &'a Arc<Session>,
    image: &'a PlannedImage,
    receipt: ImageReceipt,
    /// What was brought to the target, or found there.
    uploads: Vec<Upload>,
}

/// A manifest tree of the image, or of what is attached to it.
struct Upload {
    tree: TreeUpload,
    progress: Progress,
    /// For a platform that goes without its index: what the receipt says of it once its tag is there.
    child: Option<SelectedChild>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It was there under its tag or digest.
    Present,
    /// Its content is there; its tag moves when all that is attached is there, too.
    TagIsDue,
}

impl<'a> ImagePush<'a> {
    pub(crate) fn new(session: &'a Arc<Session>, image: &'a PlannedImage) -> Self {
        ImagePush { session, image, receipt: ImageReceipt::new(image), uploads: Vec::new() }
    }

    /// Pushes the image. The receipt says what became of it, a failure included.
    pub(crate) async fn run(mut self, state: Result<TagState, Error>, form: ImageForm) -> ImageReceipt {
        let outcome = match state {
            Err(source) => Err(ImageError::Look { target: self.image.target.to_string(), source }),
            Ok(state) => self.push(state, form).await,
        };
        match outcome {
            Ok(()) => {
                let is_present = self.uploads.iter().all(|upload| upload.progress == Progress::Present);
                self.receipt.status = if is_present { Status::Present } else { Status::Pushed };
                self.receipt.digest_resolves = form == ImageForm::Whole;
                self.receipt.ok = self.receipt.unlisted.is_empty();
            }
            Err(error) => {
                self.receipt.fail(&error);
                self.ask_what_is_there(&error).await;
            }
        }
        let mut bytes = TransferredBytes::default();
        self.uploads.iter().for_each(|upload| locked(&upload.tree.transfers).add_to(&mut bytes));
        (self.receipt.uploaded, self.receipt.mounted, self.receipt.skipped) =
            (bytes.uploaded, bytes.mounted, bytes.skipped);
        self.receipt
    }

    async fn push(&mut self, state: TagState, form: ImageForm) -> Result<(), ImageError> {
        let manifests = match form {
            ImageForm::WithoutIndex => self.send_platforms().await?,
            ImageForm::Whole => self.send_whole(state).await?,
        };
        let graph = self.session.source.graph();
        let attached = self.image.attached_to(&manifests, graph);
        self.warn_of_left_behind(form, &attached);
        self.send_attached(&attached).await?;
        self.list_referrers().await?;
        self.move_tags().await
    }

    /// Sends the image with its index. Returns the manifests that are there now.
    async fn send_whole(&mut self, state: TagState) -> Result<Vec<Digest>, ImageError> {
        let image = self.image;
        let progress = match state {
            TagState::Present => Progress::Present,
            TagState::Hidden(refusal) if self.session.tags == TagMoves::Refuse => {
                return Err(ImageError::TagHidden { target: image.tree.target(), source: (*refusal).into() });
            }
            TagState::Absent | TagState::Other(_) | TagState::Hidden(_) => Progress::TagIsDue,
        };
        self.send(&image.tree, progress, None).await?;
        let manifests: Vec<Digest> = image.tree.contents.digests().collect();
        self.receipt.children = manifests.iter().skip(1).copied().collect();
        Ok(manifests)
    }

    /// Sends the chosen platforms' manifests; the index stays behind. Returns the manifests that are there
    /// now.
    async fn send_platforms(&mut self) -> Result<Vec<Digest>, ImageError> {
        for PlannedPlatform { tree, platform } in &self.image.without_index.platforms {
            let child =
                SelectedChild { target: tree.target(), digest: tree.digest, platform: platform.clone() };
            let progress = self.look(tree).await?;
            self.send(tree, progress, Some(child)).await?;
            self.receipt.children.push(tree.digest);
        }
        Ok(self.receipt.children.clone())
    }

    async fn send_attached(&mut self, attached: &[&PlannedAttached]) -> Result<(), ImageError> {
        for PlannedAttached { tree, .. } in attached {
            let progress = self.look(tree).await?;
            self.send(tree, progress, None).await?;
            self.receipt.referrers.push(tree.digest);
        }
        Ok(())
    }

    /// Whether a manifest tree is at its tag or digest, with all that is below it if that was asked for.
    async fn look(&self, tree: &ManifestTree) -> Result<Progress, ImageError> {
        let TagState::Present = self.permitted_state(tree).await? else { return Ok(Progress::TagIsDue) };
        if self.session.presence == Presence::Tag {
            return Ok(Progress::Present);
        }
        let is_complete = is_complete(&self.session.transport, tree, self.session.requests).await;
        match is_complete.map_err(|source| ImageError::Look { target: tree.target(), source })? {
            true => Ok(Progress::Present),
            false => Ok(Progress::TagIsDue),
        }
    }

    /// What stands at the tag or digest of a tree. If it is something else, the options decide whether the
    /// tag may be moved.
    async fn permitted_state(&self, tree: &ManifestTree) -> Result<TagState, ImageError> {
        let found = tag_state(tree, &self.session.transport).await;
        let target = tree.target();
        match found.map_err(|source| ImageError::Look { target: tree.target(), source })? {
            TagState::Other(there) if self.session.tags == TagMoves::Refuse => {
                Err(ImageError::TagTaken { target, there, ours: tree.digest })
            }
            TagState::Hidden(refusal) if self.session.tags == TagMoves::Refuse => {
                Err(ImageError::TagHidden { target, source: (*refusal).into() })
            }
            found => Ok(found),
        }
    }

    /// Brings a tree's blobs and manifests to the target, or proves its blobs if it is present.
    async fn send(
        &mut self,
        tree: &ManifestTree,
        progress: Progress,
        child: Option<SelectedChild>,
    ) -> Result<(), ImageError> {
        let tree = TreeUpload::new(self.session, tree.clone());
        let outcome = match progress {
            Progress::Present => tree.prove_blobs().await,
            Progress::TagIsDue => match tree.send_blobs().await {
                Ok(()) => tree.send_manifests().await,
                Err(error) => Err(error),
            },
        };
        if progress == Progress::Present {
            self.receipt.selected_children.extend(child.clone());
        }
        self.uploads.push(Upload { tree, progress, child });
        outcome
    }

    /// Makes sure that every manifest with a subject is listed at the target: by the registry itself, or by
    /// the push. A registry that can't keep a list has the image all the same; the receipt names what is
    /// missing.
    async fn list_referrers(&mut self) -> Result<(), ImageError> {
        let repository = self.image.target.repository().clone();
        for (subject, entries) in self.entries_by_subject() {
            let referrers: Vec<Digest> = entries.keys().copied().collect();
            let list = ReferrersList::new(&repository, subject, entries);
            match self.session.lists.ensure_listed(&self.session.transport, list).await {
                Ok(written) => self.receipt.fallback_tags.extend(written),
                Err(ListError::Impossible(reason)) => {
                    let (cause, reason) = (reason.known_cause(), reason.in_one_line());
                    self.receipt.give_up_listing(Unlisted { subject, referrers, reason, cause });
                }
                Err(ListError::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn entries_by_subject(&self) -> BTreeMap<Digest, BTreeMap<Digest, ReferrerEntry>> {
        let mut by_subject: BTreeMap<Digest, BTreeMap<Digest, ReferrerEntry>> = BTreeMap::new();
        for raw in self.uploads.iter().flat_map(|upload| manifests_of(&upload.tree)) {
            if let Some(subject) = raw.subject() {
                let entries = by_subject.entry(subject.digest).or_default();
                entries.insert(raw.digest(), ReferrerEntry::of(raw));
            }
        }
        by_subject
    }

    /// Moves the tags now that all content is there: first those of attachments, the image's own last. Each
    /// is looked at once more: another client may have taken it since the push began, which may be hours ago.
    async fn move_tags(&mut self) -> Result<(), ImageError> {
        for upload in self.uploads.iter().rev().filter(|upload| upload.progress == Progress::TagIsDue) {
            let tree = &upload.tree.tree;
            if self.session.tags == TagMoves::Refuse && tree.is_tagged() {
                self.permitted_state(tree).await?;
            }
            upload.tree.move_tag().await?;
            self.receipt.selected_children.extend(upload.child.clone());
        }
        let ImageReceipt { children, selected_children, .. } = &mut self.receipt;
        selected_children.sort_by_key(|child| children.iter().position(|digest| *digest == child.digest));
        Ok(())
    }

    /// Warns of attachments that don't go because their manifest doesn't: clients could not find them.
    fn warn_of_left_behind(&self, form: ImageForm, attached: &[&PlannedAttached]) {
        let mut behind = self.image.attached.len() - attached.len();
        if form == ImageForm::WithoutIndex {
            let goes = |digest: &Digest| attached.iter().any(|attached| attached.digest == *digest);
            let attestations = &self.image.without_index.attestations;
            behind += attestations.iter().filter(|attestation| !goes(attestation)).count();
        }
        if behind > 0 {
            let message = format!(
                "{}: what is attached to manifests that are not pushed stays behind with them ({behind} of it)",
                self.image.source
            );
            self.session.observer.notice(Event::Warning { message, remedy: None });
        }
    }

    /// After a failure: asks the registry what is there, for the receipt. It is not asked if it can't be
    /// reached, or failed to answer before.
    async fn ask_what_is_there(&mut self, error: &ImageError) {
        if error.concerns_registry() || self.uploads.is_empty() {
            return;
        }
        let (tree, transport) = (&self.image.tree, &self.session.transport);
        let by_digest = state_of_digest(&tree.repository, &tree.digest, transport).await;
        self.receipt.digest_resolves = matches!(by_digest, Ok(TagState::Present));
        if tree.is_tagged() {
            self.receipt.tag_digest = match tag_state(tree, transport).await {
                Ok(TagState::Present) => Some(tree.digest),
                Ok(TagState::Other(there)) => Some(there),
                Ok(TagState::Absent | TagState::Hidden(_)) | Err(_) => None,
            };
        }
    }
}

/// The manifests of a tree that the source carries.
fn manifests_of(upload: &TreeUpload) -> impl Iterator<Item = &RawManifest> {
    let digests = upload.tree.contents.digests();
    digests.filter_map(|digest| upload.graph().manifest(&digest)?.raw.as_ref())
}
