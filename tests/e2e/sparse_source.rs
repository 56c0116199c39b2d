//! Registries that hold a part of an image: what is there can be built from them, and what isn't is reported.

use airlift_oci::{Digest, media_type};
use airlift_server::samples::{Content, Image, Sample};
use airlift_server::{Indexes, Options};
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::{Answer, Script, ScriptedRegistry};
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded, descriptor_with};

const REPOSITORY: &str = "team/app";
const AMD64: [&str; 2] = ["--platform", "linux/amd64"];

/// A registry that has all of a sample but the manifests of these digests.
fn without(sample: &Sample, gone: &[Digest]) -> ScriptedRegistry {
    keeping_back(sample, gone, 404, "MANIFEST_UNKNOWN")
}

/// A registry that gives this answer for these manifests.
fn keeping_back(sample: &Sample, gone: &[Digest], status: u16, code: &'static str) -> ScriptedRegistry {
    let gone: Vec<String> = gone.iter().map(Digest::to_string).collect();
    Script::serving(vec![sample.clone()])
        .rule(move |request| {
            let is_gone = gone.iter().any(|digest| request.path().ends_with(&format!("/manifests/{digest}")));
            is_gone.then(|| Answer::error(status, code, "not for you"))
        })
        .start()
}

fn build(airlift: &Airlift, authority: &str, more: &[&str]) -> Ran {
    let reference = format!("{authority}/{REPOSITORY}:1");
    airlift.run(&[&["build", &reference, "-o", "b.tar", "--force", "--json"], more].concat())
}

fn lenient() -> Embedded {
    Embedded::start(Options { indexes: Indexes::Sparse, ..Options::default() })
}

fn attestation(of: &Image) -> (Image, Value) {
    let image = made::image("unknown/unknown", 90);
    let entry = json!({
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": of.manifest.digest,
        },
    });
    let entry = descriptor_with(&image.manifest, &entry);
    (image, entry)
}

fn child(image: &Image) -> Value {
    let (os, architecture) = image.platform.split_once('/').expect("a platform has two parts");
    descriptor_with(&image.manifest, &json!({"platform": {"os": os, "architecture": architecture}}))
}

fn sample_of(root: Content, images: Vec<Image>) -> Sample {
    Sample::of_index(REPOSITORY, "1", root, Vec::new(), images)
}

/// Over two gaps: a registry that takes sparse indexes is filled with one platform, and is a source itself.
#[test]
fn what_a_partial_push_left_is_a_source() {
    let (airlift, _first, samples) = made::bundle(&[REPOSITORY], &AMD64);
    let sample = &samples[0];
    let middle = lenient();
    airlift.run(&["push", "b.tar", middle.authority()]).expect(0);

    let airlift = Airlift::new();
    let planned = build(&airlift, middle.authority(), &[&AMD64[..], &["--dry-run"]].concat()).expect(0);
    let built = build(&airlift, middle.authority(), &AMD64).expect(0);
    let (planned, built) = (planned.json("airlift.plan/v1"), built.json("airlift.build/v1"));
    assert_eq!(planned["id"], built["id"]);
    let image = &built["images"][0];
    assert_eq!(image["digest"], sample.root.digest.to_string());
    assert_eq!(
        (&image["platforms"], &image["omittedPlatforms"]),
        (&json!(["linux/amd64"]), &json!(["linux/arm64"]))
    );
    let report = airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
    assert_eq!(report["images"][0]["omittedPlatforms"], json!(["linux/arm64"]));
    assert_eq!(report["findings"], json!([]));
    airlift.run(&["inspect", "b.tar"]).expect(0).says("left out, not at the source");
    let text = airlift.run(&[
        "build",
        &format!("{}/{REPOSITORY}:1", middle.authority()),
        "--dry-run",
        AMD64[0],
        AMD64[1],
    ]);
    text.expect(0).says("linux/arm64 (left out, not at the source)");

    // The same again changes nothing, and what is at hand need not be asked for.
    let again = airlift.run(&[
        "build",
        &format!("{}/{REPOSITORY}:1", middle.authority()),
        "-o",
        "b.tar",
        AMD64[0],
        AMD64[1],
    ]);
    again.expect(0).says("already complete");

    let third = lenient();
    airlift.run(&["push", "b.tar", third.authority()]).expect(0);
    assert!(third.endpoint().manifest(REPOSITORY, "1") == sample.root.bytes);
    // A registry that wants all children refuses it like any partial image, before anything is sent.
    let Some(strict) = RealRegistry::debian().start() else { return };
    let refused = airlift.run(&["push", "b.tar", strict.authority()]).expect(3);
    refused.says("linux/arm64").says("nothing was uploaded");
    airlift.run(&["push", "b.tar", strict.authority(), "--selected-children"]).expect(0);
    let child = strict.endpoint().manifest(REPOSITORY, "1-linux-amd64");
    assert!(child == sample.manifests[0].bytes);
    // Once the rest is there, the index is complete.
    strict.endpoint().push(std::slice::from_ref(&Sample { tag: "all".to_owned(), ..sample.clone() }));
    airlift.run(&["push", "b.tar", strict.authority()]).expect(0);
    assert!(strict.endpoint().manifest(REPOSITORY, "1") == sample.root.bytes);
}

/// All forms of a bundle, also one that was broken off.
#[test]
fn a_bundle_of_a_part_is_written_and_read_in_each_form() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let source = without(&sample, &[sample.manifests[1].digest]);
    let reference = format!("{}/{REPOSITORY}:1", source.authority());
    let airlift = Airlift::new();
    for output in [&["-o", "b.tar"][..], &["-o", "b.tar.zst"], &["-o", "v", "--volume-size", "64K"]] {
        airlift.run(&[&["build", &reference, AMD64[0], AMD64[1]], output].concat()).expect(0);
        airlift.run(&["verify", output[1]]).expect(0);
    }
    let whole = airlift.read("b.tar");
    std::fs::remove_file(airlift.path("b.tar")).unwrap();
    std::fs::write(airlift.path("b.tar.part"), &whole[..whole.len() - 3000]).unwrap();
    let resumed = build(&airlift, &source.authority(), &AMD64).expect(0).json("airlift.build/v1");
    assert!(resumed["reused"].as_u64() > Some(0), "{resumed}");
    assert!(airlift.read("b.tar") == whole);
    // Local content completes what the source lacks.
    let full = Script::serving(vec![sample.clone()]).start();
    let other = Airlift::new();
    build(&other, &full.authority(), &[]).expect(0);
    let reuse = other.path("b.tar").display().to_string();
    let reused = Airlift::new();
    build(&reused, &source.authority(), &[&AMD64[..], &["--reuse", &reuse]].concat()).expect(0);
    reused.run(&["verify", "b.tar"]).expect(0);
}

#[test]
fn what_was_asked_for_must_be_there() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let arm64 = sample.manifests[1].digest;
    let source = without(&sample, &[arm64]);
    let airlift = Airlift::new();
    for more in [&[][..], &["--platform", "linux/arm64"], &["--platform", "linux/amd64,linux/arm64"]] {
        let refused = build(&airlift, &source.authority(), more).expect(3);
        refused
            .says("linux/arm64 is missing")
            .says(&arm64.to_string())
            .says("linux/amd64")
            .says("--platform");
        assert_eq!(airlift.files(), [""; 0]);
    }
    let both = ["--platform", "linux/amd64,linux/arm64", "--allow-missing-platform"];
    let built = build(&airlift, &source.authority(), &both).expect(0).says("has no linux/arm64");
    assert_eq!(built.json("airlift.build/v1")["images"][0]["omittedPlatforms"], json!(["linux/arm64"]));
    airlift.run(&["verify", "b.tar"]).expect(0);
    // All that is missing is reported at once.
    let source = without(&sample, &[sample.manifests[0].digest, arm64]);
    let airlift = Airlift::new();
    let refused = build(&airlift, &source.authority(), &[]).expect(3).says("2 manifests");
    refused.says("linux/amd64 is missing").says("linux/arm64 is missing");
    build(&airlift, &source.authority(), &both).expect(2).says("none of the platforms");
}

/// Virtual repositories answer 403 for what they don't have, and policies withhold platforms. A platform that
/// wasn't chosen is left out, with the reason; a chosen one is missing.
#[test]
fn children_that_are_kept_back_count_as_not_there() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let arm64 = sample.manifests[1].digest;
    for (status, code) in [(403, "DENIED"), (412, "PROJECTPOLICYVIOLATION"), (451, "UNAVAILABLE")] {
        let (source, airlift) = (keeping_back(&sample, &[arm64], status, code), Airlift::new());
        let reason = format!("status {status}");
        let refused = build(&airlift, &source.authority(), &[]).expect(3);
        refused.says("linux/arm64 is missing").says(&reason).says(code);
        let built = build(&airlift, &source.authority(), &AMD64).expect(0).says(&reason).says(code);
        assert_eq!(built.json("airlift.build/v1")["images"][0]["omittedPlatforms"], json!(["linux/arm64"]));
        airlift.run(&["verify", "b.tar"]).expect(0);
    }
    // For a failed login or a broken registry, the error says so instead.
    for status in [401, 500] {
        let (source, airlift) = (keeping_back(&sample, &[arm64], status, "UNKNOWN"), Airlift::new());
        build(&airlift, &source.authority(), &[&AMD64[..], &["--retries", "0"]].concat()).expect(3);
    }
}

/// Clean-up jobs remove attestations, because no tag names them.
#[test]
fn an_attestation_that_is_gone_is_a_warning() {
    let image = made::image("linux/amd64", 1);
    let other = made::image("linux/arm64", 2);
    let (proof, entry) = attestation(&image);
    let root = made::index(&[child(&image), child(&other), entry]);
    let sample = sample_of(root, vec![image, other.clone(), proof.clone()]);
    let source = without(&sample, &[proof.manifest.digest]);
    let airlift = Airlift::new();
    for (more, warned) in [(&[][..], true), (&AMD64, true), (&["--platform", "linux/arm64"], false)] {
        let built = build(&airlift, &source.authority(), more).expect(0);
        let is_warned = built.stderr.contains("attestation of linux/amd64")
            && built.stderr.contains(&proof.manifest.digest.to_string());
        assert_eq!(is_warned, warned, "{built}");
        let report = airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
        assert_eq!(report["images"][0]["ok"], true);
        let target = lenient();
        airlift.run(&["push", "b.tar", target.authority()]).expect(0);
        assert!(target.endpoint().manifest(REPOSITORY, "1") == sample.root.bytes);
    }
}

/// A child of which nothing says what it is for, and an index within the index.
#[test]
fn children_without_a_platform_may_be_gone_if_platforms_were_chosen() {
    let image = made::image("linux/amd64", 1);
    let unnamed = made::image("linux/s390x", 2);
    let inner = made::index(&[child(&made::image("linux/riscv64", 3))]);
    let root = made::index(&[child(&image), made::descriptor(&unnamed.manifest), made::descriptor(&inner)]);
    let gone = [unnamed.manifest.digest, inner.digest];
    let sample = Sample::of_index(REPOSITORY, "1", root, vec![inner], vec![image, unnamed]);
    let source = without(&sample, &gone);
    let airlift = Airlift::new();
    build(&airlift, &source.authority(), &[]).expect(3).says("2 manifests");
    let built = build(&airlift, &source.authority(), &AMD64).expect(0);
    assert_eq!(built.stderr.matches("is missing at the source").count(), 2, "{built}");
    airlift.run(&["verify", "b.tar"]).expect(0);
    airlift.run(&["inspect", "b.tar"]).expect(0);
}

/// Of an image that two repositories have, each lacks something else.
#[test]
fn what_one_repository_lacks_another_may_have() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let (amd64, arm64) = (sample.manifests[0].digest, sample.manifests[1].digest);
    let (one, other) = (without(&sample, &[arm64]), without(&sample, &[amd64]));
    let airlift = Airlift::new();
    let names = [&one, &other].map(|source| format!("{}/{REPOSITORY}:1", source.authority()));
    airlift.run(&["build", &names[0], &names[1], "-o", "b.tar"]).expect(0);
    let report = airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
    for image in report["images"].as_array().unwrap() {
        assert_eq!(image["omittedPlatforms"], json!([]), "{report}");
    }
}

/// What lies below something attached belongs to it.
#[test]
fn what_is_attached_is_whole_or_an_error() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let part = made::signature("a part of what is attached");
    let set = made::document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "artifactType": "application/vnd.example.set",
        "manifests": [made::descriptor(&part.manifest)], "subject": made::descriptor(&sample.root),
    }));
    let (root, list) = (sample.root.digest, made::index(&[made::descriptor(&set)]));
    let source = Script::serving(vec![sample])
        .rule(move |request| {
            let is_asked = request.path().ends_with(&format!("/referrers/{root}"));
            is_asked.then(|| Answer::ok(media_type::OCI_INDEX, list.bytes.to_vec()))
        })
        .rule(move |request| {
            let is_asked = request.path().ends_with(&set.digest.to_string());
            is_asked.then(|| Answer::ok(&set.media_type, set.bytes.to_vec()))
        })
        .start();
    let refused = build(&Airlift::new(), &source.authority(), &AMD64).expect(3);
    refused.says(&part.manifest.digest.to_string()).says("--referrers none");
}
