//! Content that tests make by hand, and the embedded registry to put it into.

use airlift_oci::{Algorithm, Digest, media_type};
use airlift_server::samples::{self, Child, Content, Image, ImageSpec, IndexSpec, Layer, Sample};
use airlift_server::{Options, Server};
use airlift_testkit::http::Endpoint;
use serde_json::{Value, json};

use crate::airlift::Airlift;

/// Airlift's own registry, which accepts everything that the specification allows.
pub(crate) struct Embedded {
    endpoint: Endpoint,
    // In this order: the server ends before its folder goes.
    _server: Server,
    _runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Embedded {
    pub(crate) fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        let server = runtime.block_on(Server::start(folder.path(), options)).expect("it starts");
        let endpoint = Endpoint::new(server.address().to_string());
        Embedded { endpoint, _server: server, _runtime: runtime, _folder: folder }
    }

    pub(crate) fn authority(&self) -> &str {
        self.endpoint.authority()
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// `b.tar` with two-platform images under these names, built with `more` arguments; and their source and
/// contents.
pub(crate) fn bundle(repositories: &[&str], more: &[&str]) -> (Airlift, Embedded, Vec<Sample>) {
    let source = Embedded::start(Options::default());
    let numbered = (1_u64..).zip(repositories);
    let samples: Vec<Sample> =
        numbered.map(|(number, repository)| two_platforms(repository, 10 * number)).collect();
    source.endpoint().push(&samples);
    let airlift = Airlift::new();
    let references: Vec<String> =
        repositories.iter().map(|repository| format!("{}/{repository}:1", source.authority())).collect();
    let mut arguments = vec!["build", "-o", "b.tar"];
    arguments.extend(references.iter().map(String::as_str).chain(more.iter().copied()));
    airlift.run(&arguments).expect(0);
    (airlift, source, samples)
}

/// A document; its media type is what it says.
pub(crate) fn document(value: &Value) -> Content {
    let media_type = value["mediaType"].as_str().expect("it has a media type");
    Content::new(Algorithm::Sha256, media_type, value.to_string())
}

/// A blob of that type.
pub(crate) fn blob(media_type: &str, bytes: impl Into<Vec<u8>>) -> Content {
    Content::new(Algorithm::Sha256, media_type, bytes.into())
}

/// What names some content.
pub(crate) fn descriptor(content: &Content) -> Value {
    json!({"mediaType": content.media_type, "digest": content.digest.to_string(), "size": content.bytes.len()})
}

/// The same with more members.
pub(crate) fn descriptor_with(content: &Content, more: &Value) -> Value {
    let mut descriptor = descriptor(content);
    for (name, value) in more.as_object().expect("members are an object") {
        descriptor[name] = value.clone();
    }
    descriptor
}

/// An index of these descriptors.
pub(crate) fn index(children: &[Value]) -> Content {
    document(&json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children}))
}

/// An image for a platform, whose layer follows from `seed`.
pub(crate) fn image(platform: &str, seed: u64) -> Image {
    let layers = vec![Layer::Files { seed, size: 2048 }];
    samples::image(&ImageSpec { platform: platform.to_owned(), layers, ..ImageSpec::default() })
}

/// An image whose config names a version of the system, too.
pub(crate) fn windows(version: &str, seed: u64) -> Image {
    let image = image("windows/amd64", seed);
    let mut config: Value = serde_json::from_slice(&image.blobs[0].bytes).expect("a config is JSON");
    config["os.version"] = version.into();
    let config = blob(media_type::OCI_CONFIG, config.to_string());
    let layer = image.blobs[1].clone();
    let manifest = document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(&config), "layers": [descriptor(&layer)],
    }));
    Image { manifest, blobs: vec![config, layer], platform: "windows/amd64".to_owned() }
}

/// Something attached to `subject`: a manifest of that artifact type with one small layer.
pub(crate) fn referrer(subject: &Content, artifact_type: &str, text: &str) -> Image {
    samples::image(&ImageSpec {
        artifact_type: Some(artifact_type.to_owned()),
        layers: vec![Layer::Raw {
            media_type: "application/vnd.example.attached".to_owned(),
            bytes: text.to_owned().into(),
            annotations: Vec::new(),
        }],
        subject: Some(subject.clone()),
        annotations: vec![("org.example.note".to_owned(), text.to_owned())],
        ..ImageSpec::default()
    })
}

/// A manifest of one small layer that has no subject, as cosign keeps under its tags.
pub(crate) fn signature(text: &str) -> Image {
    samples::image(&ImageSpec {
        layers: vec![Layer::Raw {
            media_type: "application/vnd.dev.cosign.simplesigning.v1+json".to_owned(),
            bytes: text.to_owned().into(),
            annotations: Vec::new(),
        }],
        ..ImageSpec::default()
    })
}

/// A two-platform sample of small images: linux/amd64 and linux/arm64.
pub(crate) fn two_platforms(repository: &str, seed: u64) -> Sample {
    let images = vec![image("linux/amd64", seed), image("linux/arm64", seed + 1)];
    let children = images.iter().map(Child::from).collect();
    let root = samples::index(&IndexSpec { children, ..IndexSpec::default() });
    Sample::of_index(repository, "1", root, Vec::new(), images)
}

/// `sha256-<hex>` with a suffix such as `.sig`.
pub(crate) fn tag_of(digest: &Digest, suffix: &str) -> String {
    format!("{}-{}{suffix}", digest.algorithm(), digest.hex())
}

/// Puts an image's manifest with its blobs into a repository, by digest and under `tag`, too, if there is
/// one.
pub(crate) fn put(endpoint: &Endpoint, repository: &str, image: &Image, tag: Option<&str>) {
    for blob in &image.blobs {
        endpoint.push_blob(repository, &blob.bytes, &blob.digest);
    }
    let digest = image.manifest.digest.to_string();
    for reference in std::iter::once(digest.as_str()).chain(tag) {
        endpoint.push_manifest(repository, reference, &image.manifest).expect_status(201);
    }
}
