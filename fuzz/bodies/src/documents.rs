//! The JSON views: manifests, indexes, `index.json`, `oci-layout`, configs.

use airlift_oci::document::{Document, platform_of_config};
use airlift_oci::layout::{Root, encode_index, encode_layout, parse_index, parse_layout};
use airlift_oci::{
    Descriptor, Descriptors, Digest, ImageConfig, ManifestError, Node, Platform, RawManifest, layout,
};

use crate::assert_shown;
use crate::second_reader::Json;

/// Bytes that may be any of these documents: what is accepted has one meaning to every reader, keeps its
/// bytes, and what we write of it says the same.
pub fn documents(bytes: &[u8]) {
    let seen = serde_json::from_slice::<Json>(bytes);
    match Document::parse(bytes) {
        // Members that we don't read may hold what a strict reader refuses, such as half a surrogate pair.
        Ok(document) => seen.iter().for_each(|json| compare(&document, json)),
        Err(error) => assert_shown(&error.to_string()),
    }
    match parse_index(bytes) {
        Ok(roots) => roots_are_written_as_they_were_read(roots),
        Err(error) => assert_shown(&error.to_string()),
    }
    match parse_layout(bytes) {
        Ok(Some(id)) => assert_eq!(parse_layout(&encode_layout(&id)), Ok(Some(id))),
        Ok(None) => {}
        Err(error) => assert_shown(&error.to_string()),
    }
    if let Some(config) = ImageConfig::from_json(bytes) {
        assert!(config.env_names.iter().all(|name| !name.contains('=')), "values stay out");
    }
    if let Some(platform) = platform_of_config(bytes) {
        assert!(!platform.os.is_empty() && !platform.architecture.is_empty());
        assert_shown(&platform.shown());
    }
    manifests(bytes);
}

fn manifests(bytes: &[u8]) {
    let digest = Digest::sha256(bytes);
    let raw = match RawManifest::received(bytes.to_vec().into(), digest, None) {
        Ok(raw) => raw,
        Err(error) => {
            assert!(!matches!(error, ManifestError::Digest { .. } | ManifestError::Size { .. }));
            return assert_shown(&error.to_string());
        }
    };
    assert_eq!(raw.bytes().as_ref(), bytes, "bytes are kept as they came");
    assert_eq!((raw.digest(), raw.size()), (digest, bytes.len() as u64));
    assert_eq!(RawManifest::prove(bytes.to_vec().into(), &raw.descriptor()).as_ref(), Ok(&raw));
    let other = Digest::sha256(b"another");
    assert!(RawManifest::received(bytes.to_vec().into(), other, None).is_err());
    let Ok(json) = serde_json::from_slice::<Json>(bytes) else { return };
    // Half of CVE-2021-41190: no reader may find a list in what we read as an image, or a config in what is a
    // list.
    match raw.node() {
        Node::Index(children) => {
            assert!(json.one("config").is_none() && json.one("layers").is_none());
            compare_listed(children, json.one("manifests"));
        }
        Node::Manifest { config, layers } => {
            assert!(json.one("manifests").is_none());
            compare_descriptor(&config.read(), json.one("config").expect("a manifest has a config"));
            compare_listed(layers, json.one("layers"));
        }
        Node::Artifact(blobs) => {
            assert!(["manifests", "config", "layers"].iter().all(|name| json.one(name).is_none()));
            compare_listed(blobs, json.one("blobs"));
        }
    }
}

/// What a manifest keeps of its descriptors is what it reads again from its bytes.
fn compare_listed(ours: Descriptors<'_>, theirs: Option<&Json>) {
    for listed in ours.iter() {
        let read = listed.read();
        assert_eq!((listed.digest, listed.size), (read.digest, read.size));
        assert_eq!((listed.kind(), listed.has_urls()), (read.kind(), !read.urls.is_empty()));
        assert_eq!(listed.media_type(), read.media_type);
    }
    compare_list(&ours.read(), theirs);
}

fn compare(document: &Document, json: &Json) {
    let text = |name| json.one(name).and_then(Json::text);
    assert_eq!(document.schema_version, json.one("schemaVersion").and_then(Json::number));
    assert_eq!(document.media_type.as_deref(), text("mediaType"));
    assert_eq!(document.artifact_type.as_deref(), text("artifactType"));
    for (ours, name) in
        [(&document.manifests, "manifests"), (&document.layers, "layers"), (&document.blobs, "blobs")]
    {
        assert_eq!(ours.is_some(), json.one(name).is_some(), "{name}");
        ours.iter().for_each(|list| compare_list(list, json.one(name)));
    }
    for (ours, name) in [(&document.config, "config"), (&document.subject, "subject")] {
        assert_eq!(ours.is_some(), json.one(name).is_some(), "{name}");
        ours.iter().zip(json.one(name)).for_each(|(ours, theirs)| compare_descriptor(ours, theirs));
    }
}

fn compare_list(ours: &[Descriptor], theirs: Option<&Json>) {
    let theirs = theirs.and_then(Json::list).unwrap_or_default();
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).for_each(|(ours, theirs)| compare_descriptor(ours, theirs));
}

fn compare_descriptor(ours: &Descriptor, theirs: &Json) {
    let text = |name| theirs.one(name).and_then(Json::text);
    assert_eq!(Some(ours.digest.to_string().as_str()), text("digest"));
    assert_eq!(Some(ours.size), theirs.one("size").and_then(Json::number));
    assert_eq!(ours.media_type, text("mediaType").unwrap_or_default());
    assert_eq!(ours.artifact_type.as_deref(), text("artifactType"));
    // The first eight are enough to get it by.
    let urls = theirs.one("urls").and_then(Json::list).unwrap_or_default();
    assert!(ours.urls.iter().map(|url| Some(url.as_str())).eq(urls.iter().take(8).map(Json::text)));
    if let Some(data) = &ours.data {
        assert!(data.len() as u64 == ours.size && ours.digest.matches(data), "inline data is proven");
    }
    assert_eq!(ours.data.is_some(), theirs.one("data").is_some());
    if let (Some(ours), Some(theirs)) = (&ours.platform, theirs.one("platform")) {
        compare_platform(ours, theirs);
    }
    // Of annotations that decide something, first and last are the same.
    let annotations = theirs.one("annotations");
    for key in [
        airlift_oci::annotations::REF_NAME,
        airlift_oci::annotations::CONTAINERD_NAME,
        airlift_oci::annotations::PLATFORMS,
        airlift_oci::annotations::SUBJECT,
        airlift_oci::annotations::EXTERNAL,
        airlift_oci::annotations::ABSENT,
    ] {
        let Some(Json::Object(members)) = annotations else { break };
        let mut values = members.iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        let value = values.next();
        assert_eq!(values.next(), None, "{key} is there twice, and was accepted");
        assert_eq!(ours.annotations.get(key).map(String::as_str), value.and_then(Json::text));
    }
}

fn compare_platform(ours: &Platform, theirs: &Json) {
    let text = |name| theirs.one(name).and_then(Json::text).filter(|text| !text.is_empty());
    assert_eq!(Some(ours.os.as_str()).filter(|os| !os.is_empty()), text("os"));
    assert_eq!(Some(ours.architecture.as_str()).filter(|a| !a.is_empty()), text("architecture"));
    assert_eq!(ours.variant.as_deref(), text("variant"));
    assert_eq!(ours.os_version.as_deref(), text("os.version"));
}

/// Roots of any tool's `index.json`, written by us and read again: the same roots.
fn roots_are_written_as_they_were_read(mut roots: Vec<Root>) {
    layout::canonical_order(&mut roots);
    for root in &roots {
        assert_shown(&root.name());
    }
    let written = encode_index(&roots).expect("roots can be written");
    let read = parse_index(&written).expect("what we write, we read");
    assert_eq!(encode_index(&read).expect("roots can be written"), written, "the same roots, the same bytes");
    assert_eq!(read.len(), roots.len());
    for (ours, theirs) in read.iter().zip(&roots) {
        assert_eq!(ours.descriptor.digest, theirs.descriptor.digest);
        assert_eq!(ours.descriptor.size, theirs.descriptor.size);
        assert_eq!(ours.descriptor.media_type, theirs.descriptor.media_type);
        assert_eq!(
            (&ours.reference, &ours.selection, &ours.subject, &ours.external, &ours.absent),
            (&theirs.reference, &theirs.selection, &theirs.subject, &theirs.external, &theirs.absent)
        );
    }
}
