//! Image layouts on disk as sources of images: archives and folders, of Airlift and of other tools.
//!
//! A layout is examined as `verify` examines it, so both agree on what is an image and what is attached to
//! one. Blobs are hashed when they are copied, and not before.

mod attached;
mod error;
mod find;
mod names;
mod open;

pub use error::{Damage, LayoutDamage, LayoutError, LayoutFailure};
pub use open::Layouts;

pub(crate) use find::FoundImage;
