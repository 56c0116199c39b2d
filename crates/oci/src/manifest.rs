//! Raw manifests: bytes that were proven on arrival, and the read view of them.
//!
//! Nothing here serialises. The bytes that came in are the bytes that go into the archive and out to a
//! registry.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::document::{Document, DocumentError};
use crate::listed::{Descriptors, ListedDescriptor, Rows};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// A list of manifests (and, in caches, of plain blobs).
    Index(Descriptors<'a>),
    /// A config and layers.
    Manifest {
        /// The config; the empty one for artifacts.
        config: ListedDescriptor<'a>,
        /// The layers, in order.
        layers: Descriptors<'a>,
    },
    /// The blobs of an artifact manifest, in order.
    Artifact(Descriptors<'a>),
}

/// A manifest's exact bytes with the digest and media type that they were proven to have. Clones share them:
/// graphs are cloned, and hold many manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawManifest(Arc<Proven>);

#[derive(Debug, PartialEq, Eq)]
struct Proven {
    bytes: Bytes,
    digest: Digest,
    media_type: Cow<'static, str>,
    form: Form,
    /// What the manifest points to; a config comes before the layers.
    rows: Rows,
    /// Boxed: most have none.
    subject: Option<Box<Descriptor>>,
    artifact_type: Option<Box<str>>,
}

/// Which members a manifest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `manifests`.
    Index,
    /// `config` and `layers`.
    Manifest,
    /// `blobs`.
    Artifact,
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
        let form = form(digest, &document, &media_type)?;
        let (rows, of_config) = pack(&bytes, form, &document);
        let Document { subject, artifact_type, .. } = document;
        let subject = subject.map(Box::new);
        let artifact_type = artifact_type.or(of_config).map(String::into_boxed_str);
        let media_type = media_type::shared(&media_type);
        Ok(RawManifest(Arc::new(Proven { bytes, digest, media_type, form, rows, subject, artifact_type })))
    }

    /// Compares a registry's `Content-Type` with the media type. They must agree, unless the header says
    /// nothing in particular.
    ///
    /// # Errors
    /// If they differ.
    pub fn announced_as(self, content_type: Option<&str>) -> Result<Self, ManifestError> {
        match content_type.and_then(specific) {
            Some(announced) if announced != self.media_type() => Err(ManifestError::MediaType {
                digest: self.digest(),
                body: self.media_type().to_owned(),
                announced: announced.to_owned(),
            }),
            _ => Ok(self),
        }
    }

    /// The bytes, as they came.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// Their digest.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Their number.
    pub fn size(&self) -> u64 {
        self.0.bytes.len() as u64
    }

    /// The body's own `mediaType`, else the announced one. A push sends it as `Content-Type`.
    pub fn media_type(&self) -> &str {
        &self.0.media_type
    }

    /// What the manifest points to.
    pub fn node(&self) -> Node<'_> {
        let list = self.listed();
        match (self.0.form, list.split_first()) {
            (Form::Manifest, Some((config, layers))) => Node::Manifest { config, layers },
            (Form::Index, _) => Node::Index(list),
            // A manifest has a config; without one it would be a list like this.
            (Form::Artifact | Form::Manifest, _) => Node::Artifact(list),
        }
    }

    /// All that it lists, in one list: what [`RawManifest::node`] has, a config before the layers.
    pub fn listed(&self) -> Descriptors<'_> {
        self.0.rows.list(&self.0.bytes)
    }

    /// The manifest that it describes, if it is a referrer.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.0.subject.as_deref()
    }

    /// What kind of artifact it is: its `artifactType`, else its config's media type where that isn't an
    /// image's.
    pub fn artifact_type(&self) -> Option<&str> {
        self.0.artifact_type.as_deref()
    }

    /// A descriptor of this manifest: media type, digest and size.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type(), self.digest(), self.size())
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
fn artifact(digest: Digest, document: &Document) -> Result<Form, ManifestError> {
    let others = [document.manifests.is_some(), document.config.is_some(), document.layers.is_some()];
    if others.contains(&true) {
        return Err(ManifestError::Ambiguous { digest });
    }
    Ok(Form::Artifact)
}

/// Packs what a manifest of that form points to. Says also which artifact its config makes it, if it does.
fn pack(bytes: &[u8], form: Form, document: &Document) -> (Rows, Option<String>) {
    fn list(list: &Option<Vec<Descriptor>>) -> &[Descriptor] {
        list.as_deref().unwrap_or_default()
    }
    match form {
        Form::Index => (Rows::pack(bytes, &[("manifests", list(&document.manifests))]), None),
        Form::Artifact => (Rows::pack(bytes, &[("blobs", list(&document.blobs))]), None),
        Form::Manifest => {
            let (config, layers) = (document.config.as_slice(), list(&document.layers));
            let of_config = config.first().map(|config| &config.media_type);
            let of_config = of_config.filter(|media_type| !is_image_config(media_type)).cloned();
            (Rows::pack(bytes, &[("config", config), ("layers", layers)]), of_config)
        }
    }
}

fn form(digest: Digest, document: &Document, media_type: &str) -> Result<Form, ManifestError> {
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
        Kind::Index => Ok(Form::Index),
        Kind::Manifest if document.config.is_none() => Err(ManifestError::Lacks { digest, member: "config" }),
        Kind::Manifest => Ok(Form::Manifest),
        Kind::Schema1 => Err(ManifestError::Schema1 { digest }),
        Kind::Blob => Err(ManifestError::Unsupported { digest, media_type: media_type.to_owned() }),
    }
}
