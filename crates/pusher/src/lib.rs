//! Verified bundle to registry: raw bytes, children first, tags last, read back.
//!
//! [`PushPlan`] says what goes where, without a network; [`survey`] asks what is there, a HEAD an image; [`push`] sends
//! what is missing. Only a [`VerifiedBundle`](airlift_verifier::VerifiedBundle) is accepted, and whatever is read from it
//! is hashed on the way.
//!
//! What is absent here: a terminal, exit codes, and any parsed form of a manifest on its way out.

mod blobs;
mod destination;
mod image;
mod plan;
mod push;
pub mod receipt;
mod survey;

pub use destination::{Destination, DestinationError, HostInPath, MapRule};
pub use plan::{Options, PlanError, PlannedImage, PushPlan, TagMoves};
pub use push::{PushError, push};
pub use receipt::{ImageReceipt, Receipt, Status, Verdict};
pub use survey::{Standing, survey};
