//! Reading: manifests, blobs, ranges, tags, referrers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end itself")]

mod common;

use airlift_oci::{Algorithm, Digest, media_type};
use airlift_server::samples::{self, ImageSpec, Sample};
use airlift_server::{Options, Referrers};
use common::{PIECE, Registry, header, is, refused};
use reqwest::{Method, StatusCode};

#[tokio::test]
async fn the_base_says_that_it_is_a_registry() {
    let registry = Registry::empty().await;
    let answer = registry.get("/v2/").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "docker-distribution-api-version"), "registry/2.0");
}

#[tokio::test]
async fn every_sample_comes_back_byte_for_byte() {
    let registry = Registry::seeded().await;
    for sample in samples::all() {
        let repository = &sample.repository;
        let mut named = vec![(sample.tag.clone(), &sample.root)];
        named.extend(sample.manifests.iter().map(|manifest| (manifest.digest.to_string(), manifest)));
        for (reference, manifest) in named {
            let path = format!("{repository}/manifests/{reference}");
            // Whatever the client would like better, these are the bytes.
            let answer = registry.ask(Method::GET, &path).header("accept", "text/html").send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(header(&answer, "content-type"), manifest.media_type);
            assert_eq!(header(&answer, "docker-content-digest"), manifest.digest.to_string());
            assert_eq!(answer.bytes().await.unwrap(), manifest.bytes);
            let answer = registry.send(Method::HEAD, &path).await;
            assert_eq!(header(&answer, "content-length"), manifest.bytes.len().to_string());
            assert_eq!(header(&answer, "docker-content-digest"), manifest.digest.to_string());
            assert!(answer.bytes().await.unwrap().is_empty());
        }
        for blob in &sample.blobs {
            let path = format!("{repository}/blobs/{}", blob.digest);
            let answer = registry.get(&path).await;
            assert_eq!(header(&answer, "docker-content-digest"), blob.digest.to_string());
            assert_eq!(answer.bytes().await.unwrap(), blob.bytes);
            let answer = registry.send(Method::HEAD, &path).await;
            assert_eq!(header(&answer, "content-length"), blob.bytes.len().to_string());
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let registry = Registry::seeded().await;
    let digest = Digest::sha256(b"nowhere");
    let elsewhere = samples::all()[0].blobs[0].digest;
    let cases = [
        ("team/web/manifests/2".to_owned(), "MANIFEST_UNKNOWN"),
        ("team/web/manifests/.not-a-tag".to_owned(), "MANIFEST_UNKNOWN"),
        (format!("team/web/manifests/{digest}"), "MANIFEST_UNKNOWN"),
        ("nowhere/manifests/1".to_owned(), "MANIFEST_UNKNOWN"),
        (format!("team/web/blobs/{digest}"), "BLOB_UNKNOWN"),
        // The registry holds it, but not in this repository.
        (format!("charts/app/blobs/{elsewhere}"), "BLOB_UNKNOWN"),
        ("nowhere/tags/list".to_owned(), "NAME_UNKNOWN"),
        ("team/web/blobs/uploads/nope".to_owned(), "BLOB_UPLOAD_UNKNOWN"),
        ("team/web/manifests".to_owned(), "UNSUPPORTED"),
        ("/".to_owned(), "UNSUPPORTED"),
        ("/v1/".to_owned(), "UNSUPPORTED"),
    ];
    for (path, code) in cases {
        assert_eq!(refused(registry.get(&path).await).await, is(404, code), "{path}");
        assert_eq!(registry.send(Method::HEAD, &path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["team/web/blobs/sha256:00", "team/web/manifests/md5:00", "team/web/blobs/latest"] {
        assert_eq!(refused(registry.get(path).await).await, is(400, "DIGEST_INVALID"), "{path}");
    }
}

#[tokio::test]
async fn ranges_give_parts_of_a_blob() {
    let registry = Registry::empty().await;
    let content: Vec<u8> = (0..PIECE * 2 + 17).map(|at| (at % 251) as u8).collect();
    let (digest, size) = (registry.put_blob("a", &content).await, content.len());
    let path = format!("a/blobs/{digest}");
    let ask =
        async |range: &str| registry.ask(Method::GET, &path).header("range", range).send().await.unwrap();
    let parts = [
        ("bytes=0-0".to_owned(), 0..1),
        (format!("bytes={}-{}", PIECE - 1, PIECE + 1), PIECE - 1..PIECE + 2),
        (format!("bytes={PIECE}-"), PIECE..size),
        ("bytes=-5".to_owned(), size - 5..size),
        (format!("bytes=0-{}", u64::MAX), 0..size),
    ];
    for (range, wanted) in parts {
        let answer = ask(&range).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let expected = format!("bytes {}-{}/{size}", wanted.start, wanted.end - 1);
        assert_eq!(header(&answer, "content-range"), expected);
        assert_eq!(header(&answer, "content-length"), wanted.len().to_string());
        assert_eq!(answer.bytes().await.unwrap(), content[wanted]);
    }
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let answer = ask(&range).await;
        assert_eq!(header(&answer, "content-range"), format!("bytes */{size}"));
        assert_eq!(refused(answer).await, is(416, "RANGE_INVALID"));
    }
    for range in ["bytes=0-1,3-4", "bytes=5-4", "lines=1-2", "bytes=-", "nonsense"] {
        let answer = ask(range).await;
        assert_eq!(answer.status(), StatusCode::OK, "{range}");
        assert_eq!(answer.bytes().await.unwrap(), content);
    }
    // A part of something that has changed meanwhile is of no use.
    let request =
        registry.ask(Method::GET, &path).header("range", "bytes=0-0").header("if-range", "\"other\"");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let registry = Registry::empty().await;
    let digest = registry.put_blob("a", b"").await;
    let path = format!("a/blobs/{digest}");
    let answer = registry.get(&path).await;
    assert_eq!((answer.status(), header(&answer, "content-length")), (StatusCode::OK, "0"));
    let answer = registry.ask(Method::GET, &path).header("range", "bytes=0-").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_blob_that_shrank_on_disk_breaks_the_connection() {
    let registry = Registry::empty().await;
    // More than any socket buffers, so that most of it is unread when the file is cut.
    let size = PIECE * 128;
    let digest = registry.put_blob("a", &vec![7; size]).await;
    let mut answer = registry.get(&format!("a/blobs/{digest}")).await;
    let path = registry.folder().join("content/sha256").join(digest.hex());
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1).unwrap();
    let mut received = 0;
    let end = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            other => break other,
        }
    };
    assert!(end.is_err() && received < size);
}

/// Flips a bit of what the registry keeps.
fn alter(registry: &Registry, digest: &Digest, at: usize) {
    let path = registry.folder().join("content/sha256").join(digest.hex());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn content_that_was_altered_on_disk_never_makes_a_whole_answer() {
    let registry = Registry::empty().await;
    for size in [1, PIECE, PIECE * 2 + 17] {
        let content = vec![7; size];
        let digest = registry.put_blob("a", &content).await;
        let read = async |range: &str| {
            let asked = registry.ask(Method::GET, &format!("a/blobs/{digest}")).header("range", range);
            asked.send().await?.error_for_status()?.bytes().await
        };
        for at in [0, size / 2, size - 1] {
            alter(&registry, &digest, at);
            for range in ["none", "bytes=0-", "bytes=0-0", "bytes=-1"] {
                assert!(read(range).await.is_err(), "{range} of {size}, altered at {at}");
            }
            alter(&registry, &digest, at);
        }
        assert_eq!(read("none").await.unwrap(), content);
        std::fs::write(registry.folder().join("content/sha256").join(digest.hex()), b"").unwrap();
        assert!(read("none").await.is_err(), "nothing of {size}");
    }
    let image = samples::image(&ImageSpec::default());
    registry.server.seed(&[Sample::of_image("a", "1", image.clone())]).await.unwrap();
    alter(&registry, &image.manifest.digest, 3);
    for path in ["a/manifests/1".to_owned(), format!("a/manifests/{}", image.manifest.digest)] {
        assert_eq!(refused(registry.get(&path).await).await, is(500, "UNKNOWN"), "{path}");
    }
}

#[tokio::test]
async fn tags_come_in_pages() {
    let registry = Registry::empty().await;
    let image = samples::image(&ImageSpec::default());
    let tags = ["1", "1.27", "B", "_x", "a", "b"];
    let with_tag = |tag: &str| Sample::of_image("team/app", tag, image.clone());
    let samples: Vec<Sample> = tags.iter().rev().map(|tag| with_tag(tag)).collect();
    registry.server.seed(&samples).await.unwrap();
    let list = async |query: &str| {
        let answer = registry.get(&format!("team/app/tags/list{query}")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let link = header(&answer, "link").to_owned();
        let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(body["name"], "team/app");
        let tags = body["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned());
        (tags.collect::<Vec<_>>(), link)
    };
    let none = String::new();
    assert_eq!(list("").await, (tags.map(str::to_owned).to_vec(), none.clone()));
    assert_eq!(list("?n=99999999999999999999999").await.0.len(), 6);
    assert_eq!(list("?n=6").await.1, none);
    assert_eq!(list("?n=0").await, (Vec::new(), none.clone()));
    assert_eq!(list("?last=_x").await.0, ["a", "b"]);
    assert_eq!(list("?last=%2E").await.0, tags);
    assert_eq!(list("?last=zzz").await.0, Vec::<String>::new());
    let (page, link) = list("?n=4").await;
    assert_eq!(page, tags[..4]);
    assert_eq!(link, "</v2/team/app/tags/list?n=4&last=_x>; rel=\"next\"");
    assert_eq!(list("?n=4&last=_x").await, (vec!["a".to_owned(), "b".to_owned()], none));
    for query in ["?n=-1", "?n=x", "?n="] {
        let answer = registry.get(&format!("team/app/tags/list{query}")).await;
        assert_eq!(refused(answer).await, is(400, "PAGINATION_NUMBER_INVALID"));
    }
}

#[tokio::test]
async fn a_page_of_tags_is_never_longer_than_a_thousand() {
    let registry = Registry::empty().await;
    let image = samples::image(&ImageSpec::default());
    let sample = |number: u32| Sample::of_image("a", &format!("t{number:05}"), image.clone());
    let samples: Vec<Sample> = (0..1001).map(sample).collect();
    registry.server.seed(&samples).await.unwrap();
    for query in ["", "?n=5000"] {
        let answer = registry.get(&format!("a/tags/list{query}")).await;
        assert_eq!(header(&answer, "link"), "</v2/a/tags/list?n=1000&last=t00999>; rel=\"next\"");
        let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(body["tags"].as_array().unwrap().len(), 1000);
    }
}

fn referrer(subject: &samples::Content, artifact_type: &str) -> samples::Image {
    samples::image(&ImageSpec {
        artifact_type: Some(artifact_type.to_owned()),
        subject: Some(subject.clone()),
        annotations: vec![("k".to_owned(), "v".to_owned())],
        ..ImageSpec::default()
    })
}

#[tokio::test]
async fn referrers_are_listed_and_filtered() {
    let registry = Registry::seeded().await;
    let web = &samples::all()[0];
    let empty = registry.put_blob("team/web", b"{}").await;
    let mut pushed = Vec::new();
    for artifact_type in ["application/vnd.x.signature+json", "application/vnd.x.sbom"] {
        let image = referrer(&web.root, artifact_type);
        assert_eq!(image.blobs[0].digest, empty);
        let path = format!("team/web/manifests/{}", image.manifest.digest);
        let answer =
            registry.put_manifest(&path, media_type::OCI_MANIFEST, image.manifest.bytes.to_vec()).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(header(&answer, "oci-subject"), web.root.digest.to_string());
        pushed.push(image.manifest);
    }
    let list = async |query: &str| {
        let answer = registry.get(&format!("team/web/referrers/{}{query}", web.root.digest)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(header(&answer, "content-type"), media_type::OCI_INDEX);
        let filters = header(&answer, "oci-filters-applied").to_owned();
        let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(body["schemaVersion"], 2);
        (body["manifests"].as_array().unwrap().clone(), filters)
    };
    let (all, filters) = list("").await;
    assert_eq!((all.len(), filters.as_str()), (2, ""));
    for query in [
        "?artifactType=application%2Fvnd.x.signature%2Bjson",
        "?artifactType=application/vnd.x.signature+json",
    ] {
        let (found, filters) = list(query).await;
        assert_eq!((found.len(), filters.as_str()), (1, "artifactType"));
        assert_eq!(found[0]["digest"], pushed[0].digest.to_string());
        assert_eq!(found[0]["size"], pushed[0].bytes.len());
        assert_eq!(found[0]["artifactType"], "application/vnd.x.signature+json");
        assert_eq!(found[0]["annotations"]["k"], "v");
    }
    let unknown = registry.get(&format!("team/web/referrers/{}", Digest::sha256(b"?"))).await;
    assert_eq!(unknown.status(), StatusCode::OK);
    assert_eq!(refused(registry.get("team/web/referrers/sha256:0").await).await, is(400, "DIGEST_INVALID"));
}

#[tokio::test]
async fn without_the_referrers_api_there_is_none() {
    let registry = Registry::with(Options { referrers: Referrers::Absent, ..Options::default() }).await;
    registry.server.seed(&samples::all()).await.unwrap();
    let web = &samples::all()[0];
    registry.put_blob("team/web", b"{}").await;
    let image = referrer(&web.root, "application/vnd.x.sbom");
    let answer = registry
        .put_manifest("team/web/manifests/sbom", media_type::OCI_MANIFEST, image.manifest.bytes)
        .await;
    assert_eq!((answer.status(), header(&answer, "oci-subject")), (StatusCode::CREATED, ""));
    let answer = registry.get(&format!("team/web/referrers/{}", web.root.digest)).await;
    assert_eq!(refused(answer).await, is(404, "UNSUPPORTED"));
}

#[tokio::test]
async fn sha512_names_content_too() {
    let registry = Registry::empty().await;
    let layers = vec![samples::Layer::Files { seed: 1, size: 9 }];
    let image = samples::image(&ImageSpec { algorithm: Algorithm::Sha512, layers, ..ImageSpec::default() });
    let (manifest, layer) = (image.manifest.clone(), image.blobs[1].clone());
    registry.server.seed(&[Sample::of_image("a", "1", image)]).await.unwrap();
    let answer = registry.get(&format!("a/manifests/{}", manifest.digest)).await;
    assert_eq!(header(&answer, "docker-content-digest"), manifest.digest.to_string());
    assert_eq!(answer.bytes().await.unwrap(), manifest.bytes);
    let answer = registry.get(&format!("a/blobs/{}", layer.digest)).await;
    assert_eq!(answer.bytes().await.unwrap(), layer.bytes);
}
