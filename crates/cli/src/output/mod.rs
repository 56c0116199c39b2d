//! The JSON documents that scripts read, and their schemas.
//!
//! `schema` is always the first member. The report of `verify` and the receipt of `push` are the verifier's and the
//! pusher's own types.

mod build;
mod demo;
mod inspect;
mod push_plan;

use schemars::{JsonSchema, Schema, schema_for};

pub use build::{BuildDocument, PlanDocument, PlannedBlob, PlannedImage};
pub(crate) use demo::DEMO;
pub use demo::{Compared, DemoDocument};
pub(crate) use inspect::INSPECT;
pub use inspect::{InspectDocument, InspectedBlob, InspectedImage, InspectedManifest};
pub use push_plan::{Found, PushPlanDocument, PushedImage};

/// The schemas of all documents, each with the name of its file in `schemas/`.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("build.json", named::<BuildDocument>()),
        ("plan.json", named::<PlanDocument>()),
        ("report.json", named::<airlift_verifier::Report>()),
        ("receipt.json", named::<airlift_pusher::Receipt>()),
        ("push-plan.json", named::<PushPlanDocument>()),
        ("inspect.json", named::<InspectDocument>()),
        ("demo.json", named::<DemoDocument>()),
    ]
}

fn named<T: JsonSchema>() -> Schema {
    schema_for!(T)
}
