//! Where images stand in objects of each kind: one table, and what users add to it.

mod built_in;
mod given;
mod path;
mod ruleset;
mod shape;

pub use built_in::{BUILT_IN, BuiltInRule};
pub use given::{Rule, RuleError};
pub use path::PathError;
pub(crate) use path::Step;
pub(crate) use ruleset::Ruleset;
pub use shape::Shape;
