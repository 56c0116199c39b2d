//! What is asked for, and how it is asked of registries, layouts and locks.

use std::collections::{BTreeMap, HashMap};

use airlift_lists::lock::{AskedForTwice, FetchedFrom, Lock, LockedImage, locked_reference, wanted_images};
use airlift_lists::{Choice, Entry, Wanted};
use airlift_oci::reference::MirrorRule;
use airlift_oci::{LayoutReference, SourceReference};
use airlift_packager::{ImageChoice, ImageRequest, LockedContent, Several};

use crate::failure::Failure;
use crate::locks::names::in_layout;
use crate::usage_error::{BadReference, UsageError};

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// The entries, in the order in which they were given.
    pub(crate) entries: Vec<AskedEntry>,
    /// The mirrors of images files.
    pub(crate) mirrors: Vec<MirrorRule>,
    /// What the command line says to carry of images whose entries don't say it.
    pub(crate) choice: Choice,
}

/// One entry, and where it stands.
#[derive(Debug)]
pub(crate) struct AskedEntry {
    pub(crate) entry: Entry,
    /// The place in a file; `None`: on the command line.
    pub(crate) place: Option<String>,
}

impl AskedEntry {
    /// The request for this image, unless only a registry can say which images are meant.
    pub(crate) fn request(&self) -> Option<ImageRequest> {
        let (source, locked) = match &self.entry.wanted {
            Wanted::Image(source) => (source.clone(), None),
            Wanted::Locked(locked) => (source_of(locked), Some(locked)),
            Wanted::Tags(_) => return None,
        };
        let choice = chosen(&self.entry.choice);
        let locked = locked.map(|locked| LockedContent {
            digest: locked.digest,
            media_type: Some(locked.media_type.clone()),
            // Other platforms have another size.
            size: (locked.choice.platforms == choice.platforms).then_some(locked.size),
            platforms: Some(locked.platform_contents()),
            from: locked.mirror().cloned(),
        });
        Some(ImageRequest { source, locked, choice, place: self.place.clone() })
    }
}

impl Wishes {
    /// The references to layouts.
    pub(crate) fn layouts(&self) -> Vec<LayoutReference> {
        let layout = |asked: &AskedEntry| match asked.request()?.source {
            SourceReference::Layout(layout) => Some(layout),
            SourceReference::Registry(_) => None,
        };
        self.entries.iter().filter_map(layout).collect()
    }

    /// The entries as a lock takes them. Of other locks, those that `is_named` names for an update are asked
    /// again.
    pub(crate) fn to_lock(&self, is_named: impl Fn(&str) -> bool) -> Vec<Entry> {
        let entry = |asked: &AskedEntry| match &asked.entry.wanted {
            Wanted::Locked(locked) if is_named(&locked.reference.to_string()) => {
                Entry { wanted: Wanted::Image(source_again(locked)), ..asked.entry.clone() }
            }
            _ => asked.entry.clone(),
        };
        self.entries.iter().map(entry).collect()
    }

    /// The entries of locks that were given.
    pub(crate) fn locked(&self) -> impl Iterator<Item = &LockedImage> {
        self.entries.iter().filter_map(|asked| match &asked.entry.wanted {
            Wanted::Locked(locked) => Some(&**locked),
            Wanted::Image(_) | Wanted::Tags(_) => None,
        })
    }

    /// The places of the images that entries name, by their references in a lock.
    pub(crate) fn places(&self) -> HashMap<String, String> {
        let place = |asked: &AskedEntry| match &asked.entry.wanted {
            Wanted::Image(SourceReference::Registry(reference)) => {
                Some((locked_reference(reference).to_string(), asked.place.clone()?))
            }
            Wanted::Image(layout) => Some((layout.to_string(), asked.place.clone()?)),
            Wanted::Locked(locked) => Some((locked.reference.to_string(), asked.place.clone()?)),
            Wanted::Tags(_) => None,
        };
        self.entries.iter().rev().filter_map(place).collect()
    }

    /// Nothing, if any entry names platforms. Without any, nothing can be missing of them.
    pub(crate) fn check_platforms(&self) -> Result<(), UsageError> {
        let is_whole = |asked: &AskedEntry| asked.entry.choice.platforms.is_empty();
        if self.entries.iter().all(is_whole) {
            let why =
                "--allow-missing-platform needs platforms: name them with --platform or in an images file";
            return Err(UsageError::Combination(why));
        }
        Ok(())
    }

    /// Refuses two digests for one name, before any registry is asked.
    pub(crate) fn check_digests(&self) -> Result<(), Failure> {
        let entries: Vec<Entry> = self.entries.iter().map(|asked| asked.entry.clone()).collect();
        let Err(mut twice) = wanted_images(&entries, &Lock::default(), &BTreeMap::new()) else {
            return Ok(());
        };
        // A bundle may take parts of one image from several places.
        twice.retain(|twice| matches!(twice, AskedForTwice::Digests { .. }));
        if twice.is_empty() { Ok(()) } else { Err(self.asked_twice(twice)) }
    }

    /// The error for references that entries want with two digests, or from two places.
    pub(crate) fn asked_twice(&self, twice: Vec<AskedForTwice>) -> Failure {
        let at = |entry: usize, what: String| {
            let place = self.entries.get(entry).and_then(|asked| asked.place.as_deref());
            place.map_or(what.clone(), |place| format!("{what} ({place})"))
        };
        let source = |from: Option<FetchedFrom>| from.map_or("its registry".to_owned(), |it| it.to_string());
        let errors = twice.into_iter().map(|twice| match twice {
            AskedForTwice::Digests { reference, digests: [one, other], entries } => {
                let digests = [at(entries[0], one.to_string()), at(entries[1], other.to_string())];
                BadReference::Twice { reference, digests }
            }
            AskedForTwice::Places { reference, places: [one, other], entries } => {
                let sources = [at(entries[0], source(one)), at(entries[1], source(other))];
                BadReference::TwoSources { reference, sources }
            }
        });
        match Several::of(errors.collect()) {
            Some(errors) => UsageError::References(errors).into(),
            None => UsageError::NoReferences.into(),
        }
    }
}

/// What to carry of an image, as requests have it.
pub(crate) fn chosen(choice: &Choice) -> ImageChoice {
    ImageChoice { platforms: choice.platforms.clone(), referrers: choice.referrers.unwrap_or_default() }
}

/// From where the content of a locked image is taken: its layout, if it came from one.
fn source_of(image: &LockedImage) -> SourceReference {
    match (&image.reference, &image.from) {
        (SourceReference::Registry(reference), Some(FetchedFrom::Layout { form, path })) => {
            in_layout(reference, &image.digest, *form, path)
        }
        (reference, _) => reference.clone(),
    }
}

/// How a locked image is asked for again: by its tag, or by what selected it in its layout.
fn source_again(image: &LockedImage) -> SourceReference {
    let Some(FetchedFrom::Layout { form, path }) = &image.from else { return image.reference.clone() };
    let selectors = image.selectors.iter().filter_map(|text| text.parse().ok());
    let mut of_layouts = selectors.filter(|source| matches!(source, SourceReference::Layout(_)));
    of_layouts.next().unwrap_or_else(|| {
        let pattern = Some(image.reference.to_string());
        SourceReference::Layout(LayoutReference { form: *form, path: path.clone(), pattern, name: None })
    })
}
