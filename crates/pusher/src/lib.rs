//! Verified bundle to registry: raw bytes, children first, tags last, read back.
//!
//! [`PushPlan`] says what goes where, without a network; [`survey`] asks what is there, a HEAD an image; [`push`] sends
//! what is missing. Only a [`VerifiedBundle`](airlift_verifier::VerifiedBundle) is accepted, and whatever is read from it
//! is hashed on the way.
//!
//! What is absent here: a terminal, exit codes, and any parsed form of a manifest on its way out.

mod ahead;
mod attached;
mod blobs;
mod destination;
mod failure;
mod gate;
mod image;
mod lost;
mod plan;
mod push;
pub mod receipt;
mod refused;
mod rules;
mod select;
mod sparse;
mod survey;
mod tree;

pub use destination::{Destination, DestinationError, HostInPath, MapRule};
pub use gate::{Certainty, SparseRefusal};
pub use plan::{Options, Partial, PlanError, PlannedImage, Presence, Probe, PushPlan, TagMoves, Untagged};
pub use push::{PushError, TakenTag, is_registry, push};
pub use receipt::{ImageReceipt, Receipt, Status, Verdict};
pub use select::{Pattern, Unmatched};
pub use sparse::OmittedChild;
pub use survey::{Standing, survey};
