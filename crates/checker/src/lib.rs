//! Is it there? Tags, digests and all that is below them, asked for at registries.
//!
//! [`check`] takes what is [`Wanted`] and gives a [`CheckedImage`] for each. It tells apart a tag that moved,
//! a digest that is gone, a graph with holes, and a registry that gives no answer. Manifests are fetched and
//! compared with their digests. Blobs are asked for, and with [`Depth::Bytes`] read and hashed.
//!
//! What is absent here: files, bundles and locks. The caller says what is wanted, and where it is asked for.

mod attached_tags;
mod blob_trust;
mod blobs;
mod check;
mod checked_image;
mod error;
mod hosts;
mod manifests;
mod once;
mod options;
mod scope;
mod tags;
mod walk;
mod wanted;

pub use check::check;
pub use checked_image::{CheckedImage, Part, State};
pub use error::CheckError;
pub use options::{CheckOptions, Depth};
pub use scope::Scope;
pub use wanted::{AttachedTag, TaggedAs, Wanted};
