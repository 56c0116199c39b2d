//! What `airlift demo` says.

use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const DEMO: &str = "airlift.demo/v1";

/// How the demonstration went.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DemoDocument {
    /// `airlift.demo/v1`.
    #[schemars(extend("const" = DEMO))]
    pub schema: &'static str,
    /// Whether the flipped byte was caught and every digest arrived unchanged.
    pub ok: bool,
    /// The bundle's id.
    pub bundle: Digest,
    /// The archive's size in bytes.
    pub size: u64,
    /// Where in the archive a byte was flipped, in bytes from its start.
    pub flipped_at: u64,
    /// What `verify` said of it: image, platform and part, outermost first; empty if it noticed nothing.
    pub caught: Vec<String>,
    /// The images, in the samples' order.
    pub images: Vec<Compared>,
}

/// One image at both ends.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// Repository and tag.
    pub image: String,
    /// What it is.
    pub kind: String,
    /// Its platforms.
    pub platforms: Vec<String>,
    /// The digest behind the tag at the source.
    pub source: Digest,
    /// The digest behind the tag at the target; absent where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Digest>,
    /// Manifests and indexes that were compared byte for byte.
    pub manifests: usize,
    /// Blobs that were looked for by digest.
    pub blobs: usize,
    /// Whether all of it is the same.
    pub same: bool,
}
