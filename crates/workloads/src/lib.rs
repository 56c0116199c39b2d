//! Image references in Kubernetes, Kustomize and Compose files: where they stand, to the byte, and how they
//! are replaced there.
//!
//! Everything here takes bytes and gives values. There is no file, no network and no terminal in this crate:
//! the caller opens files. Documents are read as trees that keep what they don't know, and not as typed
//! objects: of these, fields that the types lack would be gone.

pub mod edit;
pub mod find;
mod place;
mod problem;
pub mod rules;
mod yaml;

pub use edit::{Change, DigestChange, EditError, FileEdits};
pub use find::{Finder, FinderOptions, Found, Guessing, HelmValues};
pub use place::{Entry, EntryForm, Insertion, Object, Place, ReferenceParts, Written};
pub use problem::{Fault, Note, NoteKind, Problem};
pub use rules::{Rule, RuleError};
pub use yaml::{Style, Value, YamlFault};
