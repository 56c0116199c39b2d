//! Lists that are written from what was found elsewhere, and refreshed: what was found is marked by a
//! comment, and the entries of people stay as they are, to the byte.

mod images_file;
mod marker;
mod plain;

pub use images_file::{fresh_images_file, refresh_images_file};
pub use marker::{FoundImage, Refreshed};
pub use plain::{fresh_plain, refresh_plain};
