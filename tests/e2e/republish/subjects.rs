//! Registries that refuse a manifest as long as its `subject` isn't there, as GitLab does. The specification
//! wants it taken.

use airlift_oci::Digest;
use airlift_server::Options;
use airlift_server::samples::{Content, Image};
use airlift_testkit::http::Endpoint;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};
use serde_json::{Value, json};

use crate::airlift::Airlift;
use crate::made::{Embedded, descriptor_with, image, index, put, referrer};

const REPOSITORY: &str = "team/app";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What goes to the target: attestations that are siblings of their images and have a `subject`, listed
/// before these.
struct Attested {
    airlift: Airlift,
    images: Vec<Image>,
    root: Content,
}

fn about(image: &Image) -> Value {
    json!({
        "platform": {"architecture": "unknown", "os": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image.manifest.digest.to_string(),
        },
    })
}

fn platform(image: &Image) -> Value {
    let (os, architecture) = image.platform.split_once('/').expect("it has two parts");
    json!({"platform": {"os": os, "architecture": architecture}})
}

impl Attested {
    fn new() -> Self {
        let (amd64, arm64) = (image("linux/amd64", 1), image("linux/arm64", 2));
        let first = referrer(&amd64.manifest, "application/vnd.docker.attestation.manifest.v1+json", "sbom");
        // An attestation of an attestation.
        let second =
            referrer(&first.manifest, "application/vnd.docker.attestation.manifest.v1+json", "of it");
        let root = index(&[
            descriptor_with(&second.manifest, &about(&first)),
            descriptor_with(&first.manifest, &about(&amd64)),
            descriptor_with(&amd64.manifest, &platform(&amd64)),
            descriptor_with(&arm64.manifest, &platform(&arm64)),
        ]);
        Self::of(vec![second, first, amd64, arm64], root)
    }

    fn of(images: Vec<Image>, root: Content) -> Self {
        let source = Embedded::start(Options::default());
        images.iter().for_each(|image| put(source.endpoint(), REPOSITORY, image, None));
        source.endpoint().push_manifest(REPOSITORY, "1", &root).expect_status(201);
        let airlift = Airlift::new();
        let reference = format!("{}/{REPOSITORY}:1", source.authority());
        airlift.run(&["build", "-o", "b.tar", &reference]).expect(0);
        Attested { airlift, images, root }
    }

    fn assert_arrived(&self, target: &Embedded) {
        for manifest in self.images.iter().map(|image| &image.manifest).chain([&self.root]) {
            assert!(is_there(target.endpoint(), &manifest.digest.to_string()), "{}", manifest.digest);
        }
    }
}

fn is_there(endpoint: &Endpoint, digest: &str) -> bool {
    let path = format!("/v2/{REPOSITORY}/manifests/{digest}");
    endpoint.request("GET", &path, &[("Accept", "*/*")], b"").status == 200
}

fn subject_of(request: &Request) -> Option<String> {
    let is_manifest = request.method == "PUT" && request.path().contains("/manifests/");
    let document: Value = is_manifest.then(|| serde_json::from_slice(&request.body).ok())??;
    Some(document["subject"]["digest"].as_str()?.to_owned())
}

/// A registry that refuses what is about a manifest that it doesn't have, naming that or not.
fn strict(target: &Embedded, (status, code): (u16, &'static str), named: bool) -> Script {
    let upstream = Endpoint::new(target.authority());
    Script::forwarding(target.authority()).rule(move |request| {
        let subject = subject_of(request).filter(|subject| !is_there(&upstream, subject))?;
        Some(Answer::error(status, code, if named { &subject } else { "something is unknown" }))
    })
}

const SAYINGS: [((u16, &str), bool); 4] = [
    ((400, "MANIFEST_BLOB_UNKNOWN"), true),
    ((404, "BLOB_UNKNOWN"), false),
    ((404, "MANIFEST_UNKNOWN"), true),
    ((400, "MANIFEST_INVALID"), false),
];

fn put_path(digest: &Digest) -> String {
    format!("/v2/{REPOSITORY}/manifests/{digest}")
}

#[test]
fn a_subject_in_the_same_index_goes_first() {
    let things = Attested::new();
    for (saying, named) in SAYINGS {
        let target = Embedded::start(Options::default());
        let registry = strict(&target, saying, named).start();
        things.airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(0);
        things.assert_arrived(&target);
        for image in &things.images {
            assert_eq!(registry.count("PUT", &put_path(&image.manifest.digest)), 1, "none is refused");
        }
    }
}

/// An index may have another that is the subject of something.
#[test]
fn a_subject_that_is_an_index_goes_first() {
    let (amd64, arm64) = (image("linux/amd64", 1), image("linux/arm64", 2));
    let inner = index(&[descriptor_with(&amd64.manifest, &platform(&amd64))]);
    let sbom = referrer(&inner, "application/vnd.example.sbom", "of the inner index");
    let source = Embedded::start(Options::default());
    [&amd64, &arm64, &sbom].into_iter().for_each(|image| put(source.endpoint(), REPOSITORY, image, None));
    source.endpoint().push_manifest(REPOSITORY, &inner.digest.to_string(), &inner).expect_status(201);
    let root = index(&[
        descriptor_with(&sbom.manifest, &json!({"platform": {"architecture": "unknown", "os": "unknown"}})),
        descriptor_with(&inner, &json!({})),
        descriptor_with(&arm64.manifest, &platform(&arm64)),
    ]);
    source.endpoint().push_manifest(REPOSITORY, "1", &root).expect_status(201);
    let airlift = Airlift::new();
    airlift.run(&["build", "-o", "b.tar", &format!("{}/{REPOSITORY}:1", source.authority())]).expect(0);
    let target = Embedded::start(Options::default());
    let registry = strict(&target, (400, "MANIFEST_BLOB_UNKNOWN"), true).start();
    airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(0);
    assert_eq!(registry.count("PUT", &put_path(&sbom.manifest.digest)), 1);
    assert!(is_there(target.endpoint(), &root.digest.to_string()));
}

/// Where the index stays behind, its manifests go one by one.
#[test]
fn a_subject_goes_first_without_its_index() {
    let amd64 = image("linux/amd64", 1);
    let variant = referrer(&amd64.manifest, "application/vnd.example.variant", "beside it");
    let root = index(&[
        descriptor_with(&variant.manifest, &json!({"platform": {"os": "linux", "architecture": "riscv64"}})),
        descriptor_with(&amd64.manifest, &platform(&amd64)),
    ]);
    let things = Attested::of(vec![variant, amd64], root);
    let target = Embedded::start(Options::default());
    let registry = strict(&target, (400, "MANIFEST_BLOB_UNKNOWN"), true).start();
    let arguments = ["push", "b.tar", &registry.authority(), "--selected-children", "--retries", "0"];
    things.airlift.run(&arguments).expect(0);
    for image in &things.images {
        assert!(is_there(target.endpoint(), &image.manifest.digest.to_string()));
    }
}

/// A registry that loses the subject, by what it says to the first attempt at the manifest that is about it.
fn losing(target: &Embedded, saying: (u16, &'static str), named: bool, subject: Digest) -> ScriptedRegistry {
    let upstream = Endpoint::new(target.authority());
    let lost = put_path(&subject);
    strict(target, saying, named)
        .rule(move |request| {
            let is_about_it = subject_of(request).is_some_and(|found| found == subject.to_string());
            if is_about_it && request.nth == 0 {
                upstream.request("DELETE", &lost, &[], b"");
                let name = if named { subject.to_string() } else { "something".to_owned() };
                return Some(Answer::error(saying.0, saying.1, &format!("{name} is unknown")));
            }
            None
        })
        .start()
}

#[test]
fn a_subject_that_is_lost_is_sent_again() {
    let things = Attested::new();
    let (subject, about_it) = (things.images[2].manifest.digest, things.images[1].manifest.digest);
    for (saying, named) in SAYINGS {
        let target = Embedded::start(Options::default());
        let registry = losing(&target, saying, named, subject);
        let pushed =
            things.airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(0);
        pushed.says("lacks what it had acknowledged");
        things.assert_arrived(&target);
        assert_eq!(registry.count("PUT", &put_path(&subject)), 2);
        assert_eq!(registry.count("PUT", &put_path(&about_it)), 2);
    }
}

/// What is attached to an image from outside goes later, and needs it as much.
#[test]
fn a_subject_that_is_lost_before_what_is_attached_comes_is_sent_again() {
    let amd64 = image("linux/amd64", 1);
    let root = index(&[descriptor_with(&amd64.manifest, &platform(&amd64))]);
    let sbom = referrer(&amd64.manifest, "application/vnd.example.sbom", "an SBOM");
    let things = Attested::of(vec![amd64, sbom], root);
    let subject = things.images[0].manifest.digest;
    let target = Embedded::start(Options::default());
    let registry = losing(&target, (400, "MANIFEST_BLOB_UNKNOWN"), true, subject);
    things.airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(0);
    things.assert_arrived(&target);
    assert_eq!(registry.count("PUT", &put_path(&subject)), 2);
}

#[test]
fn a_subject_that_shows_late_is_waited_for_and_not_sent_again() {
    let things = Attested::new();
    let (subject, about_it) = (things.images[2].manifest.digest, things.images[1].manifest.digest);
    let target = Embedded::start(Options::default());
    let registry = Script::forwarding(target.authority())
        .rule(move |request| {
            let is_early =
                request.method == "PUT" && request.path() == put_path(&about_it) && request.nth == 0;
            is_early.then(|| Answer::error(400, "MANIFEST_BLOB_UNKNOWN", &format!("unknown: {subject}")))
        })
        .start();
    let pushed = things.airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "1"]).expect(0);
    pushed.says("does not show yet");
    things.assert_arrived(&target);
    assert_eq!(registry.count("PUT", &put_path(&subject)), 1);
}

/// Nothing is attached to the subject at the source, and the bundle is without it: then it can't be sent, and
/// the refusal stands.
#[test]
fn a_subject_that_the_bundle_lacks_is_an_error_that_names_it() {
    let elsewhere = image("linux/amd64", 9).manifest;
    let lonely = referrer(&elsewhere, "application/vnd.example.sbom", "of something else");
    let root = index(&[descriptor_with(&lonely.manifest, &json!({"mediaType": MANIFEST}))]);
    let things = Attested::of(vec![lonely], root);
    let target = Embedded::start(Options::default());
    let registry = strict(&target, (400, "MANIFEST_BLOB_UNKNOWN"), true).start();
    let pushed = things.airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(3);
    pushed.says(&elsewhere.digest.to_string());
    assert_eq!(registry.count("PUT", "/manifests/1"), 0);
}
