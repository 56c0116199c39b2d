//! What is attached to images: it is found in all three places, carried byte for byte, and listed at the
//! target; and the ways in which a registry may hide it.

mod artifact;
mod foreign;
mod hostile;
mod lists;

use airlift_oci::media_type;
use airlift_server::samples::{Content, Image, Sample};
use airlift_server::{Options, Referrers};
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::Script;
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded, descriptor, tag_of};

const REPOSITORY: &str = "team/app";

pub(crate) fn without_api() -> Embedded {
    Embedded::start(Options { referrers: Referrers::Absent, ..Options::default() })
}

fn list_of(referrers: &[&Image]) -> Content {
    let entries: Vec<Value> = referrers.iter().map(|image| descriptor(&image.manifest)).collect();
    made::index(&entries)
}

fn build(airlift: &Airlift, authority: &str, more: &[&str]) -> Ran {
    let reference = format!("{authority}/{REPOSITORY}:1");
    let arguments = ["build", &reference, "-o", "b.tar", "--force", "--json", "--retries", "0"];
    airlift.run(&[&arguments[..], more].concat())
}

fn attached(built: &Ran) -> Vec<String> {
    let document = built.json("airlift.build/v1");
    let list = document["images"][0]["referrers"].as_array().expect("a list").clone();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// An SBOM on one platform's image, a signature on the SBOM, and a signature under cosign's tag on the index.
pub(crate) struct Attached {
    pub(crate) sample: Sample,
    sbom: Image,
    signature: Image,
    tagged: Image,
}

impl Attached {
    pub(crate) fn new() -> Self {
        let sample = made::two_platforms(REPOSITORY, 1);
        let sbom = made::referrer(&sample.manifests[0], "application/spdx+json", "sbom");
        let signature = made::referrer(&sbom.manifest, "application/vnd.example.signature", "of the sbom");
        Attached { sample, sbom, signature, tagged: made::signature("of the index") }
    }

    pub(crate) fn seed(&self, source: &Embedded, has_api: bool) {
        let endpoint = source.endpoint();
        endpoint.push(std::slice::from_ref(&self.sample));
        let on_sbom = self.sample.manifests[0].digest;
        for (referrer, subject) in [(&self.sbom, on_sbom), (&self.signature, self.sbom.manifest.digest)] {
            made::put(endpoint, REPOSITORY, referrer, None);
            if !has_api {
                let list = list_of(&[referrer]);
                endpoint.push_manifest(REPOSITORY, &tag_of(&subject, ""), &list).expect_status(201);
            }
        }
        made::put(endpoint, REPOSITORY, &self.tagged, Some(&tag_of(&self.sample.root.digest, ".sig")));
    }

    pub(crate) fn all(&self) -> Vec<String> {
        let images = [&self.sbom, &self.signature, &self.tagged];
        let mut digests: Vec<String> = images.iter().map(|image| image.manifest.digest.to_string()).collect();
        digests.sort();
        digests
    }
}

#[test]
fn what_is_attached_to_what_is_attached_comes_along_whichever_way() {
    let things = Attached::new();
    let mut ids = Vec::new();
    for has_api in [true, false] {
        let source = if has_api { Embedded::start(Options::default()) } else { without_api() };
        things.seed(&source, has_api);
        let airlift = Airlift::new();
        let built = build(&airlift, source.authority(), &[]).expect(0);
        let mut found = attached(&built);
        found.sort();
        assert_eq!(found, things.all());
        ids.push(found);
        let report = airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
        assert_eq!(report["referrers"].as_array().map(Vec::len), Some(3), "{report}");
        let tree = airlift.run(&["--json", "inspect", "b.tar"]).expect(0).json("airlift.inspect/v1");
        let of: Vec<&Value> =
            tree["images"].as_array().unwrap().iter().filter(|image| !image["subject"].is_null()).collect();
        assert_eq!(of.len(), 3, "{tree}");

        for target_has_api in [true, false] {
            let target = if target_has_api { Embedded::start(Options::default()) } else { without_api() };
            let pushed = airlift.run(&["push", "b.tar", target.authority(), "--json"]).expect(0);
            let receipt = &pushed.json("airlift.receipt/v1")["images"][0];
            assert_eq!(receipt["referrers"].as_array().map(Vec::len), Some(3), "{receipt}");
            for image in [&things.sbom, &things.signature, &things.tagged] {
                let held = target.endpoint().manifest(REPOSITORY, &image.manifest.digest.to_string());
                assert!(held == image.manifest.bytes);
            }
            let tag = tag_of(&things.sample.root.digest, ".sig");
            assert!(target.endpoint().manifest(REPOSITORY, &tag) == things.tagged.manifest.bytes);
            assert_listed(&target, &things, target_has_api, receipt);
        }
    }
}

fn assert_listed(target: &Embedded, things: &Attached, has_api: bool, receipt: &Value) {
    let written = receipt["fallbackTags"].as_array().map_or(0, Vec::len);
    assert_eq!(written, if has_api { 0 } else { 2 }, "{receipt}");
    for (subject, referrer) in
        [(things.sample.manifests[0].digest, &things.sbom), (things.sbom.manifest.digest, &things.signature)]
    {
        let list: Vec<u8> = if has_api {
            let target = target.endpoint();
            target
                .request("GET", &format!("/v2/{REPOSITORY}/referrers/{subject}"), &[], b"")
                .expect_status(200)
                .body
        } else {
            target.endpoint().manifest(REPOSITORY, &tag_of(&subject, ""))
        };
        let list: Value = serde_json::from_slice(&list).expect("the list is JSON");
        let entry = &list["manifests"][0];
        assert_eq!(entry["digest"], referrer.manifest.digest.to_string(), "{list}");
        assert!(
            entry["artifactType"].is_string() && entry["annotations"]["org.example.note"].is_string(),
            "{list}"
        );
    }
}

#[test]
fn none_means_that_nobody_asks() {
    let source = Embedded::start(Options::default());
    Attached::new().seed(&source, true);
    let between = Script::forwarding(source.authority()).start();
    let airlift = Airlift::new();
    let built = build(&airlift, &between.authority(), &["--referrers", "none"]).expect(0);
    assert_eq!(attached(&built), [""; 0]);
    assert_eq!(between.count("GET", "/referrers/"), 0);
    assert_eq!(between.count("GET", "/manifests/sha256-"), 0);
}

/// A list at the target that others keep, with members that Airlift doesn't know.
#[test]
fn a_fallback_tag_keeps_what_others_put_there() {
    let things = Attached::new();
    let source = Embedded::start(Options::default());
    things.seed(&source, true);
    let airlift = Airlift::new();
    build(&airlift, source.authority(), &[]).expect(0);

    let target = RealRegistry::debian().start();
    let Some(target) = target else { return };
    let subject = &things.sample.manifests[0];
    let others = made::referrer(subject, "application/vnd.other", "somebody else's");
    target.endpoint().push(std::slice::from_ref(&things.sample));
    made::put(target.endpoint(), REPOSITORY, &others, None);
    let mut entry = descriptor(&others.manifest);
    entry["x-unknown"] = json!({"kept": [1, 2, 3]});
    let list = made::document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [entry],
        "annotations": {"who": "others"}, "x-more": "kept as well",
    }));
    let tag = tag_of(&subject.digest, "");
    target.endpoint().push_manifest(REPOSITORY, &tag, &list).expect_status(201);

    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    let merged: Value = serde_json::from_slice(&target.endpoint().manifest(REPOSITORY, &tag)).unwrap();
    assert_eq!(merged["manifests"][0], entry, "{merged}");
    assert_eq!(merged["manifests"][1]["digest"], things.sbom.manifest.digest.to_string(), "{merged}");
    assert_eq!(
        (&merged["annotations"]["who"], &merged["x-more"]),
        (&"others".into(), &"kept as well".into())
    );
    assert_eq!(merged["manifests"].as_array().map(Vec::len), Some(2));
    // Once more changes nothing.
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    let again: Value = serde_json::from_slice(&target.endpoint().manifest(REPOSITORY, &tag)).unwrap();
    assert_eq!(again, merged);
}

#[test]
fn a_fallback_tag_that_is_no_list_is_left_alone() {
    let things = Attached::new();
    let source = Embedded::start(Options::default());
    things.seed(&source, true);
    let airlift = Airlift::new();
    build(&airlift, source.authority(), &[]).expect(0);
    let target = without_api();
    let tag = tag_of(&things.sample.manifests[0].digest, "");
    let image = made::image("linux/amd64", 77);
    made::put(target.endpoint(), REPOSITORY, &image, Some(&tag));
    airlift.run(&["push", "b.tar", target.authority()]).expect(3).says(&tag);
    assert!(target.endpoint().manifest(REPOSITORY, &tag) == image.manifest.bytes);

    // At the source, such an entry is not used, and a warning says so.
    let source = without_api();
    source.endpoint().push(std::slice::from_ref(&things.sample));
    made::put(source.endpoint(), REPOSITORY, &image, Some(&tag));
    let built = build(&airlift, source.authority(), &[]).expect(0).says(&tag);
    assert_eq!(attached(&built.says("is no list of it")), [""; 0]);
}

#[test]
fn cosigns_tags_are_not_moved_unasked() {
    let things = Attached::new();
    let source = Embedded::start(Options::default());
    things.seed(&source, true);
    let airlift = Airlift::new();
    build(&airlift, source.authority(), &[]).expect(0);
    let target = Embedded::start(Options::default());
    let tag = tag_of(&things.sample.root.digest, ".sig");
    let theirs = made::signature("somebody else's");
    made::put(target.endpoint(), REPOSITORY, &theirs, Some(&tag));
    let refused = airlift.run(&["push", "b.tar", target.authority()]).expect(5);
    refused.says(&theirs.manifest.digest.to_string()).says(&things.tagged.manifest.digest.to_string());
    assert_eq!(target.endpoint().try_manifest(REPOSITORY, "1").status, 404, "nothing was pushed");
    airlift.run(&["push", "b.tar", target.authority(), "--move-tags"]).expect(0);
    assert!(target.endpoint().manifest(REPOSITORY, &tag) == things.tagged.manifest.bytes);
}

/// Two manifests under each other's tags: the circle is walked once.
#[test]
fn circles_are_walked_once() {
    let source = Embedded::start(Options::default());
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    let other = made::signature("a");
    made::put(source.endpoint(), REPOSITORY, &other, Some(&tag_of(&sample.root.digest, ".sig")));
    let back = tag_of(&other.manifest.digest, ".sig");
    source.endpoint().push_manifest(REPOSITORY, &back, &sample.root).expect_status(201);
    let airlift = Airlift::new();
    let between = Script::forwarding(source.authority()).start();
    build(&airlift, &between.authority(), &[]).expect(0);
    let asked = between.count("GET", &format!("/referrers/{}", sample.root.digest));
    assert_eq!(asked, 1, "who was asked about is not asked about again");
    airlift.run(&["verify", "b.tar"]).expect(0);
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    assert!(target.endpoint().manifest(REPOSITORY, &back) == sample.root.bytes);
}

/// Attachments of attachments of attachments: deeper than anyone needs.
#[test]
fn towers_of_attachments_have_a_limit() {
    let source = Embedded::start(Options::default());
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    let mut subject = sample.root.clone();
    for level in 0..12 {
        let referrer = made::referrer(&subject, "application/x", &format!("level {level}"));
        made::put(source.endpoint(), REPOSITORY, &referrer, None);
        subject = referrer.manifest;
    }
    build(&Airlift::new(), source.authority(), &[]).expect(5).says("levels of attachments");
}

/// With a partial image, everything that is attached to the chosen platform or to the index is carried.
#[test]
fn of_chosen_platforms_only_theirs_comes_along() {
    let source = Embedded::start(Options::default());
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    let on: Vec<String> = sample
        .manifests
        .iter()
        .map(|subject| {
            let referrer = made::referrer(subject, "application/x", &subject.digest.to_string());
            made::put(source.endpoint(), REPOSITORY, &referrer, None);
            referrer.manifest.digest.to_string()
        })
        .collect();
    let airlift = Airlift::new();
    let built = build(&airlift, source.authority(), &["--platform", "linux/amd64"]).expect(0);
    let mut found = attached(&built);
    let mut expected = vec![on[0].clone(), on[2].clone()];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);

    // The index is not pushed, nor what is attached to it; a message says so.
    let target = Embedded::start(Options::default());
    let push = ["push", "b.tar", target.authority(), "--selected-children", "--json"];
    let pushed = airlift.run(&push).expect(0).says("stays behind with them (1 of it)");
    assert_eq!(pushed.json("airlift.receipt/v1")["images"][0]["referrers"], json!([on[0]]));
}

/// containerd imports the image, and doesn't try to run what is attached.
#[test]
fn containerd_imports_an_image_with_all_that_is_attached() {
    let Some(containerd) = airlift_testkit::containerd::Containerd::start() else { return };
    let things = Attached::new();
    let source = Embedded::start(Options::default());
    things.seed(&source, true);
    let airlift = Airlift::new();
    build(&airlift, source.authority(), &["--platform", "linux/amd64"]).expect(0);
    let bundle = airlift.path("b.tar");
    let bundle = bundle.to_str().expect("UTF-8");
    containerd.ctr(&["images", "import", "--no-unpack", "--platform", "linux/amd64", bundle]);
    let checked = String::from_utf8_lossy(&containerd.ctr(&["images", "check"])).into_owned();
    let reference = format!("{}/{REPOSITORY}:1", source.authority());
    let line = checked.lines().find(|line| line.starts_with(&reference)).unwrap_or_default();
    assert!(line.contains("complete (") && !line.contains("incomplete"), "{checked}");
}

/// An index may be attached, too, with manifests of its own.
#[test]
fn an_index_can_be_attached() {
    let source = Embedded::start(Options::default());
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    let part = made::signature("a part of what is attached");
    made::put(source.endpoint(), REPOSITORY, &part, None);
    let index = made::document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "artifactType": "application/vnd.example.set",
        "manifests": [descriptor(&part.manifest)], "subject": descriptor(&sample.root),
    }));
    let digest = index.digest.to_string();
    source.endpoint().push_manifest(REPOSITORY, &digest, &index).expect_status(201);
    let airlift = Airlift::new();
    let built = build(&airlift, source.authority(), &[]).expect(0);
    assert_eq!(attached(&built), [digest.as_str()]);
    for target in [Embedded::start(Options::default()), without_api()] {
        airlift.run(&["push", "b.tar", target.authority()]).expect(0);
        assert!(target.endpoint().manifest(REPOSITORY, &digest) == index.bytes);
        let part_digest = part.manifest.digest.to_string();
        assert!(target.endpoint().manifest(REPOSITORY, &part_digest) == part.manifest.bytes);
    }
}
