//! Where the content of an image is taken from: a repository at a registry, or an image layout on disk.

use std::fmt;

use airlift_oci::{LayoutForm, LayoutReference, Repository};

/// Where the content of an image is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// A repository at a registry.
    Registry(Repository),
    /// An image layout on disk.
    Layout(LayoutLocation),
}

impl Location {
    /// The repository at a registry; `None` for layouts.
    pub fn repository(&self) -> Option<&Repository> {
        match self {
            Location::Registry(repository) => Some(repository),
            Location::Layout(_) => None,
        }
    }
}

impl From<Repository> for Location {
    fn from(repository: Repository) -> Self {
        Location::Registry(repository)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Registry(repository) => repository.fmt(f),
            Location::Layout(location) => location.layout.fmt(f),
        }
    }
}

/// An image's place in a layout. What is attached to it is found, and named, by its repositories.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LayoutLocation {
    /// The layout.
    pub layout: LayoutPath,
    /// The repository by which the layout names the image; `None` where it names none.
    pub(crate) original: Option<String>,
    /// The repository by which the bundle names it; `None` where that names none.
    pub(crate) repository: Option<String>,
}

/// Where a layout is, and how it is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutPath {
    /// How it is stored.
    pub form: LayoutForm,
    /// Its folder or file.
    pub path: String,
}

impl From<&LayoutReference> for LayoutPath {
    fn from(reference: &LayoutReference) -> Self {
        LayoutPath { form: reference.form, path: reference.path.clone() }
    }
}

impl fmt::Display for LayoutPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.form.prefix(), self.path)
    }
}
