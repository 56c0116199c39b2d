//! The lists of what is attached to a manifest, at the target.

pub(crate) mod ensure_listed;
pub(crate) mod fallback_index;
pub(crate) mod list;
