//! The plan carried out: all of it is looked at again, and the tags are asked for before each deletion.

use std::collections::HashSet;

use airlift_lists::prune_plan::PlannedDeletion;
use airlift_oci::{Digest, Repository, Selector, Tag};
use airlift_registry::{Error, Refusal, Transport};

use crate::contents::Contents;
use crate::error::PruneError;
use crate::stay::add_all_below;
use crate::tags::{self, Tags};

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// What is gone now.
    pub deleted: Vec<PlannedDeletion>,
    /// What was left alone.
    pub left: Vec<Left>,
    /// Set if the registry deletes nothing at all: its answer. Nothing else was tried then.
    pub disabled: Option<Box<Refusal>>,
}

/// A manifest that was left alone.
#[derive(Debug)]
pub struct Left {
    /// What was planned.
    pub planned: PlannedDeletion,
    /// Why it is still there.
    pub reason: LeftReason,
}

/// Why a manifest was left alone.
#[derive(Debug, thiserror::Error)]
pub enum LeftReason {
    /// A tag of it stands for something else now.
    #[error("its tag {tag} stands for {now} now")]
    Moved {
        /// The tag.
        tag: Tag,
        /// What it stands for.
        now: Digest,
    },
    /// A tag that is not in the plan stands for it.
    #[error("the tag {0} stands for it, and is not in the plan")]
    NewTag(Tag),
    /// Something that stays names it.
    #[error("an index that stays names it, or it is attached to something that stays")]
    Named,
    /// Its repository can't be looked at.
    #[error("its repository can't be looked at")]
    Unknown,
    /// The registry didn't delete it.
    #[error("the registry didn't delete it")]
    Refused(#[source] Error),
    /// The state of its tags could not be asked for.
    #[error(transparent)]
    Failed(PruneError),
    /// Deletion is switched off.
    #[error("nothing is deleted at this registry")]
    Disabled,
}

/// Carries out a plan, repository by repository.
pub async fn apply(transport: &Transport, planned: &[PlannedDeletion], requests: usize) -> Applied {
    let mut applied = Applied::default();
    let mut repositories: Vec<&Repository> = Vec::new();
    let mut met = HashSet::new();
    repositories.extend(planned.iter().map(|one| &one.repository).filter(|one| met.insert((*one).clone())));
    for repository in repositories {
        let entries: Vec<&PlannedDeletion> =
            planned.iter().filter(|one| one.repository == *repository).collect();
        if applied.disabled.is_some() {
            applied.leave(&entries, |_| LeftReason::Disabled);
            continue;
        }
        if let Err(error) = in_repository(transport, repository, &entries, requests, &mut applied).await {
            let mut error = Some(error);
            let done: HashSet<Digest> = applied.in_repository(repository);
            let rest: Vec<_> = entries.into_iter().filter(|one| !done.contains(&one.digest)).collect();
            applied.leave(&rest, |_| error.take().map_or(LeftReason::Unknown, LeftReason::Failed));
        }
    }
    applied
}

impl Applied {
    fn leave(
        &mut self,
        entries: &[&PlannedDeletion],
        mut reason: impl FnMut(&PlannedDeletion) -> LeftReason,
    ) {
        for planned in entries {
            self.left.push(Left { reason: reason(planned), planned: (*planned).clone() });
        }
    }

    /// What is settled of a repository.
    fn in_repository(&self, repository: &Repository) -> HashSet<Digest> {
        let left = self.left.iter().map(|left| &left.planned);
        let settled = self.deleted.iter().chain(left).filter(|one| one.repository == *repository);
        settled.map(|one| one.digest).collect()
    }
}

/// Deletes what may go of one repository.
///
/// # Errors
/// If something can't be looked at: then nothing else is deleted there.
async fn in_repository(
    transport: &Transport,
    repository: &Repository,
    entries: &[&PlannedDeletion],
    requests: usize,
    applied: &mut Applied,
) -> Result<(), PruneError> {
    let mut deletions = Deletions::prepare(transport, repository, entries, requests).await?;
    let mut rest = entries.iter();
    while let Some(entry) = rest.next() {
        let reason = match deletions.reason_to_leave(entry).await? {
            Some(reason) => reason,
            None => match deletions.delete(entry).await {
                Ok(()) => {
                    applied.deleted.push((*entry).clone());
                    continue;
                }
                Err(error) => match disabled(&error) {
                    Some(refusal) => {
                        applied.disabled = Some(Box::new(refusal));
                        applied.leave(&[entry], |_| LeftReason::Disabled);
                        applied.leave(&rest.copied().collect::<Vec<_>>(), |_| LeftReason::Disabled);
                        return Ok(());
                    }
                    None => LeftReason::Refused(error),
                },
            },
        };
        let mut reason = Some(reason);
        applied.leave(&[entry], |_| reason.take().unwrap_or(LeftReason::Named));
        deletions.keep(entry.digest).await?;
    }
    Ok(())
}

/// The deletions in one repository.
struct Deletions<'a> {
    entries: &'a [&'a PlannedDeletion],
    /// What all tags stood for before the first deletion.
    before: Tags,
    contents: Contents<'a>,
    stay: HashSet<Digest>,
    gone: HashSet<Digest>,
}

impl<'a> Deletions<'a> {
    /// Looks at all of the repository.
    ///
    /// # Errors
    /// If something can't be looked at.
    async fn prepare(
        transport: &'a Transport,
        repository: &'a Repository,
        entries: &'a [&'a PlannedDeletion],
        requests: usize,
    ) -> Result<Self, PruneError> {
        let known = entries.iter().flat_map(|entry| &entry.tags);
        let listed = tags::list(transport, repository, known, requests).await?;
        let before = tags::resolve(transport, repository, listed, requests).await?;
        let contents = Contents::new(transport, repository, before.clone(), requests);
        let (stay, gone) = (HashSet::new(), HashSet::new());
        let mut deletions = Deletions { entries, before, contents, stay, gone };
        let others = deletions.not_planned(&deletions.before);
        let changed = entries.iter().filter(|entry| change_in(entry, &deletions.before).is_some());
        let first: Vec<Digest> = others.into_iter().chain(changed.map(|entry| entry.digest)).collect();
        add_all_below(&mut deletions.stay, first, &mut deletions.contents).await?;
        Ok(deletions)
    }

    /// What those of these tags stand for that the plan doesn't have.
    fn not_planned(&self, tags: &Tags) -> Vec<Digest> {
        let is_planned = |tag: &Tag, digest: &Digest| {
            self.entries.iter().any(|entry| entry.digest == *digest && entry.tags.contains(tag))
        };
        let others = tags.iter().filter(|(tag, digest)| !is_planned(tag, digest));
        others.map(|(_, digest)| *digest).collect()
    }

    /// Asks for the tags once more.
    ///
    /// # Errors
    /// If something can't be looked at.
    async fn reason_to_leave(&mut self, entry: &PlannedDeletion) -> Result<Option<LeftReason>, PruneError> {
        let now = self.state_of(entry).await?;
        self.contents.tags.extend(now.clone());
        let mut new_roots = self.not_planned(&now);
        new_roots.retain(|digest| !self.stay.contains(digest));
        add_all_below(&mut self.stay, new_roots, &mut self.contents).await?;
        let is_named = self.stay.contains(&entry.digest);
        Ok(change_in(entry, &now).or_else(|| is_named.then_some(LeftReason::Named)))
    }

    /// The entry's tags, and all tags that were not there before, as they are now.
    async fn state_of(&self, entry: &PlannedDeletion) -> Result<Tags, PruneError> {
        let Contents { transport, repository, requests, .. } = self.contents;
        let stayed = self.before.iter().filter(|(_, digest)| !self.gone.contains(digest));
        let known = stayed.map(|(tag, _)| tag).chain(&entry.tags);
        let listed = tags::list(transport, repository, known, requests).await?;
        let is_asked = |tag: &Tag| match self.before.get(tag) {
            None => true,
            Some(digest) => *digest == entry.digest || entry.tags.contains(tag),
        };
        tags::resolve(transport, repository, listed.into_iter().filter(is_asked), requests).await
    }

    async fn delete(&mut self, entry: &PlannedDeletion) -> Result<(), Error> {
        let Contents { transport, repository, .. } = self.contents;
        transport.delete_manifest(repository, &Selector::Digest(entry.digest)).await?;
        self.gone.insert(entry.digest);
        Ok(())
    }

    /// What a manifest names stays with it.
    async fn keep(&mut self, digest: Digest) -> Result<(), PruneError> {
        add_all_below(&mut self.stay, [digest], &mut self.contents).await
    }
}

/// What is not as it was planned.
fn change_in(entry: &PlannedDeletion, tags: &Tags) -> Option<LeftReason> {
    let moved = entry.tags.iter().find_map(|tag| {
        let now = *tags.get(tag).filter(|now| **now != entry.digest)?;
        Some(LeftReason::Moved { tag: tag.clone(), now })
    });
    let mut on_it = tags.iter().filter(|(_, digest)| **digest == entry.digest).map(|(tag, _)| tag);
    moved.or_else(|| on_it.find(|tag| !entry.tags.contains(tag)).cloned().map(LeftReason::NewTag))
}

/// The answer of a registry where deletion is switched off.
fn disabled(error: &Error) -> Option<Refusal> {
    let refusal = error.refusal()?;
    let is_disabled = matches!(refusal.status, 405 | 501) || refusal.has("UNSUPPORTED");
    is_disabled.then(|| refusal.clone())
}
