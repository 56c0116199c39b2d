//! The names of images in sets.

use std::fmt;

use airlift_oci::{Digest, LayoutReference, Reference, SourceReference};

use crate::lock::locked_reference;

/// The name of an image in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageName {
    /// A full name, with a tag or a digest.
    Full(Reference),
    /// The place in a layout, in a lock.
    Layout(LayoutReference),
    /// What layouts of other tools have: any text.
    Bare(String),
    /// None at all.
    Unnamed(Digest),
}

impl ImageName {
    /// The name of an image with this text, which may be none.
    pub(super) fn of_text(text: Option<&str>, digest: Digest) -> Self {
        let Some(text) = text else { return ImageName::Unnamed(digest) };
        // A bare tag would also be a name at Docker Hub.
        let full = Some(text).filter(|text| text.contains('/')).and_then(|text| text.parse().ok());
        full.map_or_else(|| ImageName::Bare(text.to_owned()), |full| Self::of_reference(&full))
    }

    /// The name that a lock has for a reference.
    pub(super) fn of_reference(reference: &Reference) -> Self {
        match locked_reference(reference) {
            SourceReference::Registry(reference) => ImageName::Full(reference),
            SourceReference::Layout(layout) => ImageName::Layout(layout),
        }
    }

    /// Whether it says alone which image is meant, whatever the set comes from.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, ImageName::Full(_))
    }

    /// By what it is found in the other set, if by its name.
    pub(super) fn key(&self) -> Option<String> {
        match self {
            ImageName::Full(reference) => Some(reference.to_string()),
            ImageName::Layout(layout) => layout.pattern.clone(),
            ImageName::Bare(text) => Some(text.clone()),
            ImageName::Unnamed(_) => None,
        }
    }

    /// A line of a list that asks for exactly this image by its digest. `None` for an image that no list can
    /// name.
    pub fn pinned(&self, digest: &Digest) -> Option<String> {
        match self {
            ImageName::Full(reference) => Some(match reference.tag() {
                Some(_) => format!("{reference}@{digest}"),
                None => reference.to_string(),
            }),
            ImageName::Layout(layout) => {
                let pattern = Some(digest.to_string());
                Some(LayoutReference { pattern, ..layout.clone() }.to_string())
            }
            ImageName::Bare(_) | ImageName::Unnamed(_) => None,
        }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageName::Full(reference) => reference.fmt(f),
            ImageName::Layout(layout) => layout.fmt(f),
            ImageName::Bare(text) => text.fmt(f),
            ImageName::Unnamed(digest) => digest.fmt(f),
        }
    }
}
