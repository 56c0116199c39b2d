//! The two documents of an OCI image layout that are not content: `oci-layout` and `index.json`.
//!
//! Airlift writes these two documents itself. Everything that they point to comes from others and is never
//! rewritten. OCI image-spec 1.1, `image-layout.md`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::annotations::{
    ABSENT, CONTAINERD_NAME, EXTERNAL, MANIFESTS, PLATFORMS, REF_NAME, REFERENCE_DIGEST, REFERENCE_TYPE,
    SUBJECT,
};
use crate::document::{Document, DocumentError, parse_with, read_members};
use crate::reference::{familiar, repository_of};
use crate::text::shown_name;
use crate::{Descriptor, Digest, Platform, Selection, media_type};

/// The name of the file that makes a folder or archive an image layout.
pub const LAYOUT_FILE: &str = "oci-layout";
/// The name of the file that lists the roots.
pub const INDEX_FILE: &str = "index.json";
/// In `oci-layout`: the digest of `index.json`, which is the bundle's id.
pub const BUNDLE_ID: &str = "io.airlift.bundle";

/// An `index.json` larger than this is refused before it is read.
pub const MAX_INDEX: u64 = 20 << 20;
/// An `oci-layout` larger than this is refused before it is read.
pub const MAX_LAYOUT: u64 = 64 << 10;

/// Platforms that all images together may choose: `a/b,` is forty times larger once it is read.
const MAX_CHOSEN: usize = 200_000;

const LAYOUT_VERSION: &str = "1.0.0";

/// One image, artifact or referrer that a layout holds: an entry of `index.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What is meant.
    pub descriptor: Descriptor,
    /// Its name: a full reference in our bundles, any text in layouts of other tools.
    pub reference: Option<String>,
    /// What was chosen of it; `None`: all.
    pub selection: Option<Selection>,
    /// For signatures, SBOMs and other referrers: the manifest that it is attached to.
    pub subject: Option<Digest>,
    /// Layers with `urls` that stay outside, because the source didn't have them. Sorted, each once.
    pub external: Vec<Digest>,
    /// Manifests below it that the source didn't have. Sorted, each once.
    pub absent: Vec<Digest>,
}

impl Root {
    /// An image of which everything is carried.
    pub fn new(descriptor: Descriptor, reference: Option<String>) -> Self {
        Root {
            descriptor,
            reference,
            selection: None,
            subject: None,
            external: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// What `index.json` is sorted by: reference, then digest.
    pub fn canonical_key(&self) -> (Option<&str>, Digest) {
        (self.reference.as_deref(), self.descriptor.digest)
    }

    /// The root's name for people: familiar where Docker would shorten it, the digest's start where there is
    /// none.
    pub fn name(&self) -> String {
        match &self.reference {
            Some(reference) => shown_name(familiar(reference)),
            None => format!("{}:{}…", self.descriptor.digest.algorithm(), self.descriptor.digest.short()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenIndex<'a> {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<WrittenRoot<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenRoot<'a> {
    media_type: &'a str,
    digest: Digest,
    size: u64,
    annotations: BTreeMap<&'static str, Cow<'a, str>>,
}

/// Puts roots into the one order that `index.json` has, and drops repeats.
pub fn canonical_order(roots: &mut Vec<Root>) {
    roots.sort_by(|a, b| a.canonical_key().cmp(&b.canonical_key()));
    roots.dedup_by(|a, b| a.canonical_key() == b.canonical_key());
}

/// The bytes of `index.json` for `roots`, which are in canonical order. The same roots always give the same
/// bytes.
///
/// # Errors
/// If the roots can't be written as JSON.
pub fn encode_index(roots: &[Root]) -> Result<Vec<u8>, DocumentError> {
    let manifests = roots
        .iter()
        .map(|root| WrittenRoot {
            media_type: &root.descriptor.media_type,
            digest: root.descriptor.digest,
            size: root.descriptor.size,
            annotations: annotations_of(root),
        })
        .collect();
    let index = WrittenIndex { schema_version: 2, media_type: media_type::OCI_INDEX, manifests };
    serde_json::to_vec(&index).map_err(|error| DocumentError::Json(error.to_string()))
}

fn annotations_of(root: &Root) -> BTreeMap<&'static str, Cow<'_, str>> {
    let mut annotations = BTreeMap::new();
    if let Some(name) = &root.reference {
        annotations.insert(REF_NAME, Cow::from(name));
        // containerd can't run what is attached to an image, so that gets no name there. A bare tag is none.
        if root.subject.is_none() && repository_of(name).is_some() {
            annotations.insert(CONTAINERD_NAME, Cow::from(name));
        }
    }
    if let Some(selection) = &root.selection {
        annotations.insert(PLATFORMS, list(selection.platforms()).into());
        if !selection.manifests().is_empty() {
            annotations.insert(MANIFESTS, list(selection.manifests()).into());
        }
    }
    if let Some(subject) = &root.subject {
        annotations.insert(SUBJECT, subject.to_string().into());
    }
    if !root.external.is_empty() {
        annotations.insert(EXTERNAL, list(&root.external).into());
    }
    if !root.absent.is_empty() {
        annotations.insert(ABSENT, list(&root.absent).into());
    }
    annotations
}

fn list(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Reads the roots of any tool's `index.json`, in its order.
///
/// # Errors
/// If it is no index, if two readers could understand it differently, or if an annotation of Airlift's own
/// can't be read.
pub fn parse_index(bytes: &[u8]) -> Result<Vec<Root>, DocumentError> {
    let document = Document::parse(bytes)?;
    if document.config.is_some() || document.layers.is_some() {
        return Err(DocumentError::Json("index.json has 'config' or 'layers': it is no index".to_owned()));
    }
    if document.media_type.as_deref().is_some_and(|own| own != media_type::OCI_INDEX) {
        return Err(DocumentError::Json(format!("index.json is not of type {}", media_type::OCI_INDEX)));
    }
    if document.schema_version.is_some_and(|version| version != 2) {
        return Err(DocumentError::Json("index.json is not of schema version 2".to_owned()));
    }
    let manifests =
        document.manifests.ok_or_else(|| DocumentError::Json("index.json lacks 'manifests'".to_owned()))?;
    let (mut roots, mut chosen) = (Vec::with_capacity(manifests.len()), 0);
    for descriptor in manifests {
        let root = root_of(descriptor)?;
        chosen += root.selection.as_ref().map_or(0, |selection| selection.platforms().len());
        if chosen > MAX_CHOSEN {
            return Err(DocumentError::Json(format!("index.json chooses more than {MAX_CHOSEN} platforms")));
        }
        roots.push(root);
    }
    Ok(roots)
}

fn root_of(mut descriptor: Descriptor) -> Result<Root, DocumentError> {
    let annotations = std::mem::take(&mut descriptor.annotations);
    let annotation = |key| annotations.get(key).map(String::as_str).filter(|value| !value.is_empty());
    // containerd's name is always a full reference; the other is often a bare tag.
    let reference = annotation(CONTAINERD_NAME).or_else(|| annotation(REF_NAME)).map(str::to_owned);
    let platforms = parse_list::<Platform>(annotation(PLATFORMS), PLATFORMS)?;
    let manifests = parse_list::<Digest>(annotation(MANIFESTS), MANIFESTS)?;
    let subject = parse_list::<Digest>(annotation(SUBJECT), SUBJECT)?.into_iter().next();
    let selection = (!platforms.is_empty()).then(|| Selection::new(platforms).with_manifests(manifests));
    let digests = |key| -> Result<Vec<Digest>, DocumentError> {
        let mut digests = parse_list::<Digest>(annotation(key), key)?;
        digests.sort();
        digests.dedup();
        Ok(digests)
    };
    let (external, absent) = (digests(EXTERNAL)?, digests(ABSENT)?);
    // The others are read by now and need not be kept a second time.
    if annotations.contains_key(REFERENCE_TYPE) {
        let of_attestation = |key: &String| matches!(key.as_str(), REFERENCE_TYPE | REFERENCE_DIGEST);
        descriptor.annotations = annotations.into_iter().filter(|(key, _)| of_attestation(key)).collect();
    }
    Ok(Root { descriptor, reference, selection, subject, external, absent })
}

fn parse_list<T: FromStr<Err: std::fmt::Display>>(
    text: Option<&str>,
    key: &str,
) -> Result<Vec<T>, DocumentError> {
    /// More than an image may have manifests.
    const LONGEST: usize = 5_000;
    if text.is_some_and(|text| text.bytes().filter(|byte| *byte == b',').count() >= LONGEST) {
        return Err(DocumentError::Json(format!("annotation {key} lists more than {LONGEST}")));
    }
    let parse =
        |item: &str| item.parse().map_err(|error| DocumentError::Json(format!("annotation {key}: {error}")));
    text.into_iter().flat_map(|text| text.split(',')).map(parse).collect()
}

/// The bytes of `oci-layout` in a bundle with this id.
pub fn encode_layout(id: &Digest) -> Vec<u8> {
    format!(r#"{{"imageLayoutVersion":"{LAYOUT_VERSION}","{BUNDLE_ID}":"{id}"}}"#).into_bytes()
}

/// The bytes of `oci-layout` in a layout that is no bundle.
pub fn encode_plain_layout() -> Vec<u8> {
    format!(r#"{{"imageLayoutVersion":"{LAYOUT_VERSION}"}}"#).into_bytes()
}

/// Reads `oci-layout`: the bundle's id where it is one of ours, `None` in other tools' layouts.
///
/// # Errors
/// If it isn't JSON that all readers understand in the same way, or its version is unknown.
pub fn parse_layout(bytes: &[u8]) -> Result<Option<Digest>, DocumentError> {
    parse_with(bytes, LayoutSeed)
}

#[derive(Clone, Copy)]
struct LayoutSeed;

impl<'de> DeserializeSeed<'de> for LayoutSeed {
    type Value = Option<Digest>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LayoutSeed {
    type Value = Option<Digest>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an oci-layout document (a JSON object)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut version, mut id) = (None::<String>, None::<Digest>);
        read_members(&mut map, &["imageLayoutVersion", BUNDLE_ID], |name, map| {
            match name {
                BUNDLE_ID => id = Some(map.next_value()?),
                _ => version = Some(map.next_value()?),
            }
            Ok(())
        })?;
        match version.as_deref() {
            Some(LAYOUT_VERSION) => Ok(id),
            Some(other) => Err(serde::de::Error::custom(format!(
                "unknown imageLayoutVersion '{}'",
                other.escape_debug()
            ))),
            None => Err(serde::de::Error::custom("'imageLayoutVersion' is missing")),
        }
    }
}
