//! The members of manifests and indexes that Airlift reads.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::DocumentError;
use super::strict::{parse_with, read_members};
use super::values::{AnnotationsSeed, Nullable, TextsSeed};
use crate::{Descriptor, Digest, Platform};

/// Inline content is for configs of a few bytes; more than this in one descriptor is refused.
const MAX_INLINE: u64 = 4 << 20;

/// The members of an index or manifest that Airlift reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// `schemaVersion`.
    pub schema_version: Option<u64>,
    /// `mediaType`.
    pub media_type: Option<String>,
    /// `artifactType`.
    pub artifact_type: Option<String>,
    /// `manifests`, in order; `None` where absent or null.
    pub manifests: Option<Vec<Descriptor>>,
    /// `config`.
    pub config: Option<Descriptor>,
    /// `layers`, in order; `None` where absent or null.
    pub layers: Option<Vec<Descriptor>>,
    /// `blobs` of an artifact manifest, in order; `None` where absent or null.
    pub blobs: Option<Vec<Descriptor>>,
    /// `subject`: what this manifest speaks of.
    pub subject: Option<Descriptor>,
    /// Annotations with string values.
    pub annotations: BTreeMap<String, String>,
    /// Whether Docker's schema 1 list of layers is there.
    pub has_fs_layers: bool,
}

impl Document {
    /// Reads `bytes` as an index or a manifest.
    ///
    /// # Errors
    /// If it is not JSON, or JSON that two readers could understand differently.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        parse_with(bytes, DocumentSeed)
    }
}

/// The platform that an image config names; `None` where the system or the architecture is missing.
///
/// An artifact's config can be anything, so JSON that can't be read names no platform and is no error.
pub fn platform_of_config(bytes: &[u8]) -> Option<Platform> {
    parse_with(bytes, PlatformSeed)
        .ok()
        .filter(|platform| !platform.os.is_empty() && !platform.architecture.is_empty())
}

/// Reads one descriptor of a document that was parsed before; `None` for anything else.
pub(crate) fn read_descriptor(json: &[u8]) -> Option<Descriptor> {
    DescriptorSeed.deserialize(&mut serde_json::Deserializer::from_slice(json)).ok()
}

/// Implements the two traits by which serde reads an object with [`read_members`].
macro_rules! object_seed {
    ($seed:ident -> $value:ty, $what:literal, |$map:ident| $body:block) => {
        #[derive(Clone, Copy)]
        pub(crate) struct $seed;

        impl<'de> DeserializeSeed<'de> for $seed {
            type Value = $value;
            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.deserialize_map(self)
            }
        }

        impl<'de> Visitor<'de> for $seed {
            type Value = $value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($what)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut $map: A) -> Result<$value, A::Error> $body
        }
    };
}

object_seed!(DocumentSeed -> Document, "an image index or manifest (a JSON object)", |map| {
    const KNOWN: [&str; 10] = [
        "schemaVersion", "mediaType", "artifactType", "manifests", "config", "layers", "blobs", "subject",
        "annotations", "fsLayers",
    ];
    let mut document = Document::default();
    read_members(&mut map, &KNOWN, |name, map| {
        match name {
            "schemaVersion" => document.schema_version = map.next_value()?,
            "mediaType" => document.media_type = map.next_value()?,
            "artifactType" => document.artifact_type = map.next_value()?,
            "manifests" => document.manifests = map.next_value_seed(Nullable(ListSeed))?,
            "config" => document.config = map.next_value_seed(Nullable(DescriptorSeed))?,
            "layers" => document.layers = map.next_value_seed(Nullable(ListSeed))?,
            "blobs" => document.blobs = map.next_value_seed(Nullable(ListSeed))?,
            "subject" => document.subject = map.next_value_seed(Nullable(DescriptorSeed))?,
            "annotations" => {
                document.annotations = map.next_value_seed(Nullable(AnnotationsSeed::All))?.unwrap_or_default();
            }
            _ => {
                map.next_value::<IgnoredAny>()?;
                document.has_fs_layers = true;
            }
        }
        Ok(())
    })?;
    Ok(document)
});

object_seed!(DescriptorSeed -> Descriptor, "a descriptor (a JSON object)", |map| {
    const KNOWN: [&str; 8] =
        ["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"];
    let mut media_type: Option<String> = None;
    let mut digest: Option<Digest> = None;
    let mut size: Option<u64> = None;
    let mut data: Option<String> = None;
    let mut rest = Descriptor::new("", Digest::sha256(b""), 0);
    read_members(&mut map, &KNOWN, |name, map| {
        match name {
            "mediaType" => media_type = map.next_value()?,
            "digest" => digest = Some(map.next_value()?),
            "size" => size = Some(map.next_value()?),
            "urls" => rest.urls = map.next_value_seed(Nullable(TextsSeed))?.unwrap_or_default(),
            "annotations" => rest.annotations = map.next_value_seed(Nullable(AnnotationsSeed::Read))?.unwrap_or_default(),
            "data" => data = map.next_value()?,
            "platform" => rest.platform = map.next_value_seed(Nullable(PlatformSeed))?,
            _ => rest.artifact_type = map.next_value()?,
        }
        Ok(())
    })?;
    let digest = digest.ok_or_else(|| A::Error::custom("a descriptor without 'digest'"))?;
    let size = size.ok_or_else(|| A::Error::custom(format!("the descriptor of {digest} has no 'size'")))?;
    if size > i64::MAX as u64 {
        return Err(A::Error::custom(format!("the descriptor of {digest} claims an impossible size")));
    }
    let data = data.map(|text| inline(&text, &digest, size)).transpose().map_err(A::Error::custom)?;
    Ok(Descriptor { media_type: media_type.unwrap_or_default(), digest, size, data, ..rest })
});

object_seed!(PlatformSeed -> Platform, "a platform (a JSON object)", |map| {
    const KNOWN: [&str; 5] = ["os", "architecture", "variant", "os.version", "os.features"];
    let mut platform = Platform::default();
    read_members(&mut map, &KNOWN, |name, map| {
        match name {
            "os" => platform.os = map.next_value::<Option<String>>()?.unwrap_or_default(),
            "architecture" => platform.architecture = map.next_value::<Option<String>>()?.unwrap_or_default(),
            "variant" => platform.variant = map.next_value::<Option<String>>()?.filter(|v| !v.is_empty()),
            "os.version" => platform.os_version = map.next_value::<Option<String>>()?.filter(|v| !v.is_empty()),
            _ => platform.os_features = map.next_value_seed(Nullable(TextsSeed))?.unwrap_or_default(),
        }
        Ok(())
    })?;
    Ok(platform)
});

/// A list of descriptors.
#[derive(Clone, Copy)]
struct ListSeed;

impl<'de> DeserializeSeed<'de> for ListSeed {
    type Value = Vec<Descriptor>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListSeed {
    type Value = Vec<Descriptor>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of descriptors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(descriptor) = seq.next_element_seed(DescriptorSeed)? {
            list.push(descriptor);
        }
        Ok(list)
    }
}

/// Decodes inline content and proves it, so that no other code has to.
fn inline(text: &str, digest: &Digest, size: u64) -> Result<Vec<u8>, String> {
    if size > MAX_INLINE {
        return Err(format!("the descriptor of {digest} carries more than {MAX_INLINE} bytes inline"));
    }
    let data = base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| format!("the inline data of {digest} is not base64: {error}"))?;
    if data.len() as u64 != size || !digest.matches(&data) {
        return Err(format!("the inline data of {digest} does not have that digest and a size of {size}"));
    }
    Ok(data)
}
