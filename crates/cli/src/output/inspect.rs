//! What `airlift inspect` says. A hostile bundle has a million blobs, so the parts of a document are made
//! while it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use airlift_oci::{BuildStep, Digest, ImageConfig};
use schemars::JsonSchema;
use serde::Serialize;

use super::streamed::StreamedList;

pub(crate) const INSPECT: &str = "airlift.inspect/v1";

/// What a bundle holds, or the part of it that was asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InspectDocument<'a> {
    /// `airlift.inspect/v1`.
    #[schemars(extend("const" = INSPECT))]
    pub schema: &'static str,
    /// The bundle's path, as it was given.
    pub bundle: String,
    /// The bundle's id: the digest of its `index.json`.
    pub id: Digest,
    /// Bytes of the archive, or of a folder's files together.
    pub size: u64,
    /// `false` where the structure is damaged. Otherwise `null`: blobs are not hashed here, so only `airlift
    /// verify` can say yes.
    pub ok: Option<bool>,
    /// What the structure is like: the archive, `index.json` and the manifests.
    pub structure: Structure,
    /// What is known of the blobs.
    pub content: Content,
    /// The images and artifacts: all, or those that were asked for by name.
    #[serde(skip_serializing_if = "StreamedList::is_empty")]
    pub images: StreamedList<'a, InspectedImage<'a>>,
    /// The manifest that was asked for by digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<InspectedManifest<'a>>,
    /// The blob that was asked for by digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<InspectedBlob>,
}

/// What a bundle's structure is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Structure {
    /// Nothing is wrong with it.
    Sound,
    /// Something is missing or altered.
    Damaged,
}

/// What is known of a bundle's blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// They were not hashed.
    Unchecked,
}

/// One image or artifact.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InspectedImage<'a> {
    /// Its name in the bundle; absent where a layout names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// For signatures, SBOMs and the like: the manifest that it is attached to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// The platforms that are carried.
    pub platforms: Vec<String>,
    /// The platforms that were left out by choice.
    pub omitted_platforms: Vec<String>,
    /// Its index or manifest.
    pub manifest: InspectedManifest<'a>,
}

/// An index or manifest and what it names.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InspectedManifest<'a> {
    /// Its name among its siblings: a platform, "attestation of linux/amd64", "manifest 3"; an image's name
    /// at the top.
    pub label: String,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its own size in bytes.
    pub size: u64,
    /// Bytes of it and of all that it reaches and that is carried, each digest once.
    pub total_size: u64,
    /// Its platform, where its index names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What kind of artifact it is, where it isn't an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Whether it is a BuildKit attestation.
    pub attestation: bool,
    /// Whether its bytes are missing or damaged, so that what lies below is unknown.
    pub unreadable: bool,
    /// Whether it stands in the document before this, where its contents are.
    pub repeated: bool,
    /// Whether its config and layers were left out by choice.
    pub omitted: bool,
    /// Whether it is left out itself, because the source didn't have it: then its descriptor is all that is
    /// known of it.
    pub absent: bool,
    /// The manifests that it lists.
    #[serde(skip_serializing_if = "StreamedList::is_empty")]
    pub manifests: StreamedList<'a, InspectedManifest<'a>>,
    /// Its configuration. Only for images and manifests that were asked for, and absent where the bundle
    /// doesn't carry it or where it is not an image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<InspectedConfig>,
    /// Its config, layers, and what else it names, in order.
    #[serde(skip_serializing_if = "StreamedList::is_empty")]
    pub blobs: StreamedList<'a, InspectedBlob>,
}

/// What an image's configuration says. Members that are missing or empty there are absent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InspectedConfig {
    /// When the image was made, as RFC 3339 writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The name of the person or organisation that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The program that the container starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// The program's arguments, or the program where there is no entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// The names of the environment variables. The values may be secrets and are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env_names: Vec<String>,
    /// The user that the process runs as; absent where none is set, which means root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The folder in which the program starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// The ports that the image exposes, such as `80/tcp`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exposed_ports: Vec<String>,
    /// The signal that stops the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// The labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The build's steps, the first one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<InspectedStep>,
}

/// One step of an image's build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InspectedStep {
    /// When the step ran, as RFC 3339 writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The instruction. Values of variables and of build arguments are replaced by `…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Whether the step added no layer.
    pub empty_layer: bool,
}

impl From<ImageConfig> for InspectedConfig {
    fn from(config: ImageConfig) -> Self {
        let step = |step: BuildStep| InspectedStep {
            created: step.created,
            created_by: step.created_by,
            empty_layer: step.empty_layer,
        };
        InspectedConfig {
            created: config.created,
            author: config.author,
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            env_names: config.env_names,
            user: config.user,
            working_dir: config.working_dir,
            exposed_ports: config.exposed_ports,
            stop_signal: config.stop_signal,
            labels: config.labels,
            history: config.history.into_iter().map(step).collect(),
        }
    }
}

/// A config, a layer, or another blob.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InspectedBlob {
    /// "config", "layer 3".
    pub part: String,
    /// Its digest.
    pub digest: Digest,
    /// Its media type; empty where none is named.
    pub media_type: Cow<'static, str>,
    /// Its size in bytes.
    pub size: u64,
    /// Where its first byte is in the archive, in bytes from its start; absent where it isn't in the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Whether it is left outside of the bundle, because the source had it only by `urls`.
    pub external: bool,
    /// Whether another manifest of the bundle names it, too.
    pub shared: bool,
}
