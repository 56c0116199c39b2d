//! Blobs up: mounted from another repository, or uploaded. `upload` is one blob on its way, `resume` asks
//! what the registry has of one that broke.

mod acknowledged_range;
pub(crate) mod blob;
pub(crate) mod blob_source;
mod body;
pub(crate) mod create_project;
pub(crate) mod mount;
mod read_loop;
mod resume;
mod session;
mod stall_timer;
mod upload;
mod upload_trial;
