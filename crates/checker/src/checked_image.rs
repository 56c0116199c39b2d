//! What was found out about an image.

use std::fmt;

use airlift_oci::{Digest, Repository};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::CheckError;

/// The state of an image at a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is there.
    Ok,
    /// The digest is there, but the tag is gone or stands for something else.
    Drift,
    /// The digest is gone; or the tag, where nothing else names the image.
    Lost,
    /// Manifests or blobs below it are gone, or can't be followed.
    Incomplete,
    /// Blobs have other bytes. Only found where all of them are read.
    Damaged,
    /// It could not be found out.
    Unreachable,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            State::Ok => "ok",
            State::Drift => "drift",
            State::Lost => "lost",
            State::Incomplete => "incomplete",
            State::Damaged => "damaged",
            State::Unreachable => "unreachable",
        })
    }
}

/// A manifest or a blob of an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Where it stands, such as `linux/amd64 layer 3`.
    pub place: String,
    /// Its digest.
    pub digest: Digest,
}

/// What was found out about an image.
#[derive(Clone, Debug)]
pub struct CheckedImage {
    /// The state.
    pub state: State,
    /// The digest that was checked; `None` where only a tag was known, and nothing came of it.
    pub digest: Option<Digest>,
    /// What the tag stands for, where that is another digest.
    pub tag_digest: Option<Digest>,
    /// What is not there.
    pub missing: Vec<Part>,
    /// What is there with other bytes.
    pub damaged: Vec<Part>,
    /// Why something could not be found out or followed.
    pub error: Option<CheckError>,
    /// The repository that was asked last.
    pub asked: Option<Repository>,
    /// The platforms that were checked, as far as an index names them.
    pub platforms: Vec<String>,
    /// Bytes of the blobs that were checked, each once.
    pub size: u64,
}

impl CheckedImage {
    /// An image of which only a state and an error are known.
    pub fn unknown(digest: Option<Digest>, state: State, error: Option<CheckError>) -> Self {
        CheckedImage {
            state,
            digest,
            tag_digest: None,
            missing: Vec::new(),
            damaged: Vec::new(),
            error,
            asked: None,
            platforms: Vec::new(),
            size: 0,
        }
    }
}
