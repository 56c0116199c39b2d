//! The tags that a push would write, and those that it may not.

use std::collections::HashMap;

use airlift_oci::{Digest, Selector, Tag};
use airlift_registry::{Error, Transport};
use futures::StreamExt;

use crate::children::children_of;
use crate::plan::{Options, Partial, PlannedImage, PushPlan, TagMoves};
use crate::push::PushError;
use crate::source::ContentSource;
use crate::sparse::Route;
use crate::survey::{Standing, standing};

/// A tag at the target that stands for something else than the bundle's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenTag {
    /// The tag.
    pub target: String,
    /// What it stands for.
    pub there: Digest,
    /// What the bundle has.
    pub ours: Digest,
}

/// All of them in one line.
pub(crate) fn taken(tags: &[TakenTag]) -> String {
    let told: Vec<String> = tags
        .iter()
        .map(|tag| format!("{} is {} at the target and {} in the bundle", tag.target, tag.there, tag.ours))
        .collect();
    told.join("; ")
}

/// A tag at the target that two manifests of the bundle would get: one of them would be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedTag {
    /// The tag.
    pub target: String,
    /// The image that one of them is, or goes with, and its digest.
    pub first: (String, Digest),
    /// The same of the other.
    pub second: (String, Digest),
}

/// All of them in one line.
pub(crate) fn claimed(tags: &[SharedTag]) -> String {
    let told = tags.iter().map(|SharedTag { target, first, second }| {
        format!("{target} would be {} of {} and {} of {}", first.1, first.0, second.1, second.0)
    });
    told.collect::<Vec<_>>().join("; ")
}

/// The tags beside an image's own: those of platforms that go without their index, and those of what is
/// attached.
fn tags_beside(source: &dyn ContentSource, image: &PlannedImage, route: Route) -> Vec<(Tag, Digest)> {
    let Some(root) = source.graph().roots.get(image.root) else { return Vec::new() };
    let children = (route == Route::Children).then(|| children_of(source, image, root));
    let children = children.into_iter().flatten().map(|child| (child.selector, child.digest));
    let attached = image.attached.iter().map(|found| (found.tree.selector.clone(), found.digest));
    let tagged = children.chain(attached).filter_map(|(selector, digest)| match selector {
        Selector::Tag(tag) => Some((tag, digest)),
        Selector::Digest(_) => None,
    });
    tagged.collect()
}

/// Refuses tags that two different manifests of the bundle would get: the one that is sent last would take it
/// from the other. Such are cosign's, where one image comes from two registries with a signature at each.
pub(crate) fn refuse_shared_tags(
    source: &dyn ContentSource,
    plan: &PushPlan,
    routes: &[Route],
) -> Result<(), PushError> {
    let mut claims: HashMap<String, (String, Digest)> = HashMap::new();
    let mut shared: Vec<SharedTag> = Vec::new();
    for (image, route) in plan.images.iter().zip(routes) {
        let own = (*route == Route::Whole).then(|| image.target.tag()?.parse::<Tag>().ok()).flatten();
        let tags = own.map(|tag| (tag, image.digest)).into_iter();
        for (tag, digest) in tags.chain(tags_beside(source, image, *route)) {
            let target = format!("{}:{tag}", image.target.repository());
            let claim = (image.source.clone(), digest);
            let first = claims.entry(target.clone()).or_insert_with(|| claim.clone());
            if first.1 != digest && !shared.iter().any(|known| known.target == target) {
                shared.push(SharedTag { target, first: first.clone(), second: claim });
            }
        }
    }
    if shared.is_empty() { Ok(()) } else { Err(PushError::TagsShared(shared)) }
}

/// Refuses tags that stand for something else. As long as the routes are open, an image that may go without
/// its index is not counted: its tag would not be touched.
pub(crate) fn refuse_taken_tags(
    plan: &PushPlan,
    standings: &[Result<Standing, Error>],
    options: &Options,
    routes: Option<&[Route]>,
) -> Result<(), PushError> {
    if options.tags == TagMoves::Allow {
        return Ok(());
    }
    let mut taken = Vec::new();
    for (position, (image, standing)) in plan.images.iter().zip(standings).enumerate() {
        let may_stay = match routes {
            None => options.partial == Partial::Children && !image.omitted.is_empty(),
            Some(routes) => routes.get(position) == Some(&Route::Children),
        };
        if let Ok(Standing::Other(there)) = standing
            && !may_stay
        {
            taken.push(TakenTag { target: image.target.to_string(), there: *there, ours: image.digest });
        }
    }
    if taken.is_empty() { Ok(()) } else { Err(PushError::TagsTaken(taken)) }
}

/// A tag beside the images' own, as it stands at the target.
pub(crate) struct Beside {
    target: String,
    ours: Digest,
    standing: Result<Standing, Error>,
}

/// Looks at the tags beside the images' own: those of platforms that go without their index, and cosign's.
pub(crate) async fn look_beside(
    source: &dyn ContentSource,
    plan: &PushPlan,
    transport: &Transport,
    routes: &[Route],
    options: &Options,
) -> Vec<Beside> {
    let mut looks = Vec::new();
    for (image, route) in plan.images.iter().zip(routes).filter(|_| options.tags == TagMoves::Refuse) {
        let repository = image.target.repository();
        looks.extend(tags_beside(source, image, *route).into_iter().map(|(tag, ours)| async move {
            let (target, selector) = (format!("{repository}:{tag}"), Selector::Tag(tag));
            let standing = standing(repository, &selector, &ours, transport).await;
            Beside { target, ours, standing }
        }));
    }
    futures::stream::iter(looks).buffered(options.jobs.max(1)).collect().await
}

/// Refuses such tags that stand for something else. What can't be looked at fails with its image.
pub(crate) fn refuse_taken_beside(tags: &[Beside]) -> Result<(), PushError> {
    let taken = tags.iter().filter_map(|Beside { target, ours, standing }| match standing {
        Ok(Standing::Other(there)) => Some(TakenTag { target: target.clone(), there: *there, ours: *ours }),
        _ => None,
    });
    let taken: Vec<TakenTag> = taken.collect();
    if taken.is_empty() { Ok(()) } else { Err(PushError::TagsTaken(taken)) }
}

/// Such a tag of which nothing can be known: its image would be refused.
pub(crate) fn hidden_beside(tags: Vec<Beside>) -> Option<PushError> {
    tags.into_iter().find_map(|Beside { target, standing, .. }| match standing {
        Ok(Standing::Hidden(refusal)) => Some(PushError::TagHidden { target, source: Error::from(*refusal) }),
        _ => None,
    })
}
