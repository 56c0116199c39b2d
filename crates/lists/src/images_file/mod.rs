//! Images files: YAML with defaults, mirrors and groups of images.

mod document;
mod entries;
mod members;
mod schema;

pub use document::ImagesFile;
pub use schema::schema;

#[cfg(test)]
mod tests;
