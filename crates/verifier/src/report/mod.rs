//! The report on a bundle: its parts, its state, and which findings follow from others.

mod conclude;
mod consequences;
mod state;
mod types;

pub use state::State;
pub use types::{ImageReport, ReferrerReport, Report, SCHEMA, UnknownReport};
