//! The parts of a report, as they are written as JSON.

use airlift_bundle::Finding;
use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

use super::state::State;

/// What the report calls itself.
pub const SCHEMA: &str = "airlift.report/v1";

/// The answer to "is this bundle whole and unchanged?".
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `airlift.report/v1`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: &'static str,
    /// Whether there is no finding of severity `error`.
    pub ok: bool,
    /// What the bundle is, by all findings.
    pub state: State,
    /// The digest of `index.json`: the bundle's id. Absent where there is no `index.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Digest>,
    /// Bytes of the archive, or of a folder's files together.
    pub size: u64,
    /// Bytes of content that were read and hashed.
    pub hashed: u64,
    /// The images and artifacts that the bundle names.
    pub images: Vec<ImageReport>,
    /// What is attached to them: signatures, SBOMs, attestations.
    pub referrers: Vec<ReferrerReport>,
    /// Content of an unknown type that the layout lists like an image. Only its digest is checked. Absent
    /// where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownReport>,
    /// Everything that is wrong or odd. What is wrong with the archive itself comes first.
    pub findings: Vec<Finding>,
}

/// One image or artifact of the bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageReport {
    /// Its reference, as the bundle gives it. Absent where a layout has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// Whether all of it is there and unchanged.
    pub ok: bool,
    /// The platforms whose content is carried.
    pub platforms: Vec<String>,
    /// The platforms that were left out by choice.
    pub omitted_platforms: Vec<String>,
}

/// Something attached to an image.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerReport {
    /// Its reference, as the bundle gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest that it is attached to.
    pub subject: Digest,
    /// What kind of artifact it is, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Whether all of it is there and unchanged.
    pub ok: bool,
}

/// Content of an unknown type.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnknownReport {
    /// The name that the layout gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Its digest.
    pub digest: Digest,
    /// What the layout calls its type.
    pub media_type: String,
}
