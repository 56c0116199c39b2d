//! Writing: uploads in every way there is, manifests and what they are checked for, deletes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end itself")]

mod common;

use airlift_oci::{Algorithm, Digest, media_type};
use airlift_server::samples::{self, Child, Flavour, Image, ImageSpec, IndexSpec, Layer, Layout, Sample};
use airlift_server::{Indexes, Options};
use common::{PIECE, Registry, header, is, refusal, refused};
use reqwest::{Method, StatusCode};

async fn has_blob(registry: &Registry, repository: &str, content: &[u8]) -> bool {
    let answer = registry.get(&format!("{repository}/blobs/{}", Digest::sha256(content))).await;
    answer.status() == StatusCode::OK && answer.bytes().await.unwrap() == content
}

#[tokio::test]
async fn a_blob_in_one_post() {
    let registry = Registry::empty().await;
    let digest = Digest::sha256(b"one");
    let path = format!("a/b/blobs/uploads/?digest={}", digest.to_string().replace(':', "%3A"));
    let answer = registry.ask(Method::POST, &path).body("one").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(header(&answer, "location"), format!("/v2/a/b/blobs/{digest}"));
    assert_eq!(header(&answer, "docker-content-digest"), digest.to_string());
    assert!(has_blob(&registry, "a/b", b"one").await);
    let answer = registry.ask(Method::POST, &path).body("two").send().await.unwrap();
    assert_eq!(refused(answer).await, is(400, "DIGEST_INVALID"));
}

#[tokio::test]
async fn a_blob_in_post_and_put() {
    let registry = Registry::empty().await;
    let content = vec![42; PIECE * 2 + 1];
    for algorithm in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
        let digest = Digest::of(algorithm, &content);
        let location = registry.upload("a").await;
        let finish = registry.ask(Method::PUT, &format!("{location}?digest={digest}"));
        let answer = finish.body(content.clone()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let answer = registry.get(header(&answer, "location")).await;
        assert_eq!(answer.bytes().await.unwrap(), content);
        // The session is over.
        assert_eq!(refused(registry.get(&location).await).await, is(404, "BLOB_UPLOAD_UNKNOWN"));
    }
}

#[tokio::test]
async fn a_blob_in_chunks() {
    let registry = Registry::empty().await;
    let location = registry.upload("a").await;
    let patch = async |range: &str, chunk: &'static str| {
        let request = registry.ask(Method::PATCH, &location).header("content-range", range).body(chunk);
        request.send().await.unwrap()
    };
    let answer = patch("0-2", "abc").await;
    assert_eq!((answer.status(), header(&answer, "range")), (StatusCode::ACCEPTED, "0-2"));
    assert_eq!(header(&answer, "location"), location);
    // Out of order, overlapping, of another length, and no range at all: refused, and nothing is lost.
    for (range, chunk) in [("4-5", "ef"), ("2-3", "cd"), ("3-9", "def"), ("x", "def"), ("5-3", "def")] {
        let answer = patch(range, chunk).await;
        assert_eq!(header(&answer, "range"), "0-2", "{range}");
        assert_eq!(refused(answer).await, is(416, "BLOB_UPLOAD_INVALID"), "{range}");
    }
    let status = registry.get(&location).await;
    assert_eq!((status.status(), header(&status, "range")), (StatusCode::NO_CONTENT, "0-2"));
    assert_eq!(patch("bytes 3-5/*", "def").await.status(), StatusCode::ACCEPTED);
    // The last chunk may come with the PUT, and has a range too.
    let finish = format!("{location}?digest={}", Digest::sha256(b"abcdefgh"));
    let request = registry.ask(Method::PUT, &finish).header("content-range", "0-1").body("gh");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let request = registry.ask(Method::PUT, &finish).header("content-range", "6-7").body("gh");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    assert!(has_blob(&registry, "a", b"abcdefgh").await);
}

#[tokio::test]
async fn a_stream_of_unknown_length_is_hashed_as_it_comes() {
    let registry = Registry::empty().await;
    let pieces: Vec<Vec<u8>> = (0..40).map(|n: u8| vec![n; 50_000 + usize::from(n)]).collect();
    let content = pieces.concat();
    let location = registry.upload("a").await;
    let stream = futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    let patch = registry.ask(Method::PATCH, &location).body(reqwest::Body::wrap_stream(stream));
    assert_eq!(patch.send().await.unwrap().status(), StatusCode::ACCEPTED);
    // Asked for at the end only, when a sha256 has been counted.
    let digest = Digest::of(Algorithm::Sha512, &content);
    let answer = registry.send(Method::PUT, &format!("{location}?digest={digest}")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(registry.get(&format!("a/blobs/{digest}")).await.bytes().await.unwrap(), content);
}

#[tokio::test]
async fn wrong_digests_make_no_blob() {
    let registry = Registry::empty().await;
    let location = registry.upload("a").await;
    let answer = registry.send(Method::PUT, &location).await;
    assert_eq!(refused(answer).await, is(400, "DIGEST_INVALID"));
    let answer = registry.send(Method::PUT, &format!("{location}?digest=sha256:xyz")).await;
    assert_eq!(refused(answer).await, is(400, "DIGEST_INVALID"));
    let wrong = Digest::sha256(b"wanted");
    let request = registry.ask(Method::PUT, &format!("{location}?digest={wrong}")).body("sent");
    assert_eq!(refused(request.send().await.unwrap()).await, is(400, "DIGEST_INVALID"));
    for content in [b"wanted".as_slice(), b"sent"] {
        assert!(!has_blob(&registry, "a", content).await);
    }
    assert_eq!(refused(registry.get(&location).await).await, is(404, "BLOB_UPLOAD_UNKNOWN"));
    assert_eq!(std::fs::read_dir(registry.folder().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository_and_can_be_cancelled() {
    let registry = Registry::empty().await;
    let location = registry.upload("a").await;
    let elsewhere = location.replace("/v2/a/", "/v2/b/");
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let answer = registry.send(method.clone(), &elsewhere).await;
        assert_eq!(refused(answer).await, is(404, "BLOB_UPLOAD_UNKNOWN"), "{method}");
    }
    assert_eq!(registry.send(Method::DELETE, &location).await.status(), StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::PATCH, Method::PUT, Method::DELETE] {
        let answer =
            registry.send(method.clone(), &format!("{location}?digest={}", Digest::sha256(b""))).await;
        assert_eq!(refused(answer).await, is(404, "BLOB_UPLOAD_UNKNOWN"), "{method}");
    }
    assert_eq!(std::fs::read_dir(registry.folder().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn blobs_are_mounted_from_other_repositories() {
    let registry = Registry::empty().await;
    let digest = registry.put_blob("library/a", b"shared").await;
    let mount = async |query: String| registry.send(Method::POST, &format!("b/blobs/uploads/?{query}")).await;
    // A miss of any kind means: upload it.
    let unknown = Digest::sha256(b"unknown");
    for query in [
        format!("mount={unknown}&from=library/a"),
        format!("mount={digest}&from=nowhere"),
        format!("mount={digest}&from=..%2Fa"),
        format!("mount={digest}"),
    ] {
        let answer = mount(query).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert!(header(&answer, "location").starts_with("/v2/b/blobs/uploads/"));
    }
    assert!(!has_blob(&registry, "b", b"shared").await);
    let answer = mount(format!("mount={digest}&from=library%2Fa")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(header(&answer, "location"), format!("/v2/b/blobs/{digest}"));
    assert!(has_blob(&registry, "b", b"shared").await);
    assert_eq!(
        refused(mount("mount=sha256:0&from=library/a".to_owned()).await).await,
        is(400, "DIGEST_INVALID")
    );
}

/// Pushes the blobs of an image, and its manifest by digest.
async fn push(registry: &Registry, repository: &str, image: &Image) {
    for blob in &image.blobs {
        registry.put_blob(repository, &blob.bytes).await;
    }
    let manifest = &image.manifest;
    let path = format!("{repository}/manifests/{}", manifest.digest);
    let answer = registry.put_manifest(&path, &manifest.media_type, manifest.bytes.to_vec()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(header(&answer, "location"), format!("/v2/{path}"));
}

#[tokio::test]
async fn a_pushed_index_keeps_every_byte() {
    let registry = Registry::empty().await;
    for flavour in [Flavour::Oci, Flavour::Docker] {
        let spec = |seed| ImageSpec {
            layers: vec![Layer::Files { seed, size: 100 }],
            flavour,
            layout: Layout::Odd,
            ..ImageSpec::default()
        };
        let images = [samples::image(&spec(1)), samples::image(&spec(2))];
        let children = images.iter().map(Child::from).collect();
        let root =
            samples::index(&IndexSpec { children, flavour, layout: Layout::Odd, ..IndexSpec::default() });
        for image in &images {
            push(&registry, "a", image).await;
        }
        let content_type = format!("{}; charset=utf-8", root.media_type);
        let answer = registry.put_manifest("a/manifests/1", &content_type, root.bytes.to_vec()).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(header(&answer, "docker-content-digest"), root.digest.to_string());
        for reference in ["1", &root.digest.to_string()] {
            let answer = registry.get(&format!("a/manifests/{reference}")).await;
            assert_eq!(header(&answer, "content-type"), root.media_type);
            assert_eq!(answer.bytes().await.unwrap(), root.bytes);
        }
    }
}

#[tokio::test]
async fn what_a_manifest_names_must_be_there() {
    let registry = Registry::empty().await;
    let layers = vec![Layer::Files { seed: 1, size: 1 }, Layer::Files { seed: 1, size: 1 }];
    let image = samples::image(&ImageSpec { layers, ..ImageSpec::default() });
    let answer =
        registry.put_manifest("a/manifests/1", media_type::OCI_MANIFEST, image.manifest.bytes.to_vec()).await;
    let text = answer.text().await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&text).unwrap();
    // Config and layer; the layer that comes twice is named once.
    let missing: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|error| error["detail"].as_str().unwrap()).collect();
    assert_eq!(missing, [image.blobs[0].digest.to_string(), image.blobs[1].digest.to_string()]);
    // In another repository is not here.
    push(&registry, "elsewhere", &image).await;
    let index = samples::index(&IndexSpec { children: vec![Child::from(&image)], ..IndexSpec::default() });
    let answer = registry.put_manifest("a/manifests/1", media_type::OCI_INDEX, index.bytes).await;
    assert_eq!(refusal(answer).await, (400, vec!["MANIFEST_BLOB_UNKNOWN".to_owned()]));
    assert_eq!(registry.get("a/manifests/1").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_sparse_registry_takes_an_index_without_its_children() {
    let registry = Registry::with(Options { indexes: Indexes::Sparse, ..Options::default() }).await;
    let image = samples::image(&ImageSpec::default());
    let index = samples::index(&IndexSpec { children: vec![Child::from(&image)], ..IndexSpec::default() });
    let answer = registry.put_manifest("a/manifests/1", media_type::OCI_INDEX, index.bytes).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let answer = registry.put_manifest("a/manifests/2", media_type::OCI_MANIFEST, image.manifest.bytes).await;
    assert_eq!(refused(answer).await, is(400, "MANIFEST_BLOB_UNKNOWN"));
}

#[tokio::test]
async fn foreign_layers_need_not_be_there() {
    let registry = Registry::empty().await;
    let config = registry.put_blob("a", b"{}").await;
    let foreign = Digest::sha256(b"foreign");
    let manifest = |urls: &str| {
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"c/c","size":2,"digest":"{config}"}},"layers":[{{"mediaType":"l/l","size":7,"digest":"{foreign}","urls":{urls}}}]}}"#
        )
    };
    let answer =
        registry.put_manifest("a/manifests/1", media_type::OCI_MANIFEST, manifest("[\"https://x/\"]")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let answer = registry.put_manifest("a/manifests/2", media_type::OCI_MANIFEST, manifest("[]")).await;
    assert_eq!(refused(answer).await, is(400, "MANIFEST_BLOB_UNKNOWN"));
}

#[tokio::test]
async fn manifests_are_checked() {
    let registry = Registry::empty().await;
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    let other = Digest::sha256(b"other");
    let put = async |reference: &str, media_type: &str, body: &str| {
        refused(registry.put_manifest(&format!("a/manifests/{reference}"), media_type, body).await).await
    };
    let invalid = is(400, "MANIFEST_INVALID");
    assert_eq!(put("1", media_type::OCI_MANIFEST, index).await, invalid);
    assert_eq!(put("1", "application/json", index).await, invalid);
    assert_eq!(put("1", media_type::DOCKER_SCHEMA1, index).await, invalid);
    assert_eq!(put("1", media_type::OCI_INDEX, &format!("\u{feff}{index}")).await, invalid);
    assert_eq!(
        put("1", media_type::OCI_INDEX, r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#).await,
        invalid
    );
    let typed = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::DOCKER_LIST);
    assert_eq!(put("1", media_type::OCI_INDEX, &typed).await, invalid);
    assert_eq!(put(&other.to_string(), media_type::OCI_INDEX, index).await, is(400, "DIGEST_INVALID"));
    assert_eq!(put("sha256:0", media_type::OCI_INDEX, index).await, is(400, "DIGEST_INVALID"));
    assert_eq!(put(".x", media_type::OCI_INDEX, index).await, is(400, "TAG_INVALID"));
    assert_eq!(refused(registry.get("a/tags/list").await).await, is(404, "NAME_UNKNOWN"));
}

#[tokio::test]
async fn a_manifest_has_at_most_four_mebibytes() {
    let registry = Registry::empty().await;
    let padded = |size: usize| {
        let mut index = r#"{"schemaVersion":2,"manifests":[]}"#.to_owned();
        index.extend(std::iter::repeat_n(' ', size - index.len()));
        index
    };
    let answer = registry.put_manifest("a/manifests/1", media_type::OCI_INDEX, padded(4 << 20)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    for size in [(4 << 20) + 1, 12 << 20] {
        // The answer arrives although the client was still sending.
        let answer = registry.put_manifest("a/manifests/2", media_type::OCI_INDEX, padded(size)).await;
        assert_eq!(refused(answer).await, is(413, "MANIFEST_INVALID"));
    }
}

#[tokio::test]
async fn deletes_take_what_they_name() {
    let registry = Registry::empty().await;
    let image = samples::image(&ImageSpec::default());
    for tag in ["1", "2"] {
        registry.server.seed(&[Sample::of_image("a", tag, image.clone())]).await.unwrap();
    }
    let by_digest = format!("a/manifests/{}", image.manifest.digest);
    assert_eq!(registry.send(Method::DELETE, "a/manifests/1").await.status(), StatusCode::ACCEPTED);
    assert_eq!(refused(registry.get("a/manifests/1").await).await, is(404, "MANIFEST_UNKNOWN"));
    assert_eq!(registry.get("a/manifests/2").await.status(), StatusCode::OK);
    assert_eq!(registry.send(Method::DELETE, &by_digest).await.status(), StatusCode::ACCEPTED);
    for path in ["a/manifests/2", &by_digest] {
        assert_eq!(refused(registry.send(Method::DELETE, path).await).await, is(404, "MANIFEST_UNKNOWN"));
    }
    assert_eq!(registry.get("a/tags/list").await.text().await.unwrap(), r#"{"name":"a","tags":[]}"#);
    let blob = format!("a/blobs/{}", image.blobs[0].digest);
    assert_eq!(registry.send(Method::DELETE, &blob).await.status(), StatusCode::ACCEPTED);
    assert_eq!(refused(registry.send(Method::DELETE, &blob).await).await, is(404, "BLOB_UNKNOWN"));
}

#[tokio::test]
async fn seeding_refuses_what_a_put_refuses() {
    let registry = Registry::empty().await;
    let image = samples::image(&ImageSpec::default());
    let mut incomplete = Sample::of_image("a", "1", image.clone());
    incomplete.blobs.clear();
    let error = registry.server.seed(&[incomplete]).await.unwrap_err().to_string();
    assert!(error.contains(&image.blobs[0].digest.to_string()), "{error}");
    assert!(registry.server.seed(&[Sample::of_image("../a", "1", image)]).await.is_err());
}
