//! What `airlift check` says.

use airlift_checker::{CheckedImage, Part, State};
use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

use airlift_oci::text::with_causes;

const CHECK: &str = "airlift.check/v1";

/// Whether images are there.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckDocument {
    /// `airlift.check/v1`.
    #[schemars(extend("const" = CHECK))]
    pub schema: &'static str,
    /// Whether all of them are there, whole and under their tags.
    pub ok: bool,
    /// The destination, as it was given. Absent if the images were asked for where they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The images, in the order in which they were asked for.
    pub entries: Vec<CheckEntry>,
    /// Tag selectors that select nothing, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unselected: Vec<String>,
}

/// One image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckEntry {
    /// Its name at the source.
    pub reference: String,
    /// Its digest. Absent where only a tag is known, and nothing is there under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The state.
    pub state: State,
    /// The name under which it was asked for, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the tag stands for, where that is another digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_digest: Option<Digest>,
    /// The manifests and blobs below it that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Digest>,
    /// The blobs that have other bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<Digest>,
    /// The platforms that were checked, as far as an index names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Bytes of the configs and layers that were checked, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Why something could not be found out, or can't be followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl CheckDocument {
    /// The document of images, each with its name and the name under which it was asked for.
    pub(crate) fn new<'a>(
        at: Option<&str>,
        images: impl Iterator<Item = (&'a str, Option<String>, &'a CheckedImage)>,
        unselected: Vec<String>,
    ) -> Self {
        let entries: Vec<CheckEntry> =
            images.map(|(name, target, image)| entry(name, target, image)).collect();
        let ok = unselected.is_empty() && entries.iter().all(|entry| entry.state == State::Ok);
        CheckDocument { schema: CHECK, ok, at: at.map(str::to_owned), entries, unselected }
    }
}

fn entry(name: &str, target: Option<String>, image: &CheckedImage) -> CheckEntry {
    let digests = |parts: &[Part]| parts.iter().map(|part| part.digest).collect();
    CheckEntry {
        reference: name.to_owned(),
        digest: image.digest,
        state: image.state,
        target,
        tag_digest: image.tag_digest,
        missing: digests(&image.missing),
        damaged: digests(&image.damaged),
        platforms: image.platforms.clone(),
        size: (image.size > 0).then_some(image.size),
        error: image.error.as_ref().map(|error| with_causes(error)),
    }
}
