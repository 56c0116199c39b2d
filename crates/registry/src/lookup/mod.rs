//! Whether something is in a repository: a manifest, a blob, or a tag in the list of tags.

mod blob;
pub(crate) mod head_then_get;
pub(crate) mod manifest;
pub(crate) mod proven_heads;
mod tag_list;
