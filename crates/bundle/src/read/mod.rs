//! Opening: an archive, a folder, and the local content that a build reads from.

pub(crate) mod archive;
mod contents;
mod docker;
mod folder;
pub(crate) mod local;
mod open;

pub use archive::Archive;
pub use contents::{ByteRange, Container};
pub use docker::DockerForm;
