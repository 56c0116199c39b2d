//! Opening: an archive, a folder, and whatever local files a build reads from.

pub mod archive;
mod folder;
pub mod local;
