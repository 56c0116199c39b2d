//! Pushes one image: its content, its attachments, the lists of those, and at last the tags.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airlift_lists::receipt::TagMove;
use airlift_oci::{Digest, Event, RawManifest};
use futures::{StreamExt, TryStreamExt};

use crate::existence::is_complete;
use crate::image_error::ImageError;
use crate::lock::locked;
use crate::options::{Presence, TagMoves};
use crate::plan::manifest_tree::ManifestTree;
use crate::plan::planned_image::{ImageForm, PlannedAttached, PlannedImage, PlannedPlatform};
use crate::preflight::checks::PreflightResult;
use crate::preflight::tag_state::{TagState, state_of_digest, tag_state};
use crate::receipt::{ImageReceipt, ReferrerTag, SelectedChild, Status, Unlisted};
use crate::referrers::list::{ListError, ReferrerEntry, ReferrersList};
use crate::send::session::Session;
use crate::send::tag_check::permitted_state;
use crate::send::transfers::TransferredBytes;
use crate::send::tree_upload::{TagCheck, TreeUpload};

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

/// What came of sending a tree. There is no upload if the target could not be asked.
struct SentTree {
    upload: Option<Upload>,
    outcome: Result<(), ImageError>,
}

impl Upload {
    /// Moves the tag, and returns what the receipt says of it.
    async fn move_tag(&self) -> Result<Option<SelectedChild>, ImageError> {
        if self.tree.tag_check == TagCheck::BeforeMove {
            self.tree.check_tag().await?;
        }
        self.tree.move_tag().await?;
        Ok(self.child.clone())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It was there under its tag or digest.
    Present,
    /// Its content is there; its tag moves when all that is attached is there, too.
    TagIsDue { before: Option<Digest> },
}

impl<'a> ImagePush<'a> {
    pub(crate) fn new(session: &'a Arc<Session>, image: &'a PlannedImage) -> Self {
        ImagePush { session, image, receipt: ImageReceipt::new(image), uploads: Vec::new() }
    }

    /// Pushes the image. The receipt says what became of it, a failure included.
    pub(crate) async fn run(mut self, checked: PreflightResult) -> ImageReceipt {
        let PreflightResult { state, before, form } = checked;
        let outcome = match state {
            Err(source) => Err(ImageError::Look { target: self.image.target.to_string(), source }),
            Ok(state) => self.push(state, before, form).await,
        };
        match outcome {
            Ok(()) => {
                let is_present = self.uploads.iter().all(|upload| upload.progress == Progress::Present);
                self.receipt.status = if is_present { Status::Present } else { Status::Pushed };
                self.receipt.digest_resolves = form == ImageForm::Whole;
                self.receipt.ok = self.receipt.unlisted.is_empty();
                let tagged = form == ImageForm::Whole && self.image.tree.is_tagged();
                self.receipt.tag = tagged.then_some(TagMove { from: before, to: self.image.digest });
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
        self.receipt.at = Some((self.session.clock)());
        self.receipt
    }

    async fn push(
        &mut self,
        state: TagState,
        before: Option<Digest>,
        form: ImageForm,
    ) -> Result<(), ImageError> {
        let manifests = match form {
            ImageForm::WithoutIndex => self.send_platforms().await?,
            ImageForm::Whole => self.send_whole(state, before).await?,
        };
        let own = self.uploads.len();
        let graph = self.session.source.graph();
        let attached = self.image.attached_to(&manifests, graph);
        self.warn_of_left_behind(form, &attached);
        self.send_attached(&attached).await?;
        self.list_referrers().await?;
        self.move_tags(own).await?;
        let tagged = attached.iter().filter(|attached| attached.tree.is_tagged());
        let tags =
            tagged.map(|attached| ReferrerTag { target: attached.target.clone(), digest: attached.digest });
        self.receipt.referrer_tags = tags.collect();
        Ok(())
    }

    /// Sends the image with its index. Returns the manifests that are there now.
    async fn send_whole(
        &mut self,
        state: TagState,
        before: Option<Digest>,
    ) -> Result<Vec<Digest>, ImageError> {
        let image = self.image;
        let progress = match state {
            TagState::Present => Progress::Present,
            TagState::Hidden(refusal) if self.session.tags == TagMoves::Refuse => {
                return Err(ImageError::TagHidden { target: image.tree.target(), source: (*refusal).into() });
            }
            TagState::Absent | TagState::Other(_) | TagState::Hidden(_) => Progress::TagIsDue { before },
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

    /// Sends what is attached side by side, each thing after the one that it is attached to. After a failure,
    /// what has begun goes on to its end, and nothing else begins.
    async fn send_attached(&mut self, attached: &[&'a PlannedAttached]) -> Result<(), ImageError> {
        for group in in_groups(attached) {
            let has_failed = AtomicBool::new(false);
            let send = |attached: &'a PlannedAttached| async {
                if has_failed.load(Ordering::Relaxed) {
                    return None;
                }
                let sent = self.look_and_send(&attached.tree).await;
                has_failed.fetch_or(sent.outcome.is_err(), Ordering::Relaxed);
                Some((attached.digest, sent))
            };
            let sends: Vec<_> = group.into_iter().map(send).collect();
            let sends = futures::stream::iter(sends).buffered(self.session.requests);
            let sent: Vec<_> = sends.filter_map(std::future::ready).collect().await;
            for (digest, SentTree { upload, outcome }) in sent {
                self.uploads.extend(upload);
                outcome?;
                self.receipt.referrers.push(digest);
            }
        }
        Ok(())
    }

    async fn look_and_send(&self, tree: &ManifestTree) -> SentTree {
        match self.look(tree).await {
            Ok(progress) => self.send_tree(tree, progress, TagCheck::BeforeMove).await,
            Err(error) => SentTree { upload: None, outcome: Err(error) },
        }
    }

    /// Whether a manifest tree is at its tag or digest, with all that is below it if that was asked for.
    async fn look(&self, tree: &ManifestTree) -> Result<Progress, ImageError> {
        let found = tag_state(tree, &self.session.transport).await;
        let found = permitted_state(found, tree, self.session.tags)?;
        let before = found.digest(tree.digest);
        if found != TagState::Present {
            return Ok(Progress::TagIsDue { before });
        }
        if self.session.presence == Presence::Tag {
            return Ok(Progress::Present);
        }
        let is_complete = is_complete(&self.session.transport, tree, self.session.requests).await;
        match is_complete.map_err(|source| ImageError::Look { target: tree.target(), source })? {
            true => Ok(Progress::Present),
            false => Ok(Progress::TagIsDue { before }),
        }
    }

    /// Brings a tree's blobs and manifests to the target, or proves its blobs if it is present.
    async fn send(
        &mut self,
        tree: &ManifestTree,
        progress: Progress,
        child: Option<SelectedChild>,
    ) -> Result<(), ImageError> {
        let is_alone = self.image.attached.is_empty() && self.image.subject.is_none();
        let tag_check = match is_alone && self.session.requests > 1 {
            true => TagCheck::WithReadBack,
            false => TagCheck::BeforeMove,
        };
        let SentTree { upload, outcome } = self.send_tree(tree, progress, tag_check).await;
        if progress == Progress::Present {
            self.receipt.selected_children.extend(child.clone());
        }
        self.uploads.extend(upload.map(|upload| Upload { child, ..upload }));
        outcome
    }

    async fn send_tree(&self, tree: &ManifestTree, progress: Progress, tag_check: TagCheck) -> SentTree {
        let mut tree = TreeUpload::new(self.session, tree.clone(), tag_check);
        if let Progress::TagIsDue { before } = progress {
            tree.before = before;
        }
        let outcome = match progress {
            Progress::Present => tree.prove_blobs().await,
            Progress::TagIsDue { .. } => match tree.send_blobs().await {
                Ok(()) => tree.send_manifests().await,
                Err(error) => Err(error),
            },
        };
        SentTree { upload: Some(Upload { tree, progress, child: None }), outcome }
    }

    /// Makes sure that every manifest with a subject is listed at the target: by the registry itself, or by
    /// the push. A registry that can't keep a list has the image all the same; the receipt names what is
    /// missing.
    async fn list_referrers(&mut self) -> Result<(), ImageError> {
        let repository = self.image.target.repository().clone();
        for (subject, entries) in self.entries_by_subject() {
            let referrers: Vec<Digest> = entries.keys().copied().collect();
            let list = ReferrersList::new(&repository, subject, entries);
            let Session { lists, transport, observer, .. } = &**self.session;
            match lists.ensure_listed(transport, list, &**observer).await {
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
    /// The first `own` uploads are the image's.
    async fn move_tags(&mut self, own: usize) -> Result<(), ImageError> {
        let (own, attached) = self.uploads.split_at(own);
        for uploads in [attached, own] {
            let due = uploads.iter().rev().filter(|upload| upload.progress != Progress::Present);
            let moves: Vec<_> = due.map(|upload| upload.move_tag()).collect();
            let moved: Vec<_> =
                futures::stream::iter(moves).buffered(self.session.requests).try_collect().await?;
            self.receipt.selected_children.extend(moved.into_iter().flatten());
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

/// What is attached, in groups: what is attached to something attached is in a later group than that.
fn in_groups<'i>(attached: &[&'i PlannedAttached]) -> Vec<Vec<&'i PlannedAttached>> {
    let mut groups: Vec<Vec<&PlannedAttached>> = Vec::new();
    let mut group_of: HashMap<Digest, usize> = HashMap::new();
    for one in attached {
        let of_subject = one.subject.and_then(|subject| group_of.get(&subject));
        let group = of_subject.map_or(0, |group| group + 1);
        one.tree.contents.digests().for_each(|digest| {
            group_of.entry(digest).or_insert(group);
        });
        match groups.get_mut(group) {
            Some(members) => members.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

/// The manifests of a tree that the source carries.
fn manifests_of(upload: &TreeUpload) -> impl Iterator<Item = &RawManifest> {
    let digests = upload.tree.contents.digests();
    digests.filter_map(|digest| upload.graph().manifest(&digest)?.raw.as_ref())
}
