//! What is wrong with a bundle: data, not an error, so that one report can list all of it.
//!
//! A [`Finding`] is of a [`Rule`], which says how bad it is and what to do. A new rule goes into `rule.rs`.

mod by_position;
mod finding;
mod list;
mod rule;

pub use by_position::FindingsByPosition;
pub use finding::{Detail, Finding, VolumePlace};
pub use list::Findings;
pub use rule::{Rule, Severity};
