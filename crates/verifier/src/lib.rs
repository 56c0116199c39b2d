//! Bundle to report: every byte re-read and hashed, with no network.
//!
//! - [`verify`] and [`verify_volume`] read all of it and return a report.
//! - [`Examined`] checks everything but the blobs' contents. The checks are in `examine`, one file a topic.
//! - [`VerifiedBundle`] is what may be pushed.
//!
//! A check makes [`Finding`]s. To add a kind of finding, add a [`Rule`] (in `airlift_bundle::findings`) and
//! make the finding in the check.
//!
//! What is absent here: a network, a terminal, a clock, and any way to write. A test over `cargo metadata`
//! holds that no crate below this one can open a connection.

mod content;
mod error;
mod examine;
mod examined;
mod found_blobs;
mod locked;
mod piece_proof;
mod proven;
pub mod report;
mod verified_bundle;
mod verify;
mod volumes;

pub use airlift_bundle::{Finding, Findings, Rule, Severity};
pub use error::ExamineError;
pub use examined::Examined;
pub use piece_proof::PieceProof;
pub use proven::{ProvenContent, ProvenReader};
pub use report::{Report, State};
pub use verified_bundle::{AdmitError, VerifiedBundle};
pub use verify::{Options, verify};
pub use volumes::{VolumeReport, verify_volume};
