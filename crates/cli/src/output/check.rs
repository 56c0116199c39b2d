//! What `airlift check` says.

use airlift_checker::{CheckedImage, Part, State};
use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

use crate::failure::with_causes;

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
    pub state: CheckState,
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

/// The state of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// All is there.
    Ok,
    /// The digest is there, but the tag is gone or stands for something else.
    Drift,
    /// The digest is gone; or the tag, where nothing else names the image.
    Lost,
    /// Manifests or blobs below it are gone, or can't be followed.
    Incomplete,
    /// Blobs have other bytes. Only `--deep` finds this.
    Damaged,
    /// It could not be found out.
    Unreachable,
}

impl From<State> for CheckState {
    fn from(state: State) -> Self {
        match state {
            State::Ok => CheckState::Ok,
            State::Drift => CheckState::Drift,
            State::Lost => CheckState::Lost,
            State::Incomplete => CheckState::Incomplete,
            State::Damaged => CheckState::Damaged,
            State::Unreachable => CheckState::Unreachable,
        }
    }
}

/// The word for a state, as documents and texts have it.
pub(crate) fn word_of(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Drift => "drift",
        State::Lost => "lost",
        State::Incomplete => "incomplete",
        State::Damaged => "damaged",
        State::Unreachable => "unreachable",
    }
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
        let ok = unselected.is_empty() && entries.iter().all(|entry| entry.state == CheckState::Ok);
        CheckDocument { schema: CHECK, ok, at: at.map(str::to_owned), entries, unselected }
    }
}

fn entry(name: &str, target: Option<String>, image: &CheckedImage) -> CheckEntry {
    let digests = |parts: &[Part]| parts.iter().map(|part| part.digest).collect();
    CheckEntry {
        reference: name.to_owned(),
        digest: image.digest,
        state: image.state.into(),
        target,
        tag_digest: image.tag_digest,
        missing: digests(&image.missing),
        damaged: digests(&image.damaged),
        platforms: image.platforms.clone(),
        size: (image.size > 0).then_some(image.size),
        error: image.error.as_ref().map(|error| with_causes(error)),
    }
}
