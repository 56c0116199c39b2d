//! JSON that two readers could understand differently, or that costs more than it says, is refused.

use airlift_oci::document::{Document, DocumentError, platform_of_config};
use airlift_oci::layout::{parse_index, parse_layout};
use airlift_oci::media_type::{
    DOCKER_LIST, DOCKER_SCHEMA1, OCI_ARTIFACT, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST,
};
use airlift_oci::{Descriptor, Digest, ManifestError, Node, RawManifest};

use crate::images::{LAYER, json, manifest_json};

const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn refusal(text: &str) -> String {
    let error = Document::parse(text.as_bytes()).expect_err(text);
    let message = error.to_string();
    assert!(!message.chars().any(char::is_control), "{message:?}");
    message
}

fn refused(text: &str, because: &str) {
    let message = refusal(text);
    assert!(message.contains(because), "{text}: {message}");
}

fn accepted(text: &str) -> Document {
    Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn members_that_differ_by_case_are_refused_where_somebody_reads_them() {
    for name in [
        "Layers",
        "LAYERS",
        "layerſ",
        r"\u004cayers",
        "laye\u{0072}S",
        "Manifests",
        "manifeſts",
        "Config",
        "mediatype",
        "SchemaVersion",
        "Subject",
    ] {
        let text = format!(r#"{{"layers":[],"{name}":[]}}"#);
        refused(&text, "only by case");
    }
    refused(
        &format!(r#"{{"config":{{"digest":"{D}","size":0,"Size":5}}}}"#),
        "member 'Size' differs from 'size'",
    );
    refused(&format!(r#"{{"config":{{"digest":"{D}","size":0,"ſize":5}}}}"#), "only by case");
    refused(r#"{"manifests":[{"platform":{"OS":"linux"}}]}"#, "only by case");
    accepted(r#"{"Unknown":1,"UNKNOWN":2,"unknown":3}"#);
}

#[test]
fn members_that_are_read_may_be_there_once_and_others_as_they_like() {
    refused(r#"{"layers":[],"layers":null}"#, "'layers' is there twice");
    refused(r#"{"mediaType":"a","mediaType":"a"}"#, "twice");
    refused(r#"{"layers":[],"l\u0061yers":[]}"#, "twice");
    refused(
        &format!(r#"{{"config":{{"digest":"{D}","digest":"{D}","size":0}}}}"#),
        "'digest' is there twice",
    );
    refused(
        r#"{"annotations":{"vnd.docker.reference.type":"a","vnd.docker.reference.type":"b"}}"#,
        "annotation 'vnd.docker.reference.type' is there twice",
    );
    refused(r#"{"annotations":{"io.airlift.platforms":"a","io.airlift.platforms":5}}"#, "twice");
    accepted(r#"{"x":1,"x":2,"annotations":{"mine":"a","mine":"b"}}"#);
}

#[test]
fn nesting_is_limited_everywhere() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep =
            |levels: usize| format!(r#"{{"unread":{}1{}}}"#, open.repeat(levels), close.repeat(levels));
        accepted(&deep(99));
        assert_eq!(Document::parse(deep(100).as_bytes()), Err(DocumentError::Depth));
        assert_eq!(Document::parse(deep(1_000_000).as_bytes()), Err(DocumentError::Depth));
    }
    assert_eq!(Document::parse("[".repeat(1_000_000).as_bytes()), Err(DocumentError::Depth));
    accepted(&format!(r#"{{"unread":"{}\\\"{}"}}"#, "[".repeat(500), "{".repeat(500)));
    assert!(Document::parse("]".repeat(1_000).as_bytes()).is_err());
}

#[test]
fn what_surrounds_the_json_is_refused() {
    assert_eq!(Document::parse(b"\xef\xbb\xbf{}"), Err(DocumentError::ByteOrderMark));
    assert_eq!(Document::parse(b"{\"a\":\"\xff\"}"), Err(DocumentError::Utf8(6)));
    for text in
        ["{}{}", "{} x", "{},", "", " ", "[]", "null", "1", "\"x\"", "{", "{\"a\":}", "{'a':1}", "{}\0"]
    {
        refusal(text);
    }
    accepted(" \n\t{} \r\n");
}

#[test]
fn descriptors_say_what_they_must_and_nothing_impossible() {
    let layers = |descriptor: &str| format!(r#"{{"layers":[{descriptor}]}}"#);
    refused(&layers("{}"), "without 'digest'");
    refused(&layers(&format!(r#"{{"digest":"{D}"}}"#)), "has no 'size'");
    for size in
        ["-1", "1.5", "1e3", "2.0", "null", "\"5\"", "18446744073709551616", "9223372036854775808", "true"]
    {
        refusal(&layers(&format!(r#"{{"digest":"{D}","size":{size}}}"#)));
    }
    accepted(&layers(&format!(r#"{{"digest":"{D}","size":9223372036854775807}}"#)));
    for digest in [
        "",
        "sha256:",
        "sha256:00",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:../../../etc/passwd",
        &D.to_uppercase(),
        &D.replace('e', "E"),
        "\\u001b[2J",
    ] {
        refusal(&layers(&format!(r#"{{"digest":"{digest}","size":0}}"#)));
    }
    assert_eq!(
        accepted(r#"{"layers":null,"manifests":null,"config":null,"annotations":null}"#),
        Document::default()
    );
    accepted(&layers(&format!(
        r#"{{"digest":"{D}","size":0,"urls":null,"platform":null,"annotations":{{"n":5,"l":[1,{{"a":2}}],"t":"x","b":true,"f":1.5,"z":null}}}}"#
    )));
    refusal(r#"{"layers":{}}"#);
    refusal(r#"{"annotations":[]}"#);
}

#[test]
fn inline_data_must_be_what_the_descriptor_says() {
    let text = |data: &str, size: u64| {
        format!(r#"{{"config":{{"digest":"{}","size":{size},"data":"{data}"}}}}"#, Digest::sha256(b"{}"))
    };
    assert_eq!(accepted(&text("e30=", 2)).config.unwrap().data.as_deref(), Some(&b"{}"[..]));
    refused(&text("W10=", 2), "does not have that digest");
    refused(&text("e30=", 3), "a size of 3");
    refused(&text("e30", 2), "not base64");
    refused(&text("", 2), "does not have that digest");
    refused(&text("e30=", 5 << 20), "inline");
}

#[test]
fn lists_of_texts_are_limited() {
    let urls = |count: usize| {
        let list = vec!["\"\""; count].join(",");
        format!(r#"{{"layers":[{{"digest":"{D}","size":0,"urls":[{list}]}}]}}"#)
    };
    accepted(&urls(1_000));
    refused(&urls(1_001), "more than 1000 texts");
    // A read view is several times as large as its bytes; of what comes in masses, only what is used is kept.
    let layer = |text: &str| Document::parse(text.as_bytes()).unwrap().layers.unwrap().remove(0);
    assert_eq!((layer(&urls(7)).urls.len(), layer(&urls(1_000)).urls.len()), (7, 8));
    let annotated = format!(
        r#"{{"annotations":{{"a":"1"}},"layers":[{{"digest":"{D}","size":0,"annotations":{{"a":"1","vnd.docker.reference.type":"x"}}}}]}}"#
    );
    assert_eq!(layer(&annotated).annotations.keys().collect::<Vec<_>>(), ["vnd.docker.reference.type"]);
    assert_eq!(Document::parse(annotated.as_bytes()).unwrap().annotations.len(), 1);
}

fn received(text: &str, announced: Option<&str>) -> Result<RawManifest, ManifestError> {
    RawManifest::received(text.to_owned().into(), Digest::sha256(text.as_bytes()), announced)
}

fn image() -> String {
    let config = Descriptor::new(OCI_CONFIG, D.parse().unwrap(), 0);
    manifest_json(OCI_MANIFEST, &config, &[])
}

#[test]
fn a_document_is_one_thing_to_all_readers() {
    let both = format!(r#"{{"manifests":[],"layers":[],"config":{{"digest":"{D}","size":0}}}}"#);
    assert!(matches!(received(&both, None), Err(ManifestError::Ambiguous { .. })));
    assert!(matches!(received(&both, Some(OCI_INDEX)), Err(ManifestError::Ambiguous { .. })));
    let list = r#"{"manifests":[]}"#;
    assert!(matches!(received(list, Some(OCI_MANIFEST)), Err(ManifestError::Ambiguous { .. })));
    assert!(matches!(received(r#"{"layers":[]}"#, Some(OCI_INDEX)), Err(ManifestError::Ambiguous { .. })));
    assert!(matches!(received(r#"{"layers":[]}"#, None), Err(ManifestError::Lacks { member: "config", .. })));
    received(list, None).unwrap();
    // An artifact manifest has blobs, and nothing of the others.
    let artifact =
        received(&format!(r#"{{"blobs":[{{"digest":"{D}","size":0}}]}}"#), Some(OCI_ARTIFACT)).unwrap();
    assert!(matches!(artifact.node(), Node::Artifact(blobs) if blobs.len() == 1));
    received("{}", Some(OCI_ARTIFACT)).unwrap();
    for other in [list, r#"{"blobs":[],"layers":[]}"#, &both] {
        assert!(
            matches!(received(other, Some(OCI_ARTIFACT)), Err(ManifestError::Ambiguous { .. })),
            "{other}"
        );
    }
    for odd in [r#"{"Blobs":[]}"#, r#"{"blobs":[],"blobs":[]}"#] {
        assert!(matches!(received(odd, Some(OCI_ARTIFACT)), Err(ManifestError::Document { .. })), "{odd}");
    }
}

#[test]
fn media_types_must_agree() {
    received(&image(), Some(OCI_MANIFEST)).unwrap();
    received(&image(), None).unwrap();
    received(&image(), Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8")).unwrap();
    assert!(matches!(received(&image(), Some(OCI_INDEX)), Err(ManifestError::MediaType { .. })));
    assert!(matches!(received(&image(), Some(LAYER)), Err(ManifestError::MediaType { .. })));
    let list = format!(r#"{{"mediaType":"{DOCKER_LIST}","manifests":[]}}"#);
    assert!(matches!(received(&list, Some(OCI_INDEX)), Err(ManifestError::MediaType { .. })));
    let odd = r#"{"mediaType":"application/vnd.\u001b[2J","layers":[]}"#;
    let message = received(odd, None).unwrap_err().to_string();
    assert!(message.contains(r"\u{1b}"), "{message}");
}

#[test]
fn dockers_schema_1_is_refused_by_name() {
    for text in [
        r#"{"schemaVersion":1,"name":"x","tag":"y","fsLayers":[{"blobSum":"sha256:0"}],"history":[]}"#
            .to_owned(),
        r#"{"fsLayers":[]}"#.to_owned(),
        format!(r#"{{"schemaVersion":1,"mediaType":"{DOCKER_SCHEMA1}"}}"#),
    ] {
        let error = received(&text, None).unwrap_err();
        assert!(matches!(error, ManifestError::Schema1 { .. }), "{error}");
    }
}

#[test]
fn bytes_are_proven_before_they_are_parsed() {
    let text = image();
    let descriptor = |size, digest| Descriptor::new(OCI_MANIFEST, digest, size);
    let digest = Digest::sha256(text.as_bytes());
    let prove = |descriptor: &Descriptor| RawManifest::prove(text.clone().into(), descriptor);
    let raw = prove(&descriptor(text.len() as u64, digest)).unwrap();
    assert_eq!(raw.bytes(), text.as_bytes());
    assert!(matches!(prove(&descriptor(1, digest)), Err(ManifestError::Size { .. })));
    assert!(matches!(
        prove(&descriptor(text.len() as u64, D.parse().unwrap())),
        Err(ManifestError::Digest { .. })
    ));
    let large = vec![b' '; (4 << 20) + 1];
    let digest = Digest::sha256(&large);
    assert!(matches!(RawManifest::received(large.into(), digest, None), Err(ManifestError::TooLarge { .. })));
}

#[test]
fn index_json_is_an_index_of_named_roots() {
    let child = json(&Descriptor::new(OCI_MANIFEST, D.parse().unwrap(), 0), "");
    let roots = parse_index(format!(r#"{{"schemaVersion":2,"manifests":[{child}]}}"#).as_bytes()).unwrap();
    assert_eq!((roots.len(), roots[0].reference.as_deref()), (1, None));
    for text in [
        "{}".to_owned(),
        r#"{"schemaVersion":2}"#.to_owned(),
        r#"{"schemaVersion":1,"manifests":[]}"#.to_owned(),
        format!(r#"{{"mediaType":"{OCI_MANIFEST}","manifests":[]}}"#),
        r#"{"manifests":[],"layers":[]}"#.to_owned(),
    ] {
        assert!(parse_index(text.as_bytes()).is_err(), "{text}");
    }
    let annotated = |annotations: &str| {
        let child = child.replace('}', &format!(r#","annotations":{{{annotations}}}}}"#));
        parse_index(format!(r#"{{"manifests":[{child}]}}"#).as_bytes())
    };
    let hostile = annotated(r#""org.opencontainers.image.ref.name":"a\u001b]0;x\u0007\nb""#).unwrap();
    assert!(!hostile[0].name().chars().any(char::is_control), "{}", hostile[0].name());
    let long =
        annotated(&format!(r#""org.opencontainers.image.ref.name":"{}""#, "x".repeat(100_000))).unwrap();
    assert!(long[0].name().len() < 400);
    assert!(annotated(r#""io.airlift.platforms":"linux""#).is_err());
    assert!(annotated(&format!(r#""io.airlift.platforms":"a/b{}""#, ",a/b".repeat(5_000))).is_err());
    assert!(annotated(r#""io.airlift.subject":"sha256:1""#).is_err());
    assert!(annotated(r#""io.airlift.platforms":"linux/amd64","io.airlift.manifests":"nonsense""#).is_err());
}

#[test]
fn oci_layout_has_a_version_that_we_know() {
    assert_eq!(parse_layout(br#"{"imageLayoutVersion":"1.0.0"}"#), Ok(None));
    assert_eq!(parse_layout(br#"{"imageLayoutVersion":"1.0.0","other":[1]}"#), Ok(None));
    let ours = format!(r#"{{"imageLayoutVersion":"1.0.0","io.airlift.bundle":"{D}"}}"#);
    assert_eq!(parse_layout(ours.as_bytes()), Ok(Some(D.parse().unwrap())));
    for text in [
        "{}",
        r#"{"imageLayoutVersion":"2.0.0"}"#,
        r#"{"imageLayoutVersion":1}"#,
        r#"{"imageLayoutVersion":"1.0.0","imageLayoutVersion":"1.0.0"}"#,
        r#"{"imageLayoutVersion":"1.0.0","io.airlift.bundle":"x"}"#,
        r#"{"imageLayoutVersion":"1.0.0","io.airlift.bundle":null}"#,
        r#"{"IMAGELAYOUTVERSION":"1.0.0"}"#,
        r#"{"imageLayoutVersion":"\u001b[2J"}"#,
        "[]",
    ] {
        let message = parse_layout(text.as_bytes()).unwrap_err().to_string();
        assert!(!message.chars().any(char::is_control), "{message:?}");
    }
}

#[test]
fn configs_of_artifacts_are_anything_at_all() {
    assert_eq!(
        platform_of_config(br#"{"os":"linux","architecture":"arm64"}"#).unwrap().to_string(),
        "linux/arm64"
    );
    for config in [&b"{}"[..], b"", b"\xff", b"[1]", b"{\"os\":5}", b"{\"os\":\"linux\"}", b"name: chart"] {
        assert_eq!(platform_of_config(config), None);
    }
}
