//! Building images and indexes of any shape.

use airlift_oci::{Algorithm, Digest, media_type};
use bytes::Bytes;

use super::archive;
use super::content::Content;
use super::json::{Json, Layout};

/// Whose media types a document uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// OCI's.
    #[default]
    Oci,
    /// Docker's, version 2, schema 2.
    Docker,
}

/// A layer to be made.
#[derive(Clone, Debug)]
pub enum Layer {
    /// A gzip'd tar with one file of `size` bytes that follow from `seed`: equal seeds and sizes, equal
    /// layers.
    Files {
        /// What makes it differ from others of its size.
        seed: u64,
        /// The file's size in bytes; the layer is little larger.
        size: usize,
    },
    /// Bytes as they are, of any type, even none at all.
    Raw {
        /// Their media type.
        media_type: String,
        /// The layer's exact bytes.
        bytes: Bytes,
        /// Annotations of its descriptor.
        annotations: Vec<(String, String)>,
    },
}

/// What an image is to look like. The default is OCI, compact, sha256, linux/amd64, without layers.
#[derive(Clone, Debug)]
pub struct ImageSpec {
    /// `OS/ARCH` or `OS/ARCH/VARIANT`.
    pub platform: String,
    /// The layers, base first.
    pub layers: Vec<Layer>,
    /// Whose media types it uses.
    pub flavour: Flavour,
    /// How the manifest is written; the config is always compact.
    pub layout: Layout,
    /// The algorithm of every digest in the manifest, and of its own.
    pub algorithm: Algorithm,
    /// Annotations of the manifest.
    pub annotations: Vec<(String, String)>,
    /// `artifactType`; with it, the config is the empty one, inline.
    pub artifact_type: Option<String>,
    /// The manifest that this one is about.
    pub subject: Option<Content>,
}

impl Default for ImageSpec {
    fn default() -> Self {
        ImageSpec {
            platform: "linux/amd64".to_owned(),
            layers: Vec::new(),
            flavour: Flavour::Oci,
            layout: Layout::Compact,
            algorithm: Algorithm::Sha256,
            annotations: Vec::new(),
            artifact_type: None,
            subject: None,
        }
    }
}

/// A manifest and its blobs.
#[derive(Clone, Debug)]
pub struct Image {
    /// The manifest.
    pub manifest: Content,
    /// The config, then the layers.
    pub blobs: Vec<Content>,
    /// The platform that it was made for.
    pub platform: String,
}

/// Builds an image; its config's `rootfs.diff_ids` are right, so that runtimes unpack it.
pub fn image(spec: &ImageSpec) -> Image {
    let layers: Vec<MadeLayer> = spec.layers.iter().map(|layer| make_layer(layer, spec)).collect();
    let config = config(spec, &layers);
    let media_type = match spec.flavour {
        Flavour::Oci => media_type::OCI_MANIFEST,
        Flavour::Docker => media_type::DOCKER_MANIFEST,
    };
    let mut members = header(media_type);
    if let Some(artifact_type) = &spec.artifact_type {
        members.push(("artifactType".into(), Json::text(artifact_type)));
    }
    let mut config_descriptor = descriptor(&config);
    if spec.artifact_type.is_some() {
        config_descriptor.push(("data".into(), Json::text("e30=")));
    }
    members.push(("config".into(), Json::Object(config_descriptor)));
    members.push(("layers".into(), Json::List(layers.iter().map(layer_descriptor).collect())));
    if let Some(subject) = &spec.subject {
        members.push(("subject".into(), Json::Object(descriptor(subject))));
    }
    if !spec.annotations.is_empty() {
        members.push(("annotations".into(), Json::texts(&spec.annotations)));
    }
    let manifest = Content::new(spec.algorithm, media_type, Json::Object(members).render(spec.layout));
    let blobs = std::iter::once(config).chain(layers.into_iter().map(|layer| layer.content)).collect();
    Image { manifest, blobs, platform: spec.platform.clone() }
}

struct MadeLayer {
    content: Content,
    diff_id: Digest,
    annotations: Vec<(String, String)>,
}

fn make_layer(layer: &Layer, spec: &ImageSpec) -> MadeLayer {
    match layer {
        Layer::Files { seed, size } => {
            let media_type = match spec.flavour {
                Flavour::Oci => "application/vnd.oci.image.layer.v1.tar+gzip",
                Flavour::Docker => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            };
            let tar = archive::tar(*seed, *size);
            let content = Content::new(spec.algorithm, media_type, archive::gzip(&tar));
            MadeLayer { content, diff_id: Digest::sha256(&tar), annotations: Vec::new() }
        }
        Layer::Raw { media_type, bytes, annotations } => MadeLayer {
            content: Content::new(spec.algorithm, media_type.as_str(), bytes.clone()),
            diff_id: Digest::sha256(bytes),
            annotations: annotations.clone(),
        },
    }
}

fn config(spec: &ImageSpec, layers: &[MadeLayer]) -> Content {
    if spec.artifact_type.is_some() {
        return Content::new(spec.algorithm, media_type::OCI_EMPTY, "{}");
    }
    let media_type = match spec.flavour {
        Flavour::Oci => media_type::OCI_CONFIG,
        Flavour::Docker => media_type::DOCKER_CONFIG,
    };
    let diff_ids = layers.iter().map(|layer| Json::text(layer.diff_id.to_string())).collect();
    let rootfs = vec![("type".into(), Json::text("layers")), ("diff_ids".into(), Json::List(diff_ids))];
    let history = |_: &MadeLayer| {
        Json::texts(&[("created".into(), EPOCH.into()), ("created_by".into(), "airlift".into())])
    };
    let mut members = vec![("created".into(), Json::text(EPOCH))];
    members.extend(platform_members(&spec.platform));
    let command = Json::List(vec![Json::text("/srv/start")]);
    let process = Json::Object(vec![("Cmd".into(), command), ("WorkingDir".into(), Json::text("/srv"))]);
    members.push(("config".into(), process));
    members.push(("rootfs".into(), Json::Object(rootfs)));
    members.push(("history".into(), Json::List(layers.iter().map(history).collect())));
    Content::new(spec.algorithm, media_type, Json::Object(members).render(Layout::Compact))
}

/// The only time there is in a sample.
const EPOCH: &str = "1970-01-01T00:00:00Z";

fn layer_descriptor(layer: &MadeLayer) -> Json {
    let mut members = descriptor(&layer.content);
    if !layer.annotations.is_empty() {
        members.push(("annotations".into(), Json::texts(&layer.annotations)));
    }
    Json::Object(members)
}

/// What an index is to look like.
#[derive(Clone, Debug, Default)]
pub struct IndexSpec {
    /// The manifests that it lists, in order.
    pub children: Vec<Child>,
    /// Whose media types it uses.
    pub flavour: Flavour,
    /// How it is written.
    pub layout: Layout,
    /// Its digest's algorithm; sha256 unless set.
    pub algorithm: Option<Algorithm>,
    /// Annotations of the index.
    pub annotations: Vec<(String, String)>,
    /// Members that no specification knows, with texts as values.
    pub unknown: Vec<(String, String)>,
}

/// An entry of an index.
#[derive(Clone, Debug)]
pub struct Child {
    /// The manifest or inner index.
    pub content: Content,
    /// `OS/ARCH[/VARIANT]`, or none at all.
    pub platform: Option<String>,
    /// Annotations of its descriptor.
    pub annotations: Vec<(String, String)>,
}

impl From<&Image> for Child {
    fn from(image: &Image) -> Self {
        Child {
            content: image.manifest.clone(),
            platform: Some(image.platform.clone()),
            annotations: Vec::new(),
        }
    }
}

impl From<&Content> for Child {
    /// An inner index: without a platform.
    fn from(content: &Content) -> Self {
        Child { content: content.clone(), platform: None, annotations: Vec::new() }
    }
}

/// Builds an index or manifest list.
pub fn index(spec: &IndexSpec) -> Content {
    let media_type = match spec.flavour {
        Flavour::Oci => media_type::OCI_INDEX,
        Flavour::Docker => media_type::DOCKER_LIST,
    };
    let mut members = header(media_type);
    members.push(("manifests".into(), Json::List(spec.children.iter().map(child_descriptor).collect())));
    if !spec.annotations.is_empty() {
        members.push(("annotations".into(), Json::texts(&spec.annotations)));
    }
    members.extend(spec.unknown.iter().map(|(name, text)| (name.clone(), Json::text(text))));
    let algorithm = spec.algorithm.unwrap_or(Algorithm::Sha256);
    Content::new(algorithm, media_type, Json::Object(members).render(spec.layout))
}

fn child_descriptor(child: &Child) -> Json {
    let mut members = descriptor(&child.content);
    if let Some(platform) = &child.platform {
        members.push(("platform".into(), Json::Object(platform_members(platform))));
    }
    if !child.annotations.is_empty() {
        members.push(("annotations".into(), Json::texts(&child.annotations)));
    }
    Json::Object(members)
}

type Members = Vec<(String, Json)>;

fn header(media_type: &str) -> Members {
    vec![("schemaVersion".into(), Json::Number(2)), ("mediaType".into(), Json::text(media_type))]
}

fn descriptor(content: &Content) -> Members {
    vec![
        ("mediaType".into(), Json::text(&content.media_type)),
        ("digest".into(), Json::text(content.digest.to_string())),
        ("size".into(), Json::Number(content.bytes.len() as u64)),
    ]
}

fn platform_members(platform: &str) -> Members {
    let mut parts = platform.splitn(3, '/');
    let mut members = Members::new();
    let (os, architecture) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    members.push(("architecture".into(), Json::text(architecture)));
    members.push(("os".into(), Json::text(os)));
    if let Some(variant) = parts.next() {
        members.push(("variant".into(), Json::text(variant)));
    }
    members
}
