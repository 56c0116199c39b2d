//! What `airlift diff` says.

use airlift_lists::image_set::{AttachedDiff, ByteTotals, ImageChange, PlatformChange, SetDiff, StateChange};
use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

const DIFF: &str = "airlift.diff/v1";

/// In what two sets of images differ.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffDocument {
    /// `airlift.diff/v1`.
    #[schemars(extend("const" = DIFF))]
    pub schema: &'static str,
    /// Whether nothing differs that both sides know.
    pub same: bool,
    /// The images that differ, sorted by reference.
    pub images: Vec<DifferentImage>,
    /// The platforms that differ of images that both sides have. Absent where none does, or one side doesn't
    /// say which platforms it has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<DifferentPlatform>,
    /// What is attached and differs. Absent where nothing does, or one side doesn't say what is attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached: Option<DifferentAttached>,
    /// Bytes of configs and layers, each once, manifests not counted. Absent where not all are known: a lock
    /// doesn't list layers, and a receipt has no sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<ByteTotals>,
    /// Bytes of platforms, each platform's manifest once; layers that several platforms have count for each
    /// of them. Absent where one side doesn't say which platforms it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_bytes: Option<ByteTotals>,
}

/// What became of an image or a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceOfSets {
    /// Only the second side has it.
    Added,
    /// Only the first side has it.
    Removed,
    /// It has another digest.
    Moved,
}

/// In what an image or a platform differs.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Difference {
    /// What became of it.
    pub change: DifferenceOfSets,
    /// The first side's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// The second side's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Digest>,
}

/// An image that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DifferentImage {
    /// Its full name; for one without a full name what it is called, or its digest.
    pub reference: String,
    /// In what it differs.
    #[serde(flatten)]
    pub difference: Difference,
}

/// A platform that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DifferentPlatform {
    /// The image.
    pub reference: String,
    /// The platform.
    pub platform: String,
    /// In what it differs.
    #[serde(flatten)]
    pub difference: Difference,
}

/// Signatures, SBOMs and other attached content that only one side has.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DifferentAttached {
    /// The manifests that only the second side has.
    pub added: Vec<Digest>,
    /// The manifests that only the first side has.
    pub removed: Vec<Digest>,
}

impl DiffDocument {
    pub(crate) fn new(diff: &SetDiff) -> Self {
        let attached = diff.attached.clone().filter(|diff| *diff != AttachedDiff::default());
        let attached = attached.map(|diff| DifferentAttached { added: diff.added, removed: diff.removed });
        DiffDocument {
            schema: DIFF,
            same: diff.is_same(),
            images: diff.images.iter().map(DifferentImage::from).collect(),
            platforms: diff.platforms.iter().map(DifferentPlatform::from).collect(),
            attached,
            bytes: diff.bytes,
            platform_bytes: diff.platform_bytes,
        }
    }
}

impl From<StateChange> for Difference {
    fn from(change: StateChange) -> Self {
        let kind = match change {
            StateChange::Added(_) => DifferenceOfSets::Added,
            StateChange::Removed(_) => DifferenceOfSets::Removed,
            StateChange::Moved { .. } => DifferenceOfSets::Moved,
        };
        Difference { change: kind, from: change.from(), to: change.to() }
    }
}

impl From<&ImageChange> for DifferentImage {
    fn from(ImageChange { name, change }: &ImageChange) -> Self {
        DifferentImage { reference: name.to_string(), difference: (*change).into() }
    }
}

impl From<&PlatformChange> for DifferentPlatform {
    fn from(PlatformChange { image, platform, change }: &PlatformChange) -> Self {
        DifferentPlatform {
            reference: image.to_string(),
            platform: platform.clone(),
            difference: (*change).into(),
        }
    }
}
