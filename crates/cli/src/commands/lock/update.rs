//! The lock after an update: what has to be asked is asked, and the rest stays.

use std::collections::HashMap;
use std::sync::Arc;

use airlift_lists::lock::{
    FetchedFrom, Lock, LockedPlatform, Lookup, ResolvedImage, Timestamp, WantedImage, entries_to_select,
    wanted_images,
};
use airlift_lists::{Entry, Wanted};
use airlift_oci::contents::PlatformContent;
use airlift_oci::{Limits, Observer, Pattern, SourceReference};
use airlift_packager::{
    Attempted, ImageRequest, LayoutLocation, LayoutPath, Location, LockedContent, PlanOptions, Resolution,
    Resolved, Source, SurveyedImage, resolve_each, survey,
};

use crate::failure::{Failure, ImageFailure, UsageError};
use crate::references::{AskedEntry, Wishes, chosen};
use crate::selection::select_tags;

/// How to update a lock.
pub(super) struct Update<'a> {
    /// The patterns of what is asked again; `None`: nothing; empty: everything.
    pub(super) named: Option<&'a [String]>,
    /// How many earlier digests an entry keeps.
    pub(super) history: usize,
    pub(super) at: Timestamp,
    pub(super) jobs: usize,
    pub(super) limits: Limits,
}

/// Which entries are asked again.
struct Named {
    patterns: Vec<(String, Pattern)>,
    all: bool,
}

impl Named {
    fn new(named: Option<&[String]>) -> Self {
        let texts = named.unwrap_or_default().iter();
        Named {
            patterns: texts.map(|text| (text.clone(), Pattern::new(text))).collect(),
            all: named.is_some_and(<[String]>::is_empty),
        }
    }

    fn names(&self, name: &str) -> bool {
        self.all || self.patterns.iter().any(|(_, pattern)| pattern.fits(name))
    }

    /// Refuses patterns that name nothing of the list.
    fn check(&self, wanted: &[WantedImage]) -> Result<(), UsageError> {
        let names: Vec<String> = wanted.iter().map(|wish| wish.reference.to_string()).collect();
        let unused = self.patterns.iter().find(|(_, pattern)| !names.iter().any(|name| pattern.fits(name)));
        unused.map_or(Ok(()), |(text, _)| Err(UsageError::NothingToUpdate(text.clone())))
    }
}

/// The lock of what is wanted.
pub(super) async fn updated(
    wishes: &Wishes,
    old: &Lock,
    update: &Update<'_>,
    source: &Arc<Source>,
    observer: &dyn Observer,
) -> Result<Lock, Failure> {
    let named = Named::new(update.named);
    let entries = entries_of(wishes, &named);
    let open = entries_to_select(&entries, old, |name| named.names(name));
    let (selected, failed) = select_tags(&wishes.entries, &open, source, update.jobs).await;
    let mut failed: Vec<ImageFailure> = failed.into_iter().map(ImageFailure::from).collect();
    let wanted = wanted_images(&entries, old, &selected).map_err(|twice| wishes.asked_twice(twice))?;
    named.check(&wanted)?;
    let places = wishes.places();
    let requests: Vec<(ImageRequest, &WantedImage)> =
        wanted.iter().filter_map(|wish| Some((request(wish, old, &named, &places)?, wish))).collect();
    let answers = answers(&requests, update, source, observer, &mut failed).await;
    Failure::of_images(failed)?;
    let new = old.update(&wanted, answers, update.at, update.history);
    new.map_err(|twice| UsageError::LockedTwice(twice).into())
}

/// The entries. Those of a lock want its digests, unless they are named for an update.
fn entries_of(wishes: &Wishes, named: &Named) -> Vec<Entry> {
    let entry = |asked: &AskedEntry| match (&asked.locked, &asked.entry.wanted) {
        (Some(locked), Wanted::Image(SourceReference::Registry(reference)))
            if !named.names(&locked.reference.to_string()) =>
        {
            let pinned = SourceReference::Registry(reference.clone().with_digest(locked.digest));
            Entry { wanted: Wanted::Image(pinned), ..asked.entry.clone() }
        }
        _ => asked.entry.clone(),
    };
    wishes.entries.iter().map(entry).collect()
}

/// What to ask for an image; `None` if the lock has it all.
fn request(
    wish: &WantedImage,
    old: &Lock,
    named: &Named,
    places: &HashMap<String, String>,
) -> Option<ImageRequest> {
    let lookup = wish.lookup(old, |name| named.names(name));
    let locked = match lookup {
        Lookup::Nothing => return None,
        Lookup::Sizes(digest) => old.find(&wish.reference).map(|image| LockedContent {
            digest,
            media_type: image.media_type.clone(),
            size: None,
        }),
        Lookup::Reference => None,
    };
    let source = match (&wish.reference, wish.digest) {
        (SourceReference::Registry(reference), Some(digest)) => {
            SourceReference::Registry(reference.clone().with_digest(digest))
        }
        (source, _) => source.clone(),
    };
    let place = places.get(&wish.reference.to_string()).cloned();
    Some(ImageRequest { source, locked, choice: chosen(&wish.choice), place })
}

/// What registries say of the images.
async fn answers(
    requests: &[(ImageRequest, &WantedImage)],
    update: &Update<'_>,
    source: &Arc<Source>,
    observer: &dyn Observer,
    failed: &mut Vec<ImageFailure>,
) -> Vec<ResolvedImage> {
    let asked: Vec<ImageRequest> = requests.iter().map(|(request, _)| request.clone()).collect();
    let Resolution { images, failed: unresolved } = resolve_each(source, &asked, update.jobs, observer).await;
    failed.extend(unresolved.into_iter().map(ImageFailure::from));
    let options = PlanOptions { jobs: update.jobs, limits: update.limits, ..PlanOptions::default() };
    let Attempted { done, images, failed: unplanned } = survey(source, images, &options, observer).await;
    failed.extend(unplanned.into_iter().map(|(error, _)| ImageFailure::from(error)));
    let surveyed = done.unwrap_or_default();
    let mut by_name: HashMap<String, (SurveyedImage, &Resolved)> =
        surveyed.into_iter().zip(&images).map(|(one, image)| (one.reference.clone(), (one, image))).collect();
    let answer = |(_, wish): &(ImageRequest, &WantedImage)| {
        let (image, resolved) = by_name.remove(&wish.reference.to_string())?;
        Some(answer(wish, image, resolved))
    };
    requests.iter().filter_map(answer).collect()
}

fn answer(wish: &WantedImage, image: SurveyedImage, resolved: &Resolved) -> ResolvedImage {
    let locked = |PlatformContent { platform, digest, size }: PlatformContent| LockedPlatform {
        platform,
        digest,
        size,
    };
    let from = match &resolved.fetched_from {
        Location::Registry(place) if resolved.fetched_from != resolved.location => {
            Some(FetchedFrom::Mirror(place.clone()))
        }
        Location::Registry(_) => None,
        Location::Layout(LayoutLocation { layout: LayoutPath { form, path }, .. }) => {
            Some(FetchedFrom::Layout { form: *form, path: path.clone() })
        }
    };
    ResolvedImage {
        reference: wish.reference.clone(),
        digest: image.digest,
        media_type: image.media_type,
        size: image.size,
        platforms: image.platforms.into_iter().map(locked).collect(),
        from,
    }
}
