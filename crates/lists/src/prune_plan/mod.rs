//! Deletion plans: what is deleted at a registry, after a person has read it.

mod document;
mod read;

pub use document::{PlannedDeletion, PrunePlan, SCHEMA};
pub use read::MAX_PRUNE_PLAN;
