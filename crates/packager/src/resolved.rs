//! References with what they stood for when they were asked.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use airlift_oci::{Digest, Platform, RawManifest, Root};

use crate::layouts::FoundImage;
use crate::location::Location;
use crate::request::{ImageChoice, LockedContent};
use crate::resolve_error::{DigestAt, ResolveError};

/// A reference with what it stood for when it was asked.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its entry in `index.json`.
    pub root: Root,
    /// Where it is taken from: its own repository, by whose name it is fetched, or a layout.
    pub location: Location,
    /// What gave its manifest: a mirror, its own repository, or a layout.
    pub fetched_from: Location,
    /// The root manifest's bytes.
    pub manifest: RawManifest,
    /// What to carry of it: what all requests for it want.
    pub choice: ImageChoice,
    /// What a lock says of it.
    pub locked: Option<LockedContent>,
    /// Where it was asked for, as [`ImageRequest`](crate::ImageRequest) has it.
    pub place: Option<String>,
    /// The platforms that its layout has of it, if these are not all.
    pub layout_platforms: Vec<Platform>,
    /// The positions of the requests that ask for it; none for what is attached to an image.
    pub requests: Vec<usize>,
}

impl From<FoundImage> for Resolved {
    /// The whole image.
    fn from(found: FoundImage) -> Self {
        let FoundImage { root, location, manifest } = found;
        let location = Location::Layout(location);
        let choice = ImageChoice::default();
        let fetched_from = location.clone();
        let there = root.selection.as_ref().map(|there| there.platforms().to_vec());
        let (locked, place, requests) = (None, None, Vec::new());
        let layout_platforms = there.unwrap_or_default();
        Resolved { root, location, fetched_from, manifest, choice, locked, place, layout_platforms, requests }
    }
}

impl Resolved {
    /// What tells it from the others of a bundle: its name, or the digest of one without a name.
    pub(crate) fn key(&self) -> String {
        self.root.reference.clone().unwrap_or_else(|| self.root.descriptor.digest.to_string())
    }

    /// Adds what another request wants of the same image. Of two layouts, each may have platforms that the
    /// other one lacks.
    fn unite(&mut self, mut other: Resolved) {
        if let Some(locked) = self.locked.as_mut().filter(|_| self.choice != other.choice) {
            locked.size = None;
        }
        // If only one of them names platforms, "all" means those that the layout of the other one has.
        match (self.choice.platforms.is_empty(), other.choice.platforms.is_empty()) {
            (true, false) => self.choose_what_is_there(),
            (false, true) => other.choose_what_is_there(),
            _ => {}
        }
        self.choice.unite(&other.choice);
        self.requests.append(&mut other.requests);
        match self.layout_platforms.is_empty() || other.layout_platforms.is_empty() {
            true => self.layout_platforms.clear(),
            false => self.layout_platforms.append(&mut other.layout_platforms),
        }
        self.root.selection = match (self.root.selection.take(), other.root.selection) {
            (Some(one), Some(other)) => Some(one.and(&other)),
            _ => None,
        };
        self.root.absent.retain(|digest| other.root.absent.contains(digest));
    }

    fn choose_what_is_there(&mut self) {
        if let Some(selection) = &self.root.selection {
            self.choice.platforms = selection.platforms().to_vec();
        }
    }

    /// The digest, with the place in a list that asks for it and the layout that has it.
    fn digest_at(&self) -> DigestAt {
        let layout = match &self.location {
            Location::Layout(location) => Some(location.layout.to_string()),
            Location::Registry(_) => None,
        };
        let places: Vec<String> = self.place.iter().cloned().chain(layout).collect();
        let place = (!places.is_empty()).then(|| places.join(", "));
        DigestAt { digest: self.root.descriptor.digest, place }
    }
}

/// One image for each name, in the order of `index.json`, which is sorted by names; and the errors of names
/// with two digests.
pub(crate) fn united(answers: impl IntoIterator<Item = Resolved>) -> (Vec<Resolved>, Vec<ResolveError>) {
    let mut by_name: BTreeMap<(Option<String>, Option<Digest>), Resolved> = BTreeMap::new();
    let mut conflicts = Vec::new();
    for resolved in answers {
        let (name, digest) = (resolved.root.reference.clone(), resolved.root.descriptor.digest);
        let digest_of_unnamed = name.is_none().then_some(digest);
        match by_name.entry((name, digest_of_unnamed)) {
            Entry::Vacant(place) => drop(place.insert(resolved)),
            Entry::Occupied(mut known) => {
                let first = known.get_mut();
                if first.root.descriptor.digest == digest {
                    first.unite(resolved);
                } else {
                    let (first, second) = (first.digest_at(), resolved.digest_at());
                    conflicts.push(ResolveError::Conflict { name: resolved.key(), first, second });
                }
            }
        }
    }
    (by_name.into_values().collect(), conflicts)
}
