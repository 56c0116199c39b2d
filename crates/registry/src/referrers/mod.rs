//! What is attached to a manifest.

pub(crate) mod api;
mod page;
