//! What a command is asked for: references and files become requests.

pub(crate) mod empty_set;
pub(crate) mod references;
pub(crate) mod select_error;
pub(crate) mod selection;
pub(crate) mod wishes;
