//! Descriptors: how one document names another.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::annotations::{REFERENCE_DIGEST, REFERENCE_TYPE};
use crate::{Digest, Platform, media_type};

/// The three members that each descriptor has, for graphs, which hold hundreds of thousands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareDescriptor {
    /// The content's media type.
    pub media_type: Cow<'static, str>,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    pub size: u64,
}

impl From<&Descriptor> for BareDescriptor {
    fn from(descriptor: &Descriptor) -> Self {
        let Descriptor { media_type, digest, size, .. } = descriptor;
        BareDescriptor { media_type: media_type::shared(media_type), digest: *digest, size: *size }
    }
}

/// A read view of an OCI content descriptor: what is meant, how large it is, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The content's media type; empty where a config or layer names none.
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    pub size: u64,
    /// For an index's children: what they run on.
    pub platform: Option<Platform>,
    /// The annotations that Airlift acts upon.
    pub annotations: BTreeMap<String, String>,
    /// The content itself, where the descriptor carries it inline (already proven against digest and size).
    pub data: Option<Vec<u8>>,
    /// Where a foreign layer may be had, the first eight places; never fetched from unless asked to.
    pub urls: Vec<String>,
    /// What kind of artifact a manifest is.
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor with nothing but the three members that each must have.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Descriptor {
            media_type: media_type.into(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            data: None,
            urls: Vec::new(),
            artifact_type: None,
        }
    }

    /// What the media type says of the content.
    pub fn kind(&self) -> media_type::Kind {
        media_type::kind(&self.media_type)
    }

    /// Whether this is a BuildKit attestation manifest, which has no platform of its own.
    pub fn is_attestation(&self) -> bool {
        self.annotations.get(REFERENCE_TYPE).is_some_and(|kind| kind == "attestation-manifest")
    }

    /// The manifest that a BuildKit attestation speaks of.
    pub fn attested(&self) -> Option<Digest> {
        self.annotations.get(REFERENCE_DIGEST).filter(|_| self.is_attestation())?.parse().ok()
    }
}
