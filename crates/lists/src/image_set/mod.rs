//! What a bundle, a layout, a lock or a receipt holds, in one form, and in what two of them differ.
//!
//! [`ImageSet`] is made of each of them; [`SetDiff::between`] compares two.

mod bytes;
mod compare;
mod image_name;
mod matching;
mod sources;
mod types;

pub use bytes::ByteTotals;
pub use compare::{AttachedDiff, ImageChange, PlatformChange, SetDiff, StateChange};
pub use image_name::ImageName;
pub use types::{ImageSet, SetAttached, SetBlob, SetImage, SetPlatform};
