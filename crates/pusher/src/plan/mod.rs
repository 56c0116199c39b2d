//! The plan of a push: which image goes where. It needs no network, so a push that can't work is refused
//! before the first request.

pub(crate) mod attachments;
pub(crate) mod destination;
pub(crate) mod error;
pub(crate) mod manifest_tree;
pub(crate) mod omitted;
pub(crate) mod planned_image;
pub(crate) mod platform_manifests;
pub(crate) mod push_plan;
pub(crate) mod target_name;
pub(crate) mod target_names;
pub(crate) mod unused_rules;
