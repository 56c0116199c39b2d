//! What the registry serves, and where it is kept.

mod catalogue;
mod content;
mod error;
mod folder;
mod session;

pub(crate) use content::{Blob, ContentStore, More, Referrer};
pub use error::StorageError;
pub(crate) use folder::{Folder, ManifestRefused, NewManifest, SharedSession};
pub(crate) use session::{Finish, UploadSession};
