//! Bundle to report: every byte re-read and hashed, with no network.
//!
//! What is absent here: a network, a terminal, a clock, and any way to write. A test over `cargo metadata`
//! holds that no crate below this one can open a connection.

mod admitted;
mod container;
mod examine;
mod frame;
mod locate;
mod partial;
pub mod report;
mod state;
mod top;
mod unknown;
mod verify;
mod volume;

pub use admitted::{AdmitError, ProvenContent, ProvenReader, VerifiedBundle};
pub use airlift_bundle::{Finding, Rule, Severity};
pub use examine::{ExamineError, Examined};
pub use report::{Report, State};
pub use verify::{Options, verify};
pub use volume::{VolumeReport, verify_volume};
