//! One image on its way: its blobs, its manifests, at last its tags; and everything read back.

mod blob_permits;
mod blob_state;
pub(crate) mod blobs;
pub(crate) mod existence_cache;
pub(crate) mod image_push;
pub(crate) mod manifests;
pub(crate) mod move_tag;
pub(crate) mod put_manifest;
pub(crate) mod read_back;
pub(crate) mod refusal;
pub(crate) mod reupload;
pub(crate) mod session;
pub(crate) mod tag_check;
pub(crate) mod transfers;
pub(crate) mod tree_blobs;
pub(crate) mod tree_upload;
