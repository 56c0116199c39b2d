//! What is looked at, and refused, before anything moves.

pub(crate) mod order;
pub(crate) mod partial_images;
pub(crate) mod sparse;
pub(crate) mod tag_state;
pub(crate) mod taken_tags;
