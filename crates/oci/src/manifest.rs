//! Raw manifests: bytes that were proven on arrival, and the read view of them.
//!
//! Nothing here serialises. The bytes that came in are the bytes that go into the archive and out to a
//! registry.

use std::sync::Arc;

use bytes::Bytes;

use crate::document::{Document, DocumentError};
use crate::media_type::{self, Kind};
use crate::{Descriptor, Digest};

/// The largest manifest or index that Airlift takes: what registries take, too (distribution-spec 1.1 asks
/// for 4 MiB).
pub const MAX_MANIFEST: u64 = 4 << 20;

/// Why bytes are not the manifest that they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The size differs from the one that the descriptor names.
    #[error("manifest {digest} should have {expected} bytes, but {actual} came")]
    Size {
        /// The manifest.
        digest: Digest,
        /// The descriptor's size.
        expected: u64,
        /// What came.
        actual: u64,
    },
    /// It is larger than any registry takes.
    #[error("manifest {digest} has {size} bytes; more than {MAX_MANIFEST} is refused")]
    TooLarge {
        /// The manifest.
        digest: Digest,
        /// Its size.
        size: u64,
    },
    /// The bytes have another digest.
    #[error("manifest {expected} came with other content, whose digest is {actual}")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// The JSON was refused.
    #[error("manifest {digest} can't be read")]
    Document {
        /// The manifest.
        digest: Digest,
        /// Why.
        #[source]
        source: DocumentError,
    },
    /// Body and descriptor, or body and `Content-Type`, name different media types.
    #[error("manifest {digest} calls itself '{}', but was announced as '{}'", .body.escape_debug(), .announced.escape_debug())]
    MediaType {
        /// The manifest.
        digest: Digest,
        /// The body's own `mediaType`.
        body: String,
        /// What the descriptor or the registry said.
        announced: String,
    },
    /// Docker's schema 1.
    #[error(
        "manifest {digest} is of Docker's schema 1, which has no stable digest and can't be carried; push the image again with a current tool"
    )]
    Schema1 {
        /// The manifest.
        digest: Digest,
    },
    /// Neither an index nor a manifest.
    #[error("{digest} is of type '{}', which is neither an image index nor a manifest", .media_type.escape_debug())]
    Unsupported {
        /// The content.
        digest: Digest,
        /// Its media type.
        media_type: String,
    },
    /// One document that is an index to one reader and a manifest to another (CVE-2021-41190).
    #[error(
        "manifest {digest} has members of more than one kind ('manifests'; 'config' and 'layers'; 'blobs' of an artifact): readers disagree on what it is"
    )]
    Ambiguous {
        /// The manifest.
        digest: Digest,
    },
    /// A member that must be there is not.
    #[error("manifest {digest} lacks '{member}'")]
    Lacks {
        /// The manifest.
        digest: Digest,
        /// The member.
        member: &'static str,
    },
}

/// What a manifest's bytes say, as far as the graph is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A list of manifests (and, in caches, of plain blobs).
    Index(Vec<Descriptor>),
    /// A config and layers.
    Manifest {
        /// The config; the empty one for artifacts.
        config: Box<Descriptor>,
        /// The layers, in order.
        layers: Vec<Descriptor>,
    },
    /// The blobs of an artifact manifest, in order.
    Artifact(Vec<Descriptor>),
}

/// A manifest's exact bytes with the digest and media type that they were proven to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawManifest {
    bytes: Bytes,
    digest: Digest,
    media_type: String,
    /// Shared: graphs are cloned, and a parsed view is several times as large as its bytes.
    node: Arc<Node>,
    /// Boxed: most have none, and a graph holds many manifests.
    subject: Option<Box<Descriptor>>,
    artifact_type: Option<String>,
}

impl RawManifest {
    /// Proves `bytes` against a descriptor: size, digest, media type, and JSON that can be read in one way
    /// only.
    ///
    /// # Errors
    /// If one of these differs, or the JSON is refused.
    pub fn prove(bytes: Bytes, descriptor: &Descriptor) -> Result<Self, ManifestError> {
        let digest = descriptor.digest;
        if bytes.len() as u64 != descriptor.size {
            return Err(ManifestError::Size {
                digest,
                expected: descriptor.size,
                actual: bytes.len() as u64,
            });
        }
        Self::received(bytes, digest, Some(&descriptor.media_type))
    }

    /// Proves `bytes` against a digest alone, as for a root that a registry sent. `announced` is the
    /// response's `Content-Type`, if any.
    ///
    /// # Errors
    /// If they are too many, the digest or media type differs, or the JSON is refused.
    pub fn received(bytes: Bytes, digest: Digest, announced: Option<&str>) -> Result<Self, ManifestError> {
        let size = bytes.len() as u64;
        if size > MAX_MANIFEST {
            return Err(ManifestError::TooLarge { digest, size });
        }
        let actual = Digest::of(digest.algorithm(), &bytes);
        if actual != digest {
            return Err(ManifestError::Digest { expected: digest, actual });
        }
        let document =
            Document::parse(&bytes).map_err(|source| ManifestError::Document { digest, source })?;
        let media_type = settle_media_type(digest, &document, announced)?;
        let node = node(digest, &document, &media_type)?;
        let Document { subject, artifact_type, .. } = document;
        let subject = subject.map(Box::new);
        Ok(RawManifest { bytes, digest, media_type, node: Arc::new(node), subject, artifact_type })
    }

    /// Compares a registry's `Content-Type` with the media type. They must agree, unless the header says
    /// nothing in particular.
    ///
    /// # Errors
    /// If they differ.
    pub fn announced_as(self, content_type: Option<&str>) -> Result<Self, ManifestError> {
        match content_type.and_then(specific) {
            Some(announced) if announced != self.media_type => Err(ManifestError::MediaType {
                digest: self.digest,
                body: self.media_type,
                announced: announced.to_owned(),
            }),
            _ => Ok(self),
        }
    }

    /// The bytes, as they came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Their digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Their number.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The body's own `mediaType`, else the announced one. A push sends it as `Content-Type`.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// What the manifest points to.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The manifest that it describes, if it is a referrer.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_deref()
    }

    /// What kind of artifact it is: its `artifactType`, else its config's media type where that isn't an
    /// image's.
    pub fn artifact_type(&self) -> Option<&str> {
        self.artifact_type.as_deref().or(match self.node() {
            Node::Manifest { config, .. } if !is_image_config(&config.media_type) => Some(&config.media_type),
            _ => None,
        })
    }

    /// A descriptor of this manifest: media type, digest and size.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest, self.size())
    }
}

/// Whether a config of this media type describes a container image and so names a platform.
pub fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, media_type::OCI_CONFIG | media_type::DOCKER_CONFIG)
}

/// A media type without its parameters, a manifest's in its own spelling; `None` for those that say nothing
/// in particular, which some servers send. In a header, parameters and another case mean nothing; in
/// descriptors, the graph has refused them before.
fn specific(media_type: &str) -> Option<&str> {
    if let Some(known) = media_type::respelled(media_type) {
        return Some(known);
    }
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    (!matches!(bare, "" | "application/json" | "application/octet-stream" | "text/plain")).then_some(bare)
}

/// The body's `mediaType` rules; what was announced must agree unless it says nothing in particular.
fn settle_media_type(
    digest: Digest,
    document: &Document,
    announced: Option<&str>,
) -> Result<String, ManifestError> {
    let announced = announced.and_then(specific);
    match (document.media_type.as_deref().filter(|own| !own.is_empty()), announced) {
        (Some(own), Some(announced)) if own != announced => {
            Err(ManifestError::MediaType { digest, body: own.to_owned(), announced: announced.to_owned() })
        }
        (Some(own), _) => Ok(own.to_owned()),
        (None, Some(announced)) => Ok(announced.to_owned()),
        (None, None) if document.has_fs_layers => Err(ManifestError::Schema1 { digest }),
        (None, None) if document.manifests.is_some() => Ok(media_type::OCI_INDEX.to_owned()),
        (None, None) => Ok(media_type::OCI_MANIFEST.to_owned()),
    }
}

/// An artifact manifest has `blobs` in place of a config and layers.
fn artifact(digest: Digest, document: &Document) -> Result<Node, ManifestError> {
    let others = [document.manifests.is_some(), document.config.is_some(), document.layers.is_some()];
    if others.contains(&true) {
        return Err(ManifestError::Ambiguous { digest });
    }
    Ok(Node::Artifact(document.blobs.clone().unwrap_or_default()))
}

fn node(digest: Digest, document: &Document, media_type: &str) -> Result<Node, ManifestError> {
    if document.schema_version == Some(1) {
        return Err(ManifestError::Schema1 { digest });
    }
    if document.manifests.is_some() && (document.config.is_some() || document.layers.is_some()) {
        return Err(ManifestError::Ambiguous { digest });
    }
    match media_type::kind(media_type) {
        Kind::Manifest if media_type == media_type::OCI_ARTIFACT => artifact(digest, document),
        Kind::Index if document.config.is_some() || document.layers.is_some() => {
            Err(ManifestError::Ambiguous { digest })
        }
        Kind::Manifest if document.manifests.is_some() => Err(ManifestError::Ambiguous { digest }),
        Kind::Index => Ok(Node::Index(document.manifests.clone().unwrap_or_default())),
        Kind::Manifest => Ok(Node::Manifest {
            config: Box::new(
                document.config.clone().ok_or(ManifestError::Lacks { digest, member: "config" })?,
            ),
            layers: document.layers.clone().unwrap_or_default(),
        }),
        Kind::Schema1 => Err(ManifestError::Schema1 { digest }),
        Kind::Blob => Err(ManifestError::Unsupported { digest, media_type: media_type.to_owned() }),
    }
}
