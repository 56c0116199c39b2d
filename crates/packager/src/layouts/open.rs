//! Opens layouts, and finds content in them.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use airlift_bundle::Section;
use airlift_oci::{Digest, Graph, LayoutForm, LayoutReference, Limits, Root};
use airlift_verifier::{Examined, Finding, Rule};
use bytes::Bytes;

use super::error::{Damage, LayoutError};
use crate::location::LayoutPath;

/// All layouts that a build takes images from, or why they can't be read.
#[derive(Debug, Default)]
pub struct Layouts(BTreeMap<LayoutPath, Result<OpenedLayout, Arc<LayoutError>>>);

/// A layout that is open.
#[derive(Debug)]
pub(super) struct OpenedLayout {
    pub(super) layout: LayoutPath,
    examined: Examined,
}

impl Layouts {
    /// Opens the layouts that these references name, each once, and reads their manifests. No blob is read.
    /// One that can't be opened, or can't be read as a layout, fails where an image of it is asked for.
    pub fn open<'a>(references: impl IntoIterator<Item = &'a LayoutReference>, limits: Limits) -> Self {
        let mut opened = BTreeMap::new();
        for reference in references {
            let open = || OpenedLayout::open(reference, limits).map_err(Arc::new);
            opened.entry(LayoutPath::from(reference)).or_insert_with(open);
        }
        Layouts(opened)
    }

    /// A layout with its manifests; `None` if it was not opened.
    ///
    /// # Errors
    /// If it can't be read.
    pub(super) fn get(&self, layout: &LayoutPath) -> Result<Option<&OpenedLayout>, Arc<LayoutError>> {
        match self.0.get(layout) {
            Some(Ok(opened)) => Ok(Some(opened)),
            Some(Err(error)) => Err(Arc::clone(error)),
            None => Ok(None),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OpenedLayout> {
        self.0.values().flatten()
    }

    /// A manifest that some image of a layout has, proven.
    pub(crate) fn manifest(&self, digest: &Digest) -> Option<Bytes> {
        self.iter().find_map(|layout| {
            let raw = layout.graph()?.manifest(digest)?.raw.as_ref()?;
            Some(raw.bytes().clone())
        })
    }

    /// The places of a blob, unproven.
    pub(crate) fn places(&self, digest: Digest, size: u64) -> impl Iterator<Item = (&Path, Section)> {
        self.iter().filter_map(move |layout| {
            let section = layout.content(&digest).filter(|section| section.size() == size)?;
            Some((layout.examined.archive().path(), section))
        })
    }

    /// What is wrong with a blob that was not found in a layout with the right size and content.
    pub(crate) fn damage(&self, layout: &LayoutPath, digest: &Digest) -> Damage {
        match self.get(layout) {
            Ok(Some(layout)) if layout.content(digest).is_some() => Damage::Altered,
            _ => Damage::Missing,
        }
    }
}

impl OpenedLayout {
    fn open(reference: &LayoutReference, limits: Limits) -> Result<Self, LayoutError> {
        let layout = LayoutPath::from(reference);
        let path = Path::new(&layout.path);
        let found = if path.is_dir() { LayoutForm::Folder } else { LayoutForm::Archive };
        if found != layout.form && path.exists() {
            return Err(LayoutError::OtherForm { layout, found });
        }
        let examined = match Examined::open_to_copy(path, limits) {
            Ok(examined) => examined,
            Err(source) => return Err(LayoutError::Open { layout, hub: reference.hub_image(), source }),
        };
        if examined.graph().is_none() {
            let error = examined.findings().iter().find(|finding| finding.is_error()).cloned();
            let unknown = || Finding::new(Rule::LayoutMissing, "it is no image layout");
            let finding = Box::new(error.unwrap_or_else(unknown));
            return Err(LayoutError::Unreadable { layout, finding });
        }
        Ok(OpenedLayout { layout, examined })
    }

    pub(super) fn graph(&self) -> Option<&Graph> {
        self.examined.graph()
    }

    /// Content by its digest, unproven.
    fn content(&self, digest: &Digest) -> Option<Section> {
        self.examined.blob(digest).or_else(|| self.examined.archive().blob(digest))
    }

    /// What is wrong with the manifests of an image. That one below an index is missing is no damage: whether
    /// it is needed depends on the chosen platforms.
    pub(super) fn damage_of(&self, graph: &Graph, root: &Root) -> Vec<LayoutError> {
        let below = graph.below(&root.descriptor.digest);
        let unknown = below.into_iter().filter(|entry| entry.raw.is_none());
        let unknown: HashSet<Digest> = unknown.map(|entry| entry.descriptor.digest).collect();
        let counts = |finding: &&Finding, digest: &Digest| {
            finding.rule != Rule::ManifestMissing || *digest == root.descriptor.digest
        };
        let errors = self.examined.findings().iter().filter(|finding| finding.is_error());
        let errors = errors.filter_map(|finding| {
            let digest = finding.digest.filter(|digest| unknown.contains(digest))?;
            counts(&finding, &digest).then(|| (digest, finding.clone()))
        });
        let damaged = |(digest, finding)| LayoutError::Damaged {
            layout: self.layout.clone(),
            digest,
            finding: Box::new(finding),
        };
        let mut damage: Vec<LayoutError> = errors.map(damaged).collect();
        if damage.is_empty() && unknown.contains(&root.descriptor.digest) {
            let finding = Finding::new(Rule::ManifestMissing, "the manifest is missing");
            damage.push(damaged((root.descriptor.digest, finding.of(vec![root.name()]))));
        }
        damage
    }
}
