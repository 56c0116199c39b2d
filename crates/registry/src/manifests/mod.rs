//! Manifests: fetched, stored under a tag or digest, and deleted. They are bytes here; `airlift_oci` parses
//! them.

mod delete;
pub(crate) mod get;
pub(crate) mod put;
