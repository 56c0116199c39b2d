//! A place where a reference stands.

use std::ops::Range;
use std::sync::Arc;

use airlift_oci::Position;

use crate::yaml::Value;

/// The object that a reference belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Its kind; `Compose`, `Kustomization`, `Chart` or `Values` for files of these.
    pub kind: String,
    /// Its namespace, where the file says it.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// How a reference is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// In one value.
    Whole(Value),
    /// In several values of one mapping.
    InParts(Box<ReferenceParts>),
    /// Within a text that is about more: a list in an annotation, an argument, a line of a script.
    Within,
}

/// The values that a reference is put together from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceParts {
    /// The registry, where it stands apart from the name.
    pub registry: Option<Value>,
    /// The name, with its registry unless that stands apart.
    pub name: Value,
    /// The tag. In Helm values, a digest may be in it.
    pub tag: Option<Value>,
    /// The digest. In Helm values, it may be empty.
    pub digest: Option<Value>,
    /// The mapping that has them.
    pub entry: Entry,
}

/// A mapping that has a reference in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose rules it follows.
    pub form: EntryForm,
    /// Its first byte.
    pub start: usize,
    /// How a member is added; `None` where none can be.
    pub insertion: Option<Insertion>,
    /// The whole line of the digest, with a line end; `None` where more stands on that line, or there is
    /// none.
    pub digest_line: Option<Range<usize>>,
}

/// Whose rules an entry follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryForm {
    /// An image of a Kustomization. Its `name` says which images are meant, and this one gives them no other.
    SameName,
    /// An image of a Kustomization with a `newName`, which is the name.
    NewName,
    /// An image of Helm values.
    Values,
}

/// How members are added behind the last one of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insertion {
    /// The byte where they are added.
    pub offset: usize,
    /// What comes before each: the end of a line and an indentation, or a comma.
    pub lead: String,
    /// The quote around keys and values, if any.
    pub quote: &'static str,
}

/// A place where a reference stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as its caller named it.
    pub file: Arc<str>,
    /// The reference, as written.
    pub reference: String,
    /// Where its first character is.
    pub position: Position,
    /// What it belongs to.
    pub object: Object,
    /// The container, or the service of a Compose file.
    pub container: Option<String>,
    /// The path from the object: `spec.containers[0].image`.
    pub field: String,
    /// Its bytes.
    pub written: Written,
}
