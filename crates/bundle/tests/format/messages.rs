//! What operators read: fragments that start lower-case (or with a name), fit a terminal, and don't repeat
//! their source.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use airlift_bundle::plan::PlanError;
use airlift_bundle::tar::path::PathError;
use airlift_bundle::volumes::{MIN_VOLUME, Split, VolumeSet};
use airlift_bundle::{OpenError, UnfitError, WriteError};
use airlift_oci::document::DocumentError;
use airlift_oci::graph::GraphError;
use airlift_oci::{Algorithm, Digest, DigestError, ManifestError, Platform};

/// Walks a chain of errors: no message repeats another.
fn check(error: &dyn Error) {
    let message = error.to_string();
    assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
    assert!(!message.chars().any(char::is_control), "{message:?}");
    assert!(message.chars().next().is_some_and(|c| !c.is_uppercase()), "{message}");
    if let Some(source) = error.source() {
        assert!(!message.contains(&source.to_string()), "{message} repeats {source}");
        check(source);
    }
}

const NASTY: &str = "a\u{1b}[31m\u{7}\nb";

#[test]
fn messages_of_writing_and_opening() {
    let path = || PathBuf::from("out/b.tar.part");
    let source = || io::Error::from(io::ErrorKind::StorageFull);
    let digest = Digest::sha256(b"x");
    for error in [
        WriteError::Open { path: path(), source: source() },
        WriteError::NotAFile { path: path() },
        WriteError::Locked { path: path(), holder: Some("process 4711 (airlift)".to_owned()) },
        WriteError::Locked { path: path(), holder: None },
        WriteError::Reserve { path: path(), size: 5, source: source() },
        WriteError::Write { path: path(), offset: 512, source: source() },
        WriteError::Sync { path: path(), source: source() },
        WriteError::ReadBack { path: path(), source: source() },
        WriteError::Publish { part: path(), output: "out/b.tar".into(), source: source() },
    ] {
        check(&error);
        assert!(error.to_string().contains("out/b.tar.part"), "{error}");
    }
    check(&WriteError::Length { digest, expected: 1, taken: 2 });
    check(&WriteError::Stream(source()));
    check(&WriteError::Altered { digest });
    check(&WriteError::OutOfTurn);
    check(&UnfitError::Frames { size: 1 });
    let split = Split::of(MIN_VOLUME).unwrap();
    for error in [Split::of(1).unwrap_err(), split.ranges(i64::MAX as u64).unwrap_err()] {
        check(&error);
        check(&WriteError::Split(error));
    }
    for bytes in [&b""[..], &[b'x'; 200]] {
        check(&VolumeSet::parse(bytes).unwrap_err());
    }
    for error in [
        OpenError::Read { path: path(), source: source() },
        OpenError::Compressed { path: path(), format: "gzip" },
        OpenError::Pipe { path: path() },
        OpenError::Renamed {
            path: path(),
            name: "b.tar.002".into(),
            manifest: "out/b.tar.volumes.json".into(),
        },
        OpenError::Unfinished { path: "out/b.tar".into(), part: path() },
        OpenError::NotALayout { path: path() },
        OpenError::OneVolume { path: path(), manifest: "out/b.tar.volumes.json".into() },
        OpenError::NoVolumeSet { volume: path(), manifest: "out/b.tar.volumes.json".into() },
    ] {
        check(&error);
        assert!(error.to_string().contains("out/b.tar.part"), "{error}");
    }
}

#[test]
fn messages_of_manifests_and_graphs() {
    let digest = Digest::sha256(b"x");
    let nasty = || NASTY.to_owned();
    let json = || DocumentError::Json("expected value at line 1 column 2".to_owned());
    let by_manifest = [
        ManifestError::Size { digest, expected: 1, actual: 2 },
        ManifestError::TooLarge { digest, size: 5 << 20 },
        ManifestError::Digest { expected: digest, actual: Digest::sha256(b"y") },
        ManifestError::Document { digest, source: json() },
        ManifestError::MediaType { digest, body: nasty(), announced: nasty() },
        ManifestError::Schema1 { digest },
        ManifestError::Unsupported { digest, media_type: nasty() },
        ManifestError::Ambiguous { digest },
        ManifestError::Lacks { digest, member: "config" },
    ];
    for error in &by_manifest {
        check(error);
        assert!(error.to_string().contains(&digest.to_string()), "{error}");
    }
    let path = || vec!["nginx:1.27".to_owned(), "linux/amd64".to_owned()];
    for error in [
        GraphError::Depth { path: path(), limit: 8 },
        GraphError::Sizes { digest, first: 1, second: 2, path: path() },
        GraphError::MediaTypes { digest, first: nasty(), second: nasty(), path: path() },
        GraphError::Schema1 { path: path() },
        GraphError::MediaType { path: path(), media_type: nasty() },
        GraphError::Spelling { path: path(), media_type: nasty(), known: "x/y" },
    ] {
        check(&error);
        assert!(error.to_string().contains("nginx:1.27 → linux/amd64"), "{error}");
    }
    for error in [
        GraphError::Manifests { root: "nginx:1.27".to_owned(), limit: 4_096 },
        GraphError::Images { count: 8, limit: 7 },
        GraphError::Entries { limit: 7 },
        GraphError::Bytes { limit: 7 },
        GraphError::Work { limit: 7 },
    ] {
        check(&error);
        assert!(error.to_string().contains(['7', '6']), "a limit is named: {error}");
        assert!(error.limit().is_some(), "and it is said which: {error}");
    }
    for error in [
        PlanError::TooLarge { digest: Digest::sha256(b"x"), size: 5 },
        PlanError::Index(json()),
        PlanError::IndexTooLarge(5),
    ] {
        check(&error);
    }
}

#[test]
fn messages_of_values() {
    for error in [DocumentError::ByteOrderMark, DocumentError::Utf8(5), DocumentError::Depth] {
        assert!(error.to_string().starts_with("the JSON"));
        check(&error);
    }
    for error in [
        DigestError::Malformed(NASTY.to_owned()),
        DigestError::Unsupported(NASTY.to_owned()),
        DigestError::Hex { algorithm: Algorithm::Sha256, text: NASTY.to_owned() },
    ] {
        check(&error);
    }
    for error in [
        PathError::Empty,
        PathError::Absolute,
        PathError::Component,
        PathError::Characters,
        PathError::Length,
    ] {
        check(&error);
    }
    check(&NASTY.parse::<Platform>().unwrap_err());
}

/// Quotes in a sentence stay quotes.
#[test]
fn messages_of_json_read_like_sentences() {
    let message =
        |text: &str| airlift_oci::document::Document::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(
        message(r#"{"layers":[],"layers":[]}"#)
            .starts_with("member 'layers' is there twice: readers disagree")
    );
    let digest = message(r#"{"layers":[{"digest":"sha256:00\u001b","size":1}]}"#);
    assert!(digest.starts_with(r"'sha256:00\u{1b}' is not a digest"), "{digest}");
    assert!(message("{\"a\u{1}").contains("line 1"), "a place is named");
}

#[test]
fn a_missing_file_is_named_once() {
    let error = airlift_bundle::Archive::open(Path::new("/no/such/bundle.tar")).unwrap_err();
    assert_eq!(error.to_string(), "can't read /no/such/bundle.tar");
    assert!(error.source().is_some());
}
