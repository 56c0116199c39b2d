//! Where images come from: a registry, or an image layout on disk.

use std::fmt;

use super::grammar::Reference;

/// What people write to name images, wherever a reference is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceReference {
    /// An image of a registry.
    Registry(Reference),
    /// Images of a layout on disk.
    Layout(LayoutReference),
}

/// Images of an image layout: `oci:DIR[:REF][=NAME]` or `oci-archive:FILE[:REF][=NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutReference {
    /// How the layout is stored.
    pub form: LayoutForm,
    /// The folder or file.
    pub path: String,
    /// Which images of it: a full name, a bare tag, a digest or a pattern (`*`, `?`); `None`: all.
    pub pattern: Option<String>,
    /// The name that the image gets.
    pub name: Option<Reference>,
}

/// How a layout is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayoutForm {
    /// As a folder, `oci:`.
    Folder,
    /// As a tar archive, `oci-archive:`.
    Archive,
}

impl LayoutForm {
    /// The word before the path, with its colon, as skopeo has it.
    pub fn prefix(self) -> &'static str {
        match self {
            LayoutForm::Folder => "oci:",
            LayoutForm::Archive => "oci-archive:",
        }
    }
}

impl fmt::Display for SourceReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceReference::Registry(reference) => reference.fmt(f),
            SourceReference::Layout(layout) => layout.fmt(f),
        }
    }
}

impl fmt::Display for LayoutReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.form.prefix(), self.path)?;
        if let Some(pattern) = &self.pattern {
            write!(f, ":{pattern}")?;
        }
        if let Some(name) = &self.name {
            write!(f, "={name}")?;
        }
        Ok(())
    }
}
