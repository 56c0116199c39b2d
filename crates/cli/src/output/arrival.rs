//! One line of `--events`.

use airlift_lists::Timestamp;
use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

/// A manifest that arrived at the target, and was read back there byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    /// Whether it was read back by a tag or by its digest.
    pub event: ArrivalKind,
    /// The repository, with its host.
    pub repository: String,
    /// The tag that stands for it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// What the tag stood for before. Absent where it was not there, or the registry didn't show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// When it was read back.
    pub at: Timestamp,
}

/// How a manifest was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalKind {
    /// By its tag.
    Tag,
    /// By its digest.
    Digest,
}
