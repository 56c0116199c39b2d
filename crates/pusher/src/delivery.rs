//! One image on its way: its content, what is attached to it, the lists of that, and at last the tags.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use airlift_oci::graph::leaves;
use airlift_oci::{Digest, Event, Graph, RawManifest, Root, Selector};
use airlift_registry::Error;

use crate::children::{Child, children_of};
use crate::failure::ImageError;
use crate::image::Run;
use crate::lists::{Entry, List, ListError};
use crate::plan::{PlannedAttached, PlannedImage, TagMoves};
use crate::receipt::{ImageReceipt, SelectedChild, Status, Unlisted};
use crate::sparse::Route;
use crate::survey::{Standing, standing};
use crate::tree::{Moved, Sending, Tree};

/// One image on its way.
pub(crate) struct Delivery<'a> {
    run: &'a Arc<Run>,
    image: &'a PlannedImage,
    receipt: ImageReceipt,
    /// What was brought to the target, or found there.
    parts: Vec<Part>,
}

/// A tree of the image, or of what is attached to it.
struct Part {
    sending: Sending,
    state: State,
    /// Where it is a platform that goes without its index: what the receipt says of it once its tag is there.
    child: Option<SelectedChild>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was there under its tag or digest.
    Present,
    /// Its content is there; its tag moves when all that is attached is there, too.
    TagIsDue,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(run: &'a Arc<Run>, image: &'a PlannedImage) -> Self {
        Delivery { run, image, receipt: ImageReceipt::new(image), parts: Vec::new() }
    }

    /// Sees it through; whatever happens is told in the receipt.
    pub(crate) async fn run(mut self, standing: Result<Standing, Error>, route: Route) -> ImageReceipt {
        let outcome = match standing {
            Err(source) => Err(ImageError::Look { target: self.image.target.to_string(), source }),
            Ok(standing) => self.deliver(standing, route).await,
        };
        match outcome {
            Ok(()) => {
                let is_present = self.parts.iter().all(|part| part.state == State::Present);
                self.receipt.status = if is_present { Status::Present } else { Status::Pushed };
                self.receipt.digest_resolves = route == Route::Whole;
                self.receipt.ok = self.receipt.unlisted.is_empty();
            }
            Err(error) => {
                self.receipt.fail(&error);
                self.ask_what_is_there(&error).await;
            }
        }
        let mut moved = Moved::default();
        self.parts.iter().for_each(|part| part.sending.count(&mut moved));
        (self.receipt.uploaded, self.receipt.mounted, self.receipt.skipped) =
            (moved.uploaded, moved.mounted, moved.skipped);
        self.receipt
    }

    async fn deliver(&mut self, standing: Standing, route: Route) -> Result<(), ImageError> {
        let source = Arc::clone(&self.run.source);
        let Some(root) = source.graph().roots.get(self.image.root) else { return Ok(()) };
        let there = match route {
            Route::Children => self.children(root).await?,
            Route::Whole => self.whole(standing).await?,
        };
        self.tell_of_left_behind(root, &there);
        self.attachments(there).await?;
        self.lists().await?;
        self.move_tags().await
    }

    async fn whole(&mut self, standing: Standing) -> Result<Vec<Digest>, ImageError> {
        let image = self.image;
        let tree = Tree {
            digest: image.digest,
            repository: image.target.repository().clone(),
            selector: image.target.selector(),
            name: image.source.clone(),
        };
        let state = match standing {
            Standing::Present => State::Present,
            Standing::Hidden(refusal) if self.run.tags == TagMoves::Refuse => {
                return Err(ImageError::TagHidden { target: tree.target(), source: (*refusal).into() });
            }
            Standing::Absent | Standing::Other(_) | Standing::Hidden(_) => State::TagIsDue,
        };
        self.bring(tree, state, None).await?;
        let graph = self.run.source.graph();
        let below = graph.below(&image.digest).into_iter().map(|entry| entry.descriptor.digest);
        let there: Vec<Digest> = below.filter(|digest| graph.carries(digest)).collect();
        self.receipt.children = there.iter().skip(1).copied().collect();
        Ok(there)
    }

    /// The chosen platforms' manifests; the index stays behind.
    async fn children(&mut self, root: &Root) -> Result<Vec<Digest>, ImageError> {
        for Child { digest, platform, selector } in children_of(&*self.run.source, self.image, root) {
            let repository = self.image.target.repository().clone();
            let label = platform.clone().unwrap_or_else(|| format!("{}…", digest.short()));
            let tree = Tree { digest, repository, selector, name: format!("{} {label}", self.image.source) };
            let child = SelectedChild { target: tree.target(), digest, platform };
            let state = self.look(&tree).await?;
            self.bring(tree, state, Some(child)).await?;
            self.receipt.children.push(digest);
        }
        Ok(self.receipt.children.clone())
    }

    /// Sends what is attached to the manifests that are `there`.
    async fn attachments(&mut self, there: Vec<Digest>) -> Result<(), ImageError> {
        let mut subjects: HashSet<Digest> = there.into_iter().collect();
        let source = Arc::clone(&self.run.source);
        for PlannedAttached { tree, subject, .. } in &self.image.attached {
            if !subject.is_some_and(|subject| subjects.contains(&subject)) {
                continue;
            }
            let state = self.look(tree).await?;
            self.bring(tree.clone(), state, None).await?;
            self.receipt.referrers.push(tree.digest);
            subjects.extend(source.graph().below(&tree.digest).iter().map(|entry| entry.descriptor.digest));
        }
        Ok(())
    }

    /// Whether a tree is at its tag or digest.
    async fn look(&self, tree: &Tree) -> Result<State, ImageError> {
        let look = |source| ImageError::Look { target: tree.target(), source };
        match self.permitted(tree).await? {
            Standing::Present if self.run.is_believed(tree).await.map_err(look)? => Ok(State::Present),
            _ => Ok(State::TagIsDue),
        }
    }

    /// What stands at the tag or digest of a tree; a tag that stands for something else is a matter of
    /// policy.
    async fn permitted(&self, tree: &Tree) -> Result<Standing, ImageError> {
        let found = standing(&tree.repository, &tree.selector, &tree.digest, &self.run.transport).await;
        let target = tree.target();
        match found.map_err(|source| ImageError::Look { target: tree.target(), source })? {
            Standing::Other(there) if self.run.tags == TagMoves::Refuse => {
                Err(ImageError::TagTaken { target, there, ours: tree.digest })
            }
            Standing::Hidden(refusal) if self.run.tags == TagMoves::Refuse => {
                Err(ImageError::TagHidden { target, source: (*refusal).into() })
            }
            found => Ok(found),
        }
    }

    /// Sees to it that a tree's content is there.
    async fn bring(
        &mut self,
        tree: Tree,
        state: State,
        child: Option<SelectedChild>,
    ) -> Result<(), ImageError> {
        let sending = Sending::new(self.run, tree);
        let outcome = match state {
            State::Present => sending.check().await,
            State::TagIsDue => sending.content().await,
        };
        if state == State::Present {
            self.receipt.selected_children.extend(child.clone());
        }
        self.parts.push(Part { sending, state, child });
        outcome
    }

    /// Everything with a subject is listed at the target: by the registry itself, or by us. A registry that
    /// can't keep a list has the image all the same, and the receipt says what is missing.
    async fn lists(&mut self) -> Result<(), ImageError> {
        let repository = self.image.target.repository().clone();
        for (subject, entries) in self.with_subjects() {
            let referrers: Vec<Digest> = entries.keys().copied().collect();
            let list = List::new(&repository, subject, entries);
            match self.run.lists.see_to(&self.run.transport, list).await {
                Ok(written) => self.receipt.fallback_tags.extend(written),
                Err(ListError::Impossible(reason)) => {
                    let (cause, reason) = (reason.known_cause(), reason.told());
                    self.receipt.give_up_listing(Unlisted { subject, referrers, reason, cause });
                }
                Err(ListError::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn with_subjects(&self) -> BTreeMap<Digest, BTreeMap<Digest, Entry>> {
        let graph = self.run.source.graph();
        let mut by_subject: BTreeMap<Digest, BTreeMap<Digest, Entry>> = BTreeMap::new();
        for part in &self.parts {
            for raw in carried_below(graph, &part.sending.tree.digest) {
                if let Some(subject) = raw.subject() {
                    let entries = by_subject.entry(subject.digest).or_default();
                    entries.insert(raw.digest(), Entry::of(raw));
                }
            }
        }
        by_subject
    }

    /// Now that all is there: first the tags of what is attached, the image's own last. Each is looked at
    /// once more: since the push began, which may be hours ago, somebody else may have taken it.
    async fn move_tags(&mut self) -> Result<(), ImageError> {
        for part in self.parts.iter().rev().filter(|part| part.state == State::TagIsDue) {
            let tree = &part.sending.tree;
            if self.run.tags == TagMoves::Refuse && tree.is_tagged() {
                self.permitted(tree).await?;
            }
            part.sending.tag().await?;
            self.receipt.selected_children.extend(part.child.clone());
        }
        let ImageReceipt { children, selected_children, .. } = &mut self.receipt;
        selected_children.sort_by_key(|child| children.iter().position(|digest| *digest == child.digest));
        Ok(())
    }

    /// What is attached to a manifest that doesn't go can't be found at the target, and doesn't go either.
    fn tell_of_left_behind(&self, root: &Root, there: &[Digest]) {
        let graph = self.run.source.graph();
        let mut there: HashSet<Digest> = there.iter().copied().collect();
        let mut behind = 0_usize;
        for attached in &self.image.attached {
            if attached.subject.is_some_and(|subject| there.contains(&subject)) {
                there.insert(attached.digest);
            } else {
                behind += 1;
            }
        }
        let leaves = leaves(graph, root).into_iter();
        behind += leaves.filter(|leaf| leaf.carried.is_chosen() && !there.contains(&leaf.digest)).count();
        if behind > 0 {
            let message = format!(
                "{}: what is attached to manifests that are not pushed stays behind with them ({behind} of it)",
                self.image.source
            );
            self.run.observer.notice(Event::Warning { message });
        }
    }

    /// After a failure: the receipt says what the registry says. One that can't be reached isn't asked again,
    /// nor one that could not say it before.
    async fn ask_what_is_there(&mut self, error: &ImageError) {
        if error.concerns_all() || self.parts.is_empty() {
            return;
        }
        let (target, digest) = (&self.image.target, self.image.digest);
        let ask = async |selector: Selector| {
            standing(target.repository(), &selector, &digest, &self.run.transport).await
        };
        let by_digest = ask(Selector::Digest(digest)).await;
        self.receipt.digest_resolves = matches!(by_digest, Ok(Standing::Present));
        if let Selector::Tag(_) = target.selector() {
            self.receipt.tag_digest = match ask(target.selector()).await {
                Ok(Standing::Present) => Some(digest),
                Ok(Standing::Other(there)) => Some(there),
                Ok(Standing::Absent | Standing::Hidden(_)) | Err(_) => None,
            };
        }
    }
}

/// The manifests of a tree whose content the bundle has.
fn carried_below<'a>(graph: &'a Graph, digest: &Digest) -> impl Iterator<Item = &'a RawManifest> {
    let below = graph.below(digest).into_iter();
    below.filter(|entry| graph.carries(&entry.descriptor.digest)).filter_map(|entry| entry.raw.as_ref())
}
