//! What lists want of a lock: their entries, united to one wish for each image.

use std::collections::{BTreeMap, BTreeSet};

use airlift_oci::{Digest, Platform, Reference, Referrers, SourceReference};

use super::document::{Lock, LockedImage};
use super::fetched_from::FetchedFrom;
use crate::choice::Choice;
use crate::entry::{Entry, Wanted};

/// An image that the lock has to have, because one entry or several ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedImage {
    /// The reference as the lock has it.
    pub reference: SourceReference,
    /// The digest, where the list or a layout says it.
    pub digest: Option<Digest>,
    /// The layout that has it; `None` for an image of a registry.
    pub from: Option<FetchedFrom>,
    /// What to carry of it: what all entries together ask for.
    pub choice: Choice,
    /// The groups of all entries.
    pub groups: BTreeSet<String>,
    /// The texts of the entries that select it without naming it.
    pub selectors: BTreeSet<String>,
}

/// An image that an entry selects, as a registry or a layout said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedImage {
    /// The reference as the lock has it.
    pub reference: SourceReference,
    /// The digest, where it is known already.
    pub digest: Option<Digest>,
    /// The platforms that its layout has of it, if these are not all.
    pub platforms: Vec<Platform>,
}

impl SelectedImage {
    /// An image of which the source has all platforms.
    pub fn whole(reference: SourceReference, digest: Option<Digest>) -> Self {
        SelectedImage { reference, digest, platforms: Vec::new() }
    }
}

/// Two entries that ask for one reference, and can't both be met by one entry of a lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskedForTwice {
    /// With two digests.
    #[error("{reference} is asked for with two digests: {} and {}", .digests[0], .digests[1])]
    Digests {
        /// The reference.
        reference: String,
        /// Both digests.
        digests: [Digest; 2],
        /// The positions of both entries in the list of entries.
        entries: [usize; 2],
    },
    /// From two places. Each may have another part of the image, or another image.
    #[error("{reference} is asked for from two places")]
    Places {
        /// The reference.
        reference: String,
        /// Both layouts; `None` for the registry.
        places: [Option<FetchedFrom>; 2],
        /// The positions of both entries in the list of entries.
        entries: [usize; 2],
    },
}

/// The positions of the entries that only a registry or a layout can answer: those that select images, of
/// which the lock has none, or which are named for an update.
///
/// Selectors are sticky: as long as a selector has the text that it had when the lock was written, its images
/// stay.
pub fn entries_to_select(entries: &[Entry], lock: &Lock, is_named: impl Fn(&str) -> bool) -> Vec<usize> {
    // What a layout has now is read for all of its images together.
    let is_layout_of = |entry: &Entry, is_named: &dyn Fn(&str) -> bool| {
        matches!(entry.wanted, Wanted::Image(_))
            && locked_of(entry, lock).iter().any(|image| is_named(&image.reference.to_string()))
    };
    let is_open = |entry: &Entry| match name_of_selection(entry) {
        Some(name) => is_named(&name) || locked_of(entry, lock).is_empty() || is_layout_of(entry, &is_named),
        None => false,
    };
    let open = entries.iter().enumerate().filter(|(_, entry)| is_open(entry));
    open.map(|(position, _)| position).collect()
}

/// One wish for each image. `selected` has the images of the entries that were answered, by the positions of
/// these; entries that select images and are not among them keep the images that they have in the lock.
///
/// # Errors
/// For each reference that two entries want with two digests, or from two places.
pub fn wanted_images(
    entries: &[Entry],
    lock: &Lock,
    selected: &BTreeMap<usize, Vec<SelectedImage>>,
) -> Result<Vec<WantedImage>, Vec<AskedForTwice>> {
    let mut wishes: BTreeMap<String, (usize, WantedImage)> = BTreeMap::new();
    let mut twice = Vec::new();
    for (position, entry) in entries.iter().enumerate() {
        let images = match selected.get(&position) {
            Some(images) => images.clone(),
            None => named_or_locked(entry, lock),
        };
        for wish in images.into_iter().map(|image| wish(entry, image)) {
            match wishes.get_mut(&wish.reference.to_string()) {
                None => {
                    wishes.insert(wish.reference.to_string(), (position, wish));
                }
                Some((first, known)) => match conflict(known, &wish, [*first, position]) {
                    Some(conflict) => twice.push(conflict),
                    None => unite(known, wish),
                },
            }
        }
    }
    if twice.is_empty() { Ok(wishes.into_values().map(|(_, wish)| wish).collect()) } else { Err(twice) }
}

/// The reference that a lock has for what a list names: with a tag, the tag's, whatever digest is beside it.
pub fn locked_reference(reference: &Reference) -> SourceReference {
    SourceReference::Registry(reference.clone().by_tag())
}

/// The locked images that an entry asks for.
pub(super) fn locked_of<'a>(entry: &Entry, lock: &'a Lock) -> Vec<&'a LockedImage> {
    let by_selector = |text: &str, is_of: &dyn Fn(&LockedImage) -> bool| {
        lock.images().iter().filter(|image| image.selectors.contains(text) && is_of(image)).collect()
    };
    match &entry.wanted {
        Wanted::Image(SourceReference::Registry(reference)) => {
            lock.find(&locked_reference(reference)).into_iter().collect()
        }
        Wanted::Image(SourceReference::Layout(layout)) => by_selector(&layout.to_string(), &|_| true),
        Wanted::Tags(query) => by_selector(query.selector.canonical(), &|image| match &image.reference {
            SourceReference::Registry(reference) => *reference.repository() == query.repository,
            SourceReference::Layout(_) => false,
        }),
        Wanted::Locked(image) => lock.find(&image.reference).into_iter().collect(),
    }
}

/// By which name an entry that selects images is updated: its repository, or its layout.
pub(super) fn name_of_selection(entry: &Entry) -> Option<String> {
    match &entry.wanted {
        Wanted::Image(SourceReference::Registry(_)) | Wanted::Locked(_) => None,
        Wanted::Image(SourceReference::Layout(layout)) => Some(layout.to_string()),
        Wanted::Tags(query) => Some(query.repository.to_string()),
    }
}

/// The image that an entry names, or those that the lock has for it.
fn named_or_locked(entry: &Entry, lock: &Lock) -> Vec<SelectedImage> {
    match &entry.wanted {
        Wanted::Image(SourceReference::Registry(reference)) => {
            let digest = reference.digest().copied();
            vec![SelectedImage::whole(locked_reference(reference), digest)]
        }
        Wanted::Locked(image) => {
            vec![SelectedImage::whole(image.reference.clone(), Some(image.digest))]
        }
        Wanted::Image(SourceReference::Layout(_)) | Wanted::Tags(_) => {
            let known = locked_of(entry, lock).into_iter();
            let known = known.map(|image| SelectedImage {
                reference: image.reference.clone(),
                digest: None,
                platforms: platforms_there(image),
            });
            known.collect()
        }
    }
}

/// The platforms of a locked image that its layout has, if these are not all: others have no size.
fn platforms_there(image: &LockedImage) -> Vec<Platform> {
    let is_whole = !is_of_layout(image) || image.platforms.iter().all(|platform| platform.size > 0);
    let there = image.platforms.iter().filter(|platform| !is_whole && platform.size > 0);
    there.filter_map(|platform| platform.platform.parse().ok()).collect()
}

fn is_of_layout(image: &LockedImage) -> bool {
    matches!(image.reference, SourceReference::Layout(_))
        || matches!(image.from, Some(FetchedFrom::Layout { .. }))
}

/// What one entry wants of one image.
fn wish(entry: &Entry, image: SelectedImage) -> WantedImage {
    let (from, selectors) = match &entry.wanted {
        Wanted::Image(SourceReference::Registry(_)) => (None, BTreeSet::new()),
        Wanted::Image(SourceReference::Layout(layout)) => {
            let from = FetchedFrom::Layout { form: layout.form, path: layout.path.clone() };
            (Some(from), [layout.to_string()].into())
        }
        Wanted::Tags(query) => (None, [query.selector.canonical().to_owned()].into()),
        Wanted::Locked(locked) => {
            let from = locked.from.clone().filter(|from| matches!(from, FetchedFrom::Layout { .. }));
            (from, locked.selectors.clone())
        }
    };
    let mut choice = entry.choice.clone();
    if choice.platforms.is_empty() {
        choice.platforms = image.platforms;
    }
    WantedImage {
        reference: image.reference,
        digest: image.digest,
        from,
        choice: in_order(&choice),
        groups: entry.groups.clone(),
        selectors,
    }
}

/// A choice with its platforms in the one order and spelling that locks have.
fn in_order(choice: &Choice) -> Choice {
    let mut platforms: Vec<_> = choice.platforms.iter().map(|platform| platform.normalised()).collect();
    platforms.sort_by_cached_key(ToString::to_string);
    platforms.dedup();
    Choice { platforms, referrers: choice.referrers }
}

/// Why two wishes for one reference can't be met by one entry of a lock.
fn conflict(one: &WantedImage, other: &WantedImage, entries: [usize; 2]) -> Option<AskedForTwice> {
    let reference = one.reference.to_string();
    match (one.digest, other.digest) {
        (Some(one), Some(other)) if one != other => {
            Some(AskedForTwice::Digests { reference, digests: [one, other], entries })
        }
        _ if one.from != other.from => {
            let places = [one.from.clone(), other.from.clone()];
            Some(AskedForTwice::Places { reference, places, entries })
        }
        _ => None,
    }
}

/// Adds to a wish what another entry wants of the same image from the same place. Everything is more than a
/// part of it.
fn unite(known: &mut WantedImage, other: WantedImage) {
    known.digest = known.digest.or(other.digest);
    known.groups.extend(other.groups);
    known.selectors.extend(other.selectors);
    let mut platforms = std::mem::take(&mut known.choice.platforms);
    if !platforms.is_empty() && !other.choice.platforms.is_empty() {
        platforms.extend(other.choice.platforms);
        known.choice.platforms = platforms;
    }
    known.choice.referrers = match (known.choice.referrers, other.choice.referrers) {
        (one, same) if one == same => one,
        (Some(Referrers::All), _) | (_, Some(Referrers::All)) => Some(Referrers::All),
        _ => None,
    };
    known.choice = in_order(&known.choice);
}
