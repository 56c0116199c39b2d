//! Proven content to registry: raw bytes, children first, tags last, read back.
//!
//! [`PushPlan`] says what goes where, without a network; [`preview`] asks what is there and what a push would
//! be refused; [`push`] sends what is missing. Only a [`ContentSource`] is accepted, such as a
//! [`VerifiedBundle`](airlift_verifier::VerifiedBundle) or [`HashedContent`]: all that is read from it is
//! hashed on the way.
//!
//! A push goes through these files: `plan`, `preflight`, then for each image in `send/image_push` its blobs
//! (`tree_blobs`), its manifests (`manifests`), its attachments, the lists of those (`referrers`), and
//! its tag (`move_tag`). Each manifest is read back (`read_back`).
//!
//! What is absent here: a terminal, exit codes, and any parsed form of a manifest on its way out.

mod error;
mod existence;
mod failed_source;
mod fault;
mod hashed_content;
mod image_error;
mod lock;
mod options;
mod plan;
mod preflight;
mod preview;
mod push;
pub mod receipt;
mod referrers;
mod request;
mod send;
mod source;

pub use error::{PushError, SharedTag, TakenTag};
pub use failed_source::FailedSource;
pub use fault::{Fault, KnownCause};
pub use hashed_content::{HashedContent, UnprovenBlob, UnprovenContent};
pub use options::{MissingProjects, Options, Partial, Presence, Probe, TagMoves, Untagged};
pub use plan::destination::{Destination, DestinationError, HostInPath, MapRule};
pub use plan::error::{PlanError, UnusedRule};
pub use plan::omitted::OmittedChild;
pub use plan::planned_image::{PlannedAttached, PlannedImage};
pub use plan::push_plan::PushPlan;
pub use plan::target_names::{separate_target_names, target_name_of, target_names};
pub use preflight::sparse::{Certainty, SparseRefusal};
pub use preflight::tag_state::TagState;
pub use preflight::write_refusal::{RefusalReason, RefusedRepository, WriteRefusal};
pub use preview::{Preview, preview};
pub use push::push;
pub use receipt::{ImageReceipt, Receipt, Status, Verdict};
pub use request::Request;
pub use source::{BlobOrigin, ContentSource, SourceBlob};
