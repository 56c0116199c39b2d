//! The JSON documents that scripts read, and their schemas.
//!
//! `schema` is always the first member. The report of `verify` and the receipt of `push` are the verifier's
//! and the pusher's own types.

mod build;
mod demo;
mod inspect;
mod lock;
mod push_plan;

use airlift_oci::text::harmless_json;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::failure::Failure;

pub use build::{BuildDocument, PlanDocument, PlannedBlob, PlannedImage, PlannedVolume};
pub(crate) use demo::DEMO;
pub use demo::{Compared, DemoDocument};
pub(crate) use inspect::INSPECT;
pub use inspect::{
    Content, InspectDocument, InspectedBlob, InspectedConfig, InspectedImage, InspectedManifest,
    InspectedStep, Structure,
};
pub use lock::{
    ChangeKind, DifferenceKind, LockChange, LockCheckDocument, LockDifference, LockResultDocument,
};
pub use push_plan::{Found, PushPlanDocument, PushedAttached, PushedImage};

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
        ("lock-result.json", named::<LockResultDocument>()),
        ("lock-check.json", named::<LockCheckDocument>()),
        ("lock.json", named::<airlift_lists::lock::Lock>()),
        ("volume.json", named::<airlift_verifier::VolumeReport>()),
        ("images.json", airlift_lists::images_file::schema()),
        ("volumes.json", named::<airlift_bundle::volumes::VolumeSet>()),
    ]
}

/// A document as it is printed or written to a file. People look at it on terminals, so it holds nothing that
/// these obey.
pub(crate) fn written(document: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(document).map_err(Failure::Json)?;
    text.push('\n');
    Ok(harmless_json(&text).into_owned())
}

/// The schema of what is written, which may lack members that are empty.
fn named<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}
