//! Blobs down. `download` is one blob on its way: proven, and resumed where the connection broke.

mod blob;
pub(crate) mod blob_sink;
pub(crate) mod download;
mod external;
mod location;
mod part;
