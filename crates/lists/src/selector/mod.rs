//! Tag selectors: which tags of a repository are wanted.

mod pattern;
mod range;
mod select;
mod version;

pub use select::{SelectionError, SelectorError, SelectorPart, SelectorParts, TagSelector};
