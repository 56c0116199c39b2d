//! Verified bundle to registry: raw bytes, children first, tags last, read back.
//!
//! [`PushPlan`] says what goes where, without a network; [`preview`] asks what is there and what a push would
//! be refused; [`push`] sends what is missing. Only a [`ContentSource`] is
//! accepted, such as a [`VerifiedBundle`](airlift_verifier::VerifiedBundle): all that is read from it is hashed
//! on the way.
//!
//! What is absent here: a terminal, exit codes, and any parsed form of a manifest on its way out.

mod ahead;
mod attached;
mod blobs;
mod children;
mod delivery;
mod destination;
mod failure;
mod gate;
mod image;
mod keeper;
mod late;
mod lists;
mod lost;
mod plan;
mod preview;
mod push;
pub mod receipt;
mod refused;
mod rules;
mod select;
mod source;
mod sparse;
mod survey;
mod tags;
mod tree;

pub use destination::{Destination, DestinationError, HostInPath, MapRule};
pub use gate::{Certainty, SparseRefusal};
pub use plan::{
    Options, Partial, PlanError, PlannedAttached, PlannedImage, Presence, Probe, PushPlan, TagMoves, Untagged,
};
pub use preview::{Preview, preview};
pub use push::{PushError, Request, push};
pub use receipt::{ImageReceipt, KnownCause, Receipt, Status, Verdict};
pub use rules::UnusedRule;
pub use select::{Pattern, Unmatched};
pub use source::{ContentSource, SourceBlob};
pub use sparse::OmittedChild;
pub use survey::Standing;
pub use tags::{SharedTag, TakenTag};
