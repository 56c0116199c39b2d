//! The plan carried out: all of it is looked at again, and the tags are asked for before each deletion.

use std::collections::HashSet;

use airlift_lists::prune_plan::PlannedDeletion;
use airlift_oci::{Digest, Repository, Selector, Tag};
use airlift_registry::{Error, Refusal, Transport};

use crate::contents::Contents;
use crate::error::PruneError;
use crate::stay::add_all_below;
use crate::tags;

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
    let listed = tags::list(transport, repository).await?;
    let found = tags::resolve(transport, repository, listed, requests).await?;
    let mut contents = Contents::new(transport, repository, found.clone(), requests);
    let is_planned = |tag: &Tag, digest: &Digest| {
        entries.iter().any(|entry| entry.digest == *digest && entry.tags.contains(tag))
    };
    let others = found.iter().filter(|(tag, digest)| !is_planned(tag, digest)).map(|(_, digest)| *digest);
    let moved = entries.iter().filter(|entry| change_in(entry, &found).is_some()).map(|entry| entry.digest);
    let mut stay = HashSet::new();
    add_all_below(&mut stay, others.chain(moved), &mut contents).await?;
    let mut rest = entries.iter();
    while let Some(entry) = rest.next() {
        let now = state_of(transport, entry, &found, requests).await?;
        let new_roots =
            now.iter().filter(|(tag, digest)| !is_planned(tag, digest)).map(|(_, digest)| *digest);
        let new_roots: Vec<Digest> = new_roots.filter(|digest| !stay.contains(digest)).collect();
        add_all_below(&mut stay, new_roots, &mut contents).await?;
        let change = change_in(entry, &now);
        let reason = match change.or_else(|| stay.contains(&entry.digest).then_some(LeftReason::Named)) {
            Some(reason) => reason,
            None => match transport.delete_manifest(repository, &Selector::Digest(entry.digest)).await {
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
        // What it names stays with it.
        add_all_below(&mut stay, [entry.digest], &mut contents).await?;
    }
    Ok(())
}

/// The entry's tags, and all tags that were not there before, as they are now.
async fn state_of(
    transport: &Transport,
    entry: &PlannedDeletion,
    before: &tags::Tags,
    requests: usize,
) -> Result<tags::Tags, PruneError> {
    let listed = tags::list(transport, &entry.repository).await?;
    let is_new = |tag: &Tag| !before.contains_key(tag);
    let was_on_it = |tag: &Tag| before.get(tag) == Some(&entry.digest);
    let asked = listed.into_iter().filter(|tag| is_new(tag) || was_on_it(tag) || entry.tags.contains(tag));
    tags::resolve(transport, &entry.repository, asked.collect(), requests).await
}

/// What is not as it was planned.
fn change_in(entry: &PlannedDeletion, tags: &tags::Tags) -> Option<LeftReason> {
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
