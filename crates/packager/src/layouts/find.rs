//! Finds the images of a layout that a reference means.

use std::collections::HashMap;
use std::sync::Arc;

use airlift_oci::graph::Attachments;
use airlift_oci::{
    Digest, Graph, LayoutReference, Pattern, RawManifest, Reference, Root, Unmatched, reference,
};

use super::error::LayoutError;
use super::names::{bundle_name, locked_name};
use super::open::{Layouts, OpenedLayout};
use crate::location::{LayoutLocation, LayoutPath};

/// An image of a layout.
#[derive(Clone, Debug)]
pub(crate) struct FoundImage {
    /// Its entry in `index.json`. It has a selection if only some of its platforms are there.
    pub(crate) root: Root,
    pub(crate) location: LayoutLocation,
    /// The root manifest's bytes.
    pub(crate) manifest: RawManifest,
}

impl Layouts {
    /// The images that a reference means; of one that was locked, the image with the locked digest.
    ///
    /// # Errors
    /// If the layout can't be read, there is none, or it is not clear which is meant; for each manifest that
    /// is damaged.
    pub(crate) fn find(
        &self,
        wanted: &LayoutReference,
        locked: Option<&Digest>,
    ) -> Result<Vec<FoundImage>, Vec<Arc<LayoutError>>> {
        let layout = LayoutPath::from(wanted);
        let opened = self.get(&layout).map_err(|error| vec![error])?;
        let Some((layout, graph)) = opened.and_then(|found| Some((found, found.graph()?))) else {
            return Err(vec![LayoutError::Empty { layout }.into()]);
        };
        let finder = Finder { layout, graph, wanted, locked };
        finder.images().map_err(|errors| errors.into_iter().map(Arc::new).collect())
    }
}

struct Finder<'a> {
    layout: &'a OpenedLayout,
    graph: &'a Graph,
    wanted: &'a LayoutReference,
    /// The digest that a lock has.
    locked: Option<&'a Digest>,
}

impl<'a> Finder<'a> {
    /// The images that are meant.
    fn images(&self) -> Result<Vec<FoundImage>, Vec<LayoutError>> {
        let roots = match self.locked {
            Some(digest) => self.locked(digest).map(|root| vec![root]),
            None => self.chosen(),
        };
        let (mut images, mut errors) = (Vec::new(), Vec::new());
        for root in roots.map_err(|error| vec![error])? {
            match self.image(root) {
                Ok(image) => images.push(image),
                Err(damage) => errors.extend(damage),
            }
        }
        if errors.is_empty() {
            errors.extend(self.named_twice(&images));
        }
        if errors.is_empty() { Ok(images) } else { Err(errors) }
    }

    /// The roots that are meant, each once.
    fn chosen(&self) -> Result<Vec<&'a Root>, LayoutError> {
        let mut images = Attachments::new(self.graph).images();
        images.sort_by(|a, b| a.canonical_key().cmp(&b.canonical_key()));
        images.dedup_by(|a, b| a.canonical_key() == b.canonical_key());
        let layout = || self.layout.layout.clone();
        if images.is_empty() {
            return Err(LayoutError::Empty { layout: layout() });
        }
        let names = |images: &[&Root]| images.iter().map(|root| root.name()).collect();
        let chosen = match &self.wanted.pattern {
            None => images,
            Some(text) => {
                let found = self.matching(&images, text);
                if found.is_empty() {
                    let unmatched = Unmatched::new(&Pattern::new(text), images);
                    return Err(LayoutError::NoMatch { layout: layout(), unmatched });
                }
                let is_one_name = !text.contains(['*', '?']) && self.wanted.name.is_none();
                if is_one_name && found.len() > 1 && !are_namesakes(&found) {
                    let (wanted, names) = (text.clone(), names(&found));
                    return Err(LayoutError::Ambiguous { layout: layout(), wanted, names });
                }
                found
            }
        };
        let digest = chosen[0].descriptor.digest;
        let is_one = chosen.iter().all(|root| root.descriptor.digest == digest);
        match self.wanted.name.as_ref().is_some_and(|name| name.tag.is_some()) {
            true if is_one => Ok(vec![chosen[0]]),
            true => Err(LayoutError::OneName { layout: layout(), names: names(&chosen) }),
            false => Ok(chosen),
        }
    }

    /// The roots that a name, a digest or a pattern means: images first. What is attached to an image is
    /// meant only by its exact name or digest.
    fn matching(&self, images: &[&'a Root], text: &str) -> Vec<&'a Root> {
        let all: Vec<&Root> = self.graph.roots.iter().collect();
        if let Ok(digest) = text.parse::<Digest>() {
            return first_found([images, &all], |root| root.descriptor.digest == digest);
        }
        let wanted: Option<Reference> = text.parse().ok();
        let exact = first_found([images, &all], |root| is_exactly(root, text, wanted.as_ref()));
        if !exact.is_empty() {
            return exact;
        }
        let is_bare = !text.contains(['/', ':', '@', '*', '?']);
        let tagged =
            |root: &Root| is_bare && root.reference.as_deref().and_then(reference::tag_of) == Some(text);
        let tagged = first_found([images, &[]], tagged);
        if !tagged.is_empty() {
            return tagged;
        }
        let found = Pattern::new(text).find(images.iter().copied().enumerate());
        found.into_iter().map(|position| images[position]).collect()
    }

    /// The root with a digest that was locked.
    fn locked(&self, digest: &Digest) -> Result<&'a Root, LayoutError> {
        let found: Vec<&Root> =
            self.graph.roots.iter().filter(|root| root.descriptor.digest == *digest).collect();
        // Several tags may stand for it.
        let is_named = |root: &&&Root| self.wanted.pattern.is_some() && root.reference == self.wanted.pattern;
        found.iter().find(is_named).or(found.first()).copied().ok_or_else(|| {
            let images = Attachments::new(self.graph).images();
            LayoutError::NotAsLocked {
                layout: self.layout.layout.clone(),
                digest: *digest,
                name: self.wanted.name.as_ref().map(ToString::to_string),
                names: images
                    .iter()
                    .map(|root| format!("{} ({})", root.name(), root.descriptor.digest))
                    .collect(),
            }
        })
    }

    fn image(&self, root: &Root) -> Result<FoundImage, Vec<LayoutError>> {
        let layout = self.layout.layout.clone();
        let digest = root.descriptor.digest;
        let name = match (&self.wanted.name, self.locked) {
            (Some(name), Some(_)) => Ok(Some(locked_name(name, &digest))),
            (name, _) => bundle_name(root, name.as_ref()),
        };
        let name =
            name.map_err(|reason| vec![LayoutError::Name { layout: layout.clone(), digest, reason }])?;
        let original = root.reference.as_deref().and_then(reference::repository_of).map(str::to_owned);
        let repository = name.as_deref().and_then(reference::repository_of).map(str::to_owned);
        self.layout.image(self.graph, root, name, LayoutLocation { layout, original, repository })
    }

    /// The first name that two of these images have.
    fn named_twice(&self, images: &[FoundImage]) -> Option<LayoutError> {
        let mut by_name: HashMap<&str, Digest> = HashMap::new();
        images.iter().find_map(|image| {
            let (name, second) = (image.root.reference.as_deref()?, image.root.descriptor.digest);
            let first = by_name.insert(name, second).filter(|first| *first != second)?;
            let layout = self.layout.layout.clone();
            Some(LayoutError::NamedTwice { layout, name: name.to_owned(), first, second })
        })
    }
}

impl OpenedLayout {
    /// A root of this layout under the name that the bundle has for it.
    ///
    /// # Errors
    /// For each of its manifests that is damaged.
    pub(super) fn image(
        &self,
        graph: &Graph,
        root: &Root,
        name: Option<String>,
        location: LayoutLocation,
    ) -> Result<FoundImage, Vec<LayoutError>> {
        let damage = self.damage_of(graph, root);
        let raw = graph.manifest(&root.descriptor.digest).and_then(|entry| entry.raw.clone());
        match raw {
            Some(manifest) if damage.is_empty() => {
                let (selection, absent) = (root.selection.clone(), root.absent.clone());
                let root = Root { selection, absent, ..Root::new(manifest.descriptor(), name) };
                Ok(FoundImage { root, location, manifest })
            }
            _ => Err(damage),
        }
    }
}

/// The roots of the first list that has any such.
fn first_found<'a>(lists: [&[&'a Root]; 2], is_meant: impl Fn(&Root) -> bool) -> Vec<&'a Root> {
    let found = lists.map(|list| list.iter().copied().filter(|root| is_meant(root)).collect::<Vec<_>>());
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// Whether a root has exactly that name, in the layout's spelling or in another one.
fn is_exactly(root: &Root, text: &str, wanted: Option<&Reference>) -> bool {
    let Some(name) = root.reference.as_deref() else { return false };
    let full = || name.parse::<Reference>().ok().filter(|_| reference::repository_of(name).is_some());
    let is_it = |wanted: &Reference| {
        let is_digest = wanted.digest().is_none_or(|digest| *digest == root.descriptor.digest);
        is_digest && full().is_some_and(|full| full.by_tag() == wanted.clone().by_tag())
    };
    name == text || wanted.is_some_and(is_it)
}

/// Whether roots have one name. Then the layout is at fault, not the reference.
fn are_namesakes(roots: &[&Root]) -> bool {
    roots[0].reference.is_some() && roots.iter().all(|root| root.reference == roots[0].reference)
}
