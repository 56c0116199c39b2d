//! A place where a reference stands.

use std::sync::Arc;

use airlift_oci::Position;

use crate::yaml::Value;

/// The object that a reference belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Its kind; `Compose`, `Kustomization` or `Chart` for files of these.
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
    /// The name, with its registry.
    pub name: Value,
    /// The tag.
    pub tag: Option<Value>,
    /// The digest.
    pub digest: Option<Value>,
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
