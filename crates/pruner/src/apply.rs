//! The plan carried out: all of it is looked at again, and the tags are asked for before each deletion.

use std::collections::{BTreeSet, HashMap, HashSet};

use airlift_lists::prune_plan::PlannedDeletion;
use airlift_oci::{Digest, Repository, Selector, Tag};
use airlift_registry::{Access, HeadTrust, Lookup, Refusal, Transport};

use crate::applied::{Applied, LeftReason};
use crate::contents::Contents;
use crate::error::PruneError;
use crate::order::parents_first;
use crate::stay::add_all_below;
use crate::tags::{self, Tags};

/// Carries out a plan, repository by repository. `gone` is called for each manifest that is gone then.
pub async fn apply(
    transport: &Transport,
    planned: &[PlannedDeletion],
    requests: usize,
    mut gone: impl FnMut(&PlannedDeletion),
) -> Applied {
    let mut applied = Applied::default();
    let mut repositories: Vec<&Repository> = Vec::new();
    let mut met = HashSet::new();
    repositories.extend(planned.iter().map(|one| &one.repository).filter(|one| met.insert((*one).clone())));
    for repository in repositories {
        let entries = indexes_first(planned.iter().filter(|one| one.repository == *repository).collect());
        if applied.disabled.is_some() {
            applied.leave(&entries, |_| LeftReason::Disabled);
            continue;
        }
        let carried_out = async {
            let mut deletions = Deletions::prepare(transport, repository, &entries, requests).await?;
            deletions.carry_out(&mut applied, &mut gone).await
        };
        if let Err(error) = carried_out.await {
            let mut error = Some(error);
            let done: HashSet<Digest> = applied.in_repository(repository);
            let rest: Vec<_> = entries.into_iter().filter(|one| !done.contains(&one.digest)).collect();
            applied.leave(&rest, |_| error.take().map_or(LeftReason::Unknown, LeftReason::Failed));
        }
    }
    applied
}

/// The deletions in one repository.
struct Deletions<'a> {
    entries: &'a [&'a PlannedDeletion],
    /// What all tags stood for before the first deletion.
    before: Tags,
    contents: Contents<'a>,
    stay: HashSet<Digest>,
    /// Manifests of which no one can say what lists them.
    unlisted: HashSet<Digest>,
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
        let (stay, unlisted, gone) = Default::default();
        let mut deletions = Deletions { entries, before, contents, stay, unlisted, gone };
        let others = deletions.not_planned(&deletions.before);
        let changed = entries.iter().filter(|entry| change_in(entry, &deletions.before).is_some());
        let mut first: Vec<Digest> = others.into_iter().chain(changed.map(|entry| entry.digest)).collect();
        first.extend(deletions.taken_out().await?);
        add_all_below(&mut deletions.stay, first, &mut deletions.contents).await?;
        deletions.unlisted = deletions.find_unlisted().await?;
        Ok(deletions)
    }

    /// Deletes what may go.
    ///
    /// # Errors
    /// If something can't be looked at: then nothing else is deleted here.
    async fn carry_out(
        &mut self,
        applied: &mut Applied,
        gone: &mut impl FnMut(&PlannedDeletion),
    ) -> Result<(), PruneError> {
        let mut rest = self.entries.iter();
        while let Some(entry) = rest.next() {
            let reason = match self.reason_to_leave(entry).await? {
                Some(reason) => reason,
                None => match self.delete(entry).await {
                    Ok(()) => {
                        gone(entry);
                        applied.deleted.push((*entry).clone());
                        continue;
                    }
                    Err(reason) => reason,
                },
            };
            if let Some(refusal) = disabled(&reason) {
                applied.disabled = Some(Box::new(refusal));
                applied.leave(&[entry], |_| LeftReason::Disabled);
                applied.leave(&rest.copied().collect::<Vec<_>>(), |_| LeftReason::Disabled);
                return Ok(());
            }
            let mut reason = Some(reason);
            applied.leave(&[entry], |_| reason.take().unwrap_or(LeftReason::Named));
            // What it names stays with it.
            add_all_below(&mut self.stay, [entry.digest], &mut self.contents).await?;
        }
        Ok(())
    }

    /// What was taken out of the plan, as far as something else in it hangs on it, and is there.
    async fn taken_out(&mut self) -> Result<Vec<Digest>, PruneError> {
        let planned: HashSet<Digest> = self.entries.iter().map(|entry| entry.digest).collect();
        let parents =
            self.entries.iter().flat_map(|entry| entry.listed_by.iter().flatten().chain(&entry.attached_to));
        let parents: BTreeSet<Digest> = parents.filter(|digest| !planned.contains(digest)).copied().collect();
        let names = self.contents.names(&parents.into_iter().collect::<Vec<_>>()).await?;
        Ok(names.into_iter().filter(|(_, names)| names.is_there).map(|(digest, _)| digest).collect())
    }

    /// Manifests without a tag of which the plan doesn't say what lists them, unless an index of the plan
    /// does. The index may have been taken out, and no registry says what lists a manifest.
    async fn find_unlisted(&mut self) -> Result<HashSet<Digest>, PruneError> {
        let is_unsaid = |entry: &&&PlannedDeletion| entry.listed_by.is_none() && entry.tags.is_empty();
        let unsaid: Vec<Digest> = self.entries.iter().filter(is_unsaid).map(|entry| entry.digest).collect();
        if unsaid.is_empty() {
            return Ok(HashSet::new());
        }
        let all: Vec<Digest> = self.entries.iter().map(|entry| entry.digest).collect();
        let names = self.contents.names(&all).await?;
        let below = names.iter().flat_map(|(_, names)| names.children.iter().chain(&names.attached));
        let below: HashSet<Digest> = below.copied().collect();
        let leaves = names.iter().filter(|(_, names)| names.is_there && !names.is_index);
        let leaves: HashSet<Digest> = leaves.map(|(digest, _)| *digest).collect();
        Ok(unsaid.into_iter().filter(|digest| leaves.contains(digest) && !below.contains(digest)).collect())
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
        let is_unlisted = self.unlisted.contains(&entry.digest);
        let change = change_in(entry, &now).or_else(|| is_named.then_some(LeftReason::Named));
        Ok(change.or_else(|| is_unlisted.then_some(LeftReason::Unlisted)))
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

    /// Deletes a manifest, and looks if it is gone: some registries accept a deletion and do nothing.
    async fn delete(&mut self, entry: &PlannedDeletion) -> Result<(), LeftReason> {
        let Contents { transport, repository, .. } = self.contents;
        let selector = Selector::Digest(entry.digest);
        transport.delete_manifest(repository, &selector).await.map_err(LeftReason::Refused)?;
        let mut patience = transport.wait_for_visibility(format!("{repository}@{}", entry.digest));
        loop {
            let found = transport.look_up(repository, &selector, Access::Push, HeadTrust::IfFound).await;
            match found.map_err(LeftReason::Unproven)? {
                Lookup::There(_) if patience.wait("it was deleted, and still shows").await => {}
                Lookup::There(_) => return Err(LeftReason::StillThere),
                // Some registries refuse to show what is absent.
                Lookup::Absent | Lookup::Hidden(_) => break,
            }
        }
        self.gone.insert(entry.digest);
        Ok(())
    }
}

/// These entries, an index before what it lists, as far as the plan says that: its lines may have been
/// sorted by hand.
fn indexes_first(entries: Vec<&PlannedDeletion>) -> Vec<&PlannedDeletion> {
    let mut children: HashMap<Digest, Vec<Digest>> = HashMap::new();
    for entry in &entries {
        for parent in entry.listed_by.iter().flatten().chain(&entry.attached_to) {
            children.entry(*parent).or_default().push(entry.digest);
        }
    }
    let all: Vec<Digest> = entries.iter().map(|entry| entry.digest).collect();
    let order = parents_first(&all, &all.iter().copied().collect(), &children);
    let position: HashMap<Digest, usize> = order.into_iter().zip(0..).collect();
    let mut entries = entries;
    entries.sort_by_key(|entry| position.get(&entry.digest).copied().unwrap_or(usize::MAX));
    entries
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
fn disabled(reason: &LeftReason) -> Option<Refusal> {
    let LeftReason::Refused(error) = reason else { return None };
    let refusal = error.refusal()?;
    let is_disabled = matches!(refusal.status, 405 | 501) || refusal.has("UNSUPPORTED");
    is_disabled.then(|| refusal.clone())
}
