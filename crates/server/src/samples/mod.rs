//! Deterministic sample images: the same bytes on every machine, for the demo and for tests.
//!
//! No clock, no randomness, no file: [`all`] is what the demo carries, [`image`] and [`index`] build others.
//! What lies here are whole images that real clients pull and unpack; broken content is a test's own
//! business.

mod archive;
mod carried;
mod content;
mod image;
mod json;
mod sample;
#[cfg(test)]
mod tests;

pub use carried::all;
pub use content::Content;
pub use image::{Child, Flavour, Image, ImageSpec, IndexSpec, Layer, image, index};
pub use json::Layout;
pub use sample::Sample;
