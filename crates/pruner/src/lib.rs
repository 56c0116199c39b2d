//! What may be deleted at a registry, and its deletion.
//!
//! [`plan`] looks at each repository of old images: what all of its tags stand for (`tags`), and what they
//! and everything that is kept name, directly or not (`contents`, `stay`). What is left of the old images may
//! go. [`apply`] looks at all of it again before it deletes, and asks for the tags before each deletion.
//!
//! # Invariants
//! - Whatever can't be found out counts as a reason to delete nothing of its repository.
//! - Deletions are by digest, indexes before what they list.

mod applied;
mod apply;
mod attached_tags;
mod contents;
mod error;
mod going;
mod order;
mod plan;
mod stay;
mod tags;
mod types;

pub use applied::{Applied, Left, LeftReason};
pub use apply::apply;
pub use error::PruneError;
pub use plan::{Planned, plan};
pub use types::{Kept, OldImage, StayReason, Staying};
