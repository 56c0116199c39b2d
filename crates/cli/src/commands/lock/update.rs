//! The lock after an update: what has to be asked is asked, and the rest stays.

use std::collections::HashMap;
use std::sync::Arc;

use airlift_lists::lock::{
    AnsweredImage, FetchedFrom, Lock, LockedImage, Lookup, WantedImage, entries_to_select, wanted_images,
};
use airlift_lists::{Entry, Timestamp, Wanted};
use airlift_oci::{LayoutReference, Limits, Observer, Pattern, SourceReference};
use airlift_packager::{
    Attempted, ImageRequest, LockedContent, PlanOptions, Resolution, Source, resolve_each, survey,
};

use crate::asked::selection::{select_layouts, select_tags};
use crate::asked::wishes::{Wishes, chosen};
use crate::failure::{Failure, ImageFailure};
use crate::locks::answers::answer;
use crate::locks::names::in_layout;
use crate::usage_error::UsageError;

/// How to update a lock.
pub(super) struct Update<'a> {
    /// The patterns of what is asked again; `None`: nothing; empty: everything.
    pub(super) named: Option<&'a [String]>,
    /// How many earlier digests an entry keeps. `None`: all, if the lock has any history.
    pub(super) history: Option<usize>,
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
    fn check(&self, wanted: &[WantedImage], entries: &[Entry]) -> Result<(), UsageError> {
        let images = wanted.iter().map(|wish| wish.reference.to_string());
        let layouts = entries.iter().filter_map(|entry| match &entry.wanted {
            Wanted::Image(layout @ SourceReference::Layout(_)) => Some(layout.to_string()),
            _ => None,
        });
        let names: Vec<String> = images.chain(layouts).collect();
        let unused = self.patterns.iter().find(|(_, pattern)| !names.iter().any(|name| pattern.fits(name)));
        unused.map_or(Ok(()), |(text, _)| Err(UsageError::NothingToUpdate(text.clone())))
    }
}

/// What has to be found out before it is known which images the lock is to have.
pub(super) struct Open {
    named: Named,
    entries: Vec<Entry>,
    /// The positions of the entries whose images are to be selected.
    positions: Vec<usize>,
    /// The images of the other entries.
    known: Vec<WantedImage>,
}

impl Open {
    /// # Errors
    /// If entries want one image with two digests: no registry is asked then.
    pub(super) fn new(wishes: &Wishes, old: &Lock, update: &Update<'_>) -> Result<Self, Failure> {
        let named = Named::new(update.named);
        let entries = wishes.to_lock(|name| named.names(name));
        let positions = entries_to_select(&entries, old, |name| named.names(name));
        let none = positions.iter().map(|position| (*position, Vec::new())).collect();
        let known = wanted_images(&entries, old, &none).map_err(|twice| wishes.asked_twice(twice))?;
        let asked =
            known.into_iter().filter(|wish| wish.lookup(old, |name| named.names(name)) != Lookup::Nothing);
        Ok(Open { known: asked.collect(), named, entries, positions })
    }

    /// The layouts that have to be read. Those of which the lock has it all need not be there.
    pub(super) fn layouts(&self) -> Vec<LayoutReference> {
        let selected = self.positions.iter().filter_map(|position| match &self.entries[*position].wanted {
            Wanted::Image(SourceReference::Layout(layout)) => Some(layout.clone()),
            _ => None,
        });
        let known = self.known.iter().filter_map(|wish| match (&wish.reference, &wish.from) {
            (SourceReference::Layout(layout), _) => Some(layout.clone()),
            (_, Some(FetchedFrom::Layout { form, path })) => {
                let (form, path) = (*form, path.clone());
                Some(LayoutReference { form, path, pattern: None, name: None })
            }
            _ => None,
        });
        selected.chain(known).collect()
    }
}

/// The lock of what is wanted.
pub(super) async fn updated(
    wishes: &Wishes,
    old: &Lock,
    open: &Open,
    update: &Update<'_>,
    source: &Arc<Source>,
    observer: &dyn Observer,
) -> Result<Lock, Failure> {
    let Open { named, entries, positions, .. } = open;
    let (mut selected, failed) = select_tags(&wishes.entries, positions, source, update.jobs).await;
    let mut failed: Vec<ImageFailure> = failed.into_iter().map(ImageFailure::from).collect();
    let (of_layouts, unresolved) = select_layouts(entries, positions, &wishes.entries, source).await;
    selected.extend(of_layouts);
    failed.extend(unresolved.into_iter().map(ImageFailure::from));
    let wanted = wanted_images(entries, old, &selected).map_err(|twice| wishes.asked_twice(twice))?;
    if failed.is_empty() {
        let is_open = |position: &&usize| selected.get(position).is_none_or(Vec::is_empty);
        let unanswered = positions.iter().filter(is_open);
        failed.extend(
            unanswered.map(|position| ImageFailure::Unanswered(entries[*position].wanted.to_string())),
        );
        named.check(&wanted, entries)?;
    }
    let places = wishes.places();
    let asked = wanted.iter().enumerate();
    let asked = asked.filter_map(|(position, wish)| Some((position, request(wish, old, named, &places)?)));
    let asked = asked.collect();
    let images = wanted.into_iter().map(|wanted| AnsweredImage { wanted, answer: None });
    let mut images: Vec<AnsweredImage> = images.collect();
    answer_all(&mut images, asked, update, source, observer, &mut failed).await;
    Failure::of_images(failed)?;
    let new = old.with_others(wishes.locked()).update(&images, update.at, update.history);
    new.map_err(|error| UsageError::NotLocked(error).into())
}

/// What to ask for an image; `None` if the lock has it all.
fn request(
    wish: &WantedImage,
    old: &Lock,
    named: &Named,
    places: &HashMap<String, String>,
) -> Option<ImageRequest> {
    let (digest, locked) = match wish.lookup(old, |name| named.names(name)) {
        Lookup::Nothing => return None,
        Lookup::Sizes(digest) => {
            let known = old.find(&wish.reference);
            let locked = |image: &LockedImage| LockedContent {
                digest,
                media_type: Some(image.media_type.clone()),
                size: None,
                platforms: None,
                from: image.mirror().cloned(),
            };
            (Some(digest), known.map(locked))
        }
        // Of a layout in which several tags stand for one digest, the tag is meant too.
        Lookup::Reference if matches!(wish.reference, SourceReference::Layout(_)) => {
            let (media_type, size, platforms, from) = (None, None, None, None);
            let of = |digest| LockedContent { digest, media_type, size, platforms, from };
            (wish.digest, wish.digest.map(of))
        }
        Lookup::Reference => (wish.digest, None),
    };
    let source = match (&wish.reference, digest, &wish.from) {
        (SourceReference::Registry(reference), Some(digest), Some(FetchedFrom::Layout { form, path })) => {
            in_layout(reference, &digest, *form, path)
        }
        (SourceReference::Registry(reference), Some(digest), _) => {
            SourceReference::Registry(reference.clone().with_digest(digest))
        }
        // A layout that has the digest under another tag by now is right too.
        (source, _, _) => source.clone(),
    };
    let place = places.get(&wish.reference.to_string()).cloned();
    Some(ImageRequest { source, locked, choice: chosen(&wish.choice), place })
}

/// Adds what registries and layouts say of the images. One that gets no answer is among the failures.
async fn answer_all(
    images: &mut [AnsweredImage],
    asked: Vec<(usize, ImageRequest)>,
    update: &Update<'_>,
    source: &Arc<Source>,
    observer: &dyn Observer,
    failed: &mut Vec<ImageFailure>,
) {
    let (positions, requests): (Vec<usize>, Vec<ImageRequest>) = asked.into_iter().unzip();
    let Resolution { images: resolved, failed: unresolved } =
        resolve_each(source, &requests, update.jobs, observer).await;
    failed.extend(unresolved.into_iter().map(ImageFailure::from));
    let options = PlanOptions { jobs: update.jobs, limits: update.limits, ..PlanOptions::default() };
    let Attempted { done, failed: unplanned, .. } = survey(source, resolved, &options, observer).await;
    failed.extend(unplanned.into_iter().map(|(error, _)| ImageFailure::from(error)));
    for surveyed in done.iter().flatten() {
        for request in &surveyed.requests {
            images[positions[*request]].answer = Some(answer(surveyed));
        }
    }
    if failed.is_empty() {
        let unanswered = positions.iter().map(|position| &images[*position]);
        let unanswered = unanswered.filter(|image| image.answer.is_none());
        failed.extend(unanswered.map(|image| ImageFailure::Unanswered(image.wanted.reference.to_string())));
    }
}
