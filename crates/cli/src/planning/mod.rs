//! From what is asked for to a plan, for all commands that fetch images.

pub(crate) mod failed_images;
pub(crate) mod plan;
