//! References in manifests that get digests and new names, or lose their digests.

pub(crate) mod error;
mod files;
pub(crate) mod finish;
pub(crate) mod known;
pub(crate) mod mode;
pub(crate) mod plan;
pub(crate) mod renaming;
mod show;
mod unified_diff;
