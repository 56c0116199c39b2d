//! The plan: what of old images may go.

use std::collections::{BTreeMap, HashMap, HashSet};

use airlift_lists::prune_plan::PlannedDeletion;
use airlift_oci::{Digest, Repository, Tag};
use airlift_registry::Transport;

use crate::attached_tags::attached_tags;
use crate::contents::{Contents, is_about};
use crate::error::PruneError;
use crate::going::Going;
use crate::order::{parents, parents_first};
use crate::stay::add_all_below;
use crate::tags::{self, Tags};
use crate::types::{Kept, OldImage, StayReason, Staying};

/// What came of planning.
#[derive(Debug, Default)]
pub struct Planned {
    /// What may go, indexes before what they list.
    pub deletions: Vec<PlannedDeletion>,
    /// Old images that are there and stay.
    pub staying: Vec<Staying>,
    /// Whether anything of the old images is there.
    pub found: bool,
    /// Repositories of which nothing is planned.
    pub failed: Vec<PruneError>,
}

/// Plans what of the old images is deleted. Nothing is changed at the registry.
pub async fn plan(transport: &Transport, old: &[OldImage], kept: &Kept, requests: usize) -> Planned {
    let mut by_repository: BTreeMap<String, (&Repository, Vec<&OldImage>)> = BTreeMap::new();
    for image in old {
        let group = by_repository.entry(image.repository.to_string());
        group.or_insert((&image.repository, Vec::new())).1.push(image);
    }
    let mut planned = Planned::default();
    for (repository, old) in by_repository.into_values() {
        let one = OneRepository { transport, repository, old: &old, kept };
        match one.plan(requests).await {
            Ok(one) => {
                planned.deletions.extend(one.deletions);
                planned.staying.extend(one.staying);
                planned.found |= one.found;
            }
            Err(error) => planned.failed.push(error),
        }
    }
    planned
}

struct OneRepository<'a> {
    transport: &'a Transport,
    repository: &'a Repository,
    old: &'a [&'a OldImage],
    kept: &'a Kept,
}

impl OneRepository<'_> {
    async fn plan(&self, requests: usize) -> Result<Planned, PruneError> {
        let listed = tags::list(self.transport, self.repository, self.known_tags(), requests).await?;
        let tags = tags::resolve(self.transport, self.repository, listed, requests).await?;
        let mut contents = Contents::new(self.transport, self.repository, tags.clone(), requests);
        let roots = self.candidates();
        let going = Going::from(&roots, &mut contents).await?;
        let chosen = self.chosen(&roots, &going, &mut contents).await?;
        let order = parents_first(&going.order, &chosen, &going.children);
        let (listed_by, attached_to) = (parents(&order, &going.children), parents(&order, &going.attached));
        let parents = |of: &HashMap<Digest, Vec<Digest>>, digest| of.get(digest).cloned().unwrap_or_default();
        let deletions = order.iter().map(|digest| PlannedDeletion {
            repository: self.repository.clone(),
            digest: *digest,
            tags: tags.iter().filter(|(_, found)| *found == digest).map(|(tag, _)| tag.clone()).collect(),
            listed_by: Some(parents(&listed_by, digest)),
            attached_to: parents(&attached_to, digest),
        });
        Ok(Planned {
            deletions: deletions.collect(),
            staying: self.staying(&tags, &going, &chosen),
            found: !going.order.is_empty(),
            failed: Vec::new(),
        })
    }

    /// What goes: all that is reached from the old images, without what stays.
    async fn chosen(
        &self,
        roots: &[Digest],
        going: &Going,
        contents: &mut Contents<'_>,
    ) -> Result<HashSet<Digest>, PruneError> {
        // Tags of what is attached to something that may go: they go with it, unless it stays.
        let of_going = attached_tags(&going.order, contents).await?;
        let is_attached = |tag: &Tag| !self.is_kept_tag(tag) && of_going.contains(tag);
        let (attached, others): (Tags, Tags) =
            contents.tags.clone().into_iter().partition(|(tag, _)| is_attached(tag));
        let others = others.into_iter().filter(|(tag, digest)| !self.is_old(tag, digest));
        let mut stay = self.kept.digests.clone();
        add_all_below(&mut stay, others.map(|(_, digest)| digest), contents).await?;
        if going.without(roots, &stay).is_empty() {
            return Ok(HashSet::new());
        }
        // Last, because most of what is kept is in other repositories: each is asked for here.
        add_all_below(&mut stay, self.kept.digests.iter().copied(), contents).await?;
        loop {
            let chosen = going.without(roots, &stay);
            let is_gone = |tag: &Tag| chosen.iter().any(|digest| is_about(tag.as_str(), digest));
            let stays = |(tag, digest): &(&Tag, &Digest)| !is_gone(tag) && !stay.contains(*digest);
            let more: Vec<Digest> = attached.iter().filter(stays).map(|(_, digest)| *digest).collect();
            if more.is_empty() {
                return Ok(chosen);
            }
            add_all_below(&mut stay, more, contents).await?;
        }
    }

    /// Tags that are there as far as anyone knows: those of what is kept, and of the old images.
    fn known_tags(&self) -> impl Iterator<Item = &Tag> {
        let kept = self.kept.tags.iter().filter(|(repository, _)| repository == self.repository);
        kept.map(|(_, tag)| tag).chain(self.old.iter().filter_map(|image| image.tag.as_ref()))
    }

    /// The manifests of old images that nothing keeps by their digests.
    fn candidates(&self) -> Vec<Digest> {
        let all = self.old.iter().map(|image| &image.digest);
        all.chain(self.old.iter().flat_map(|image| &image.below)).copied().collect()
    }

    /// Whether this tag was given to an old image, and still stands for it.
    fn is_old(&self, tag: &Tag, digest: &Digest) -> bool {
        let is_it = |image: &&&OldImage| image.tag.as_ref() == Some(tag) && image.digest == *digest;
        self.old.iter().any(|image| is_it(&image)) && !self.is_kept_tag(tag)
    }

    fn is_kept_tag(&self, tag: &Tag) -> bool {
        self.kept.tags.contains(&(self.repository.clone(), tag.clone()))
    }

    /// The old images that are there, and stay.
    fn staying(&self, tags: &Tags, going: &Going, chosen: &HashSet<Digest>) -> Vec<Staying> {
        let mut met = HashSet::new();
        let is_there = |digest: &Digest| going.children.contains_key(digest) && !chosen.contains(digest);
        let images = self.old.iter().filter(|image| is_there(&image.digest));
        let mut digests: Vec<Digest> = images.map(|image| image.digest).collect();
        digests.retain(|digest| met.insert(*digest));
        let reason = |digest: &Digest| {
            let mut others = tags.iter().filter(|(tag, found)| *found == digest && !self.is_old(tag, found));
            match others.next() {
                _ if self.kept.digests.contains(digest) => StayReason::Kept,
                Some((tag, _)) => StayReason::Tag(tag.clone()),
                None => StayReason::Named,
            }
        };
        let staying = digests.into_iter().map(|digest| {
            let reason = reason(&digest);
            Staying { repository: self.repository.clone(), digest, reason }
        });
        staying.collect()
    }
}
