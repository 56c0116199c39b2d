//! The checks before anything moves.

pub(crate) mod checks;
pub(crate) mod missing_projects;
pub(crate) mod partial_images;
pub(crate) mod sparse;
pub(crate) mod tag_state;
pub(crate) mod taken_tags;
pub(crate) mod write_access;
pub(crate) mod write_refusal;
