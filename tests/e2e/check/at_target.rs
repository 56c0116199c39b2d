//! Checks at a target: under the names that push gives, without what was left out by choice.

use airlift_server::samples::{Content, Sample};
use airlift_server::{Options, Referrers};
use serde_json::json;

use super::{Checked, document, states};
use crate::made::{self, Embedded, put, referrer, two_platforms};

#[test]
fn a_target_is_asked_under_the_names_of_a_push() {
    let checked = Checked::start(&["team/a", "team/b"]);
    checked.lock();
    checked.airlift.run(&["build", "-f", "images.lock", "-o", "b.tar"]).expect(0);
    let authority = checked.source.authority().to_owned();
    let map = format!("{authority}/team/=base/");
    for mapping in [&["--keep-host"][..], &["--map", &map], &["--only", "*/a"], &[]] {
        let target = Embedded::start(Options::default());
        let at = format!("{}/mirror", target.authority());
        let count = if mapping.first() == Some(&"--only") { 1 } else { 2 };
        let lost = vec!["lost"; count];
        for subject in ["images.lock", "b.tar"] {
            let ran = checked.check(&[&[subject, "--at", &at, "--json"], mapping].concat()).expect(1);
            assert_eq!(states(&document(&ran)), lost);
        }
        checked.airlift.run(&[&["push", "b.tar", &at, "--receipt", "r.json"], mapping].concat()).expect(0);
        for subject in ["images.lock", "b.tar", "r.json"] {
            let ran = checked.check(&[&[subject, "--at", &at, "--json"], mapping].concat()).expect(0);
            let document = document(&ran);
            assert_eq!(document["entries"].as_array().unwrap().len(), count);
            assert_eq!(document["at"], at);
        }
        // The receipt knows where it is.
        checked.check(&["r.json"]).expect(0);
    }
    let elsewhere = checked.check(&["b.tar", "--only", "x"]).expect(2);
    elsewhere.says("--at");
    checked.check(&["b.tar", "--at", "https://x"]).expect(2);
    checked.check(&["b.tar", "--at", "127.0.0.1:1", "--map", "nope=x"]).expect(2);
}

#[test]
fn a_receipt_is_proven_where_it_says_and_elsewhere() {
    let checked = Checked::start(&["team/a"]);
    let (one, other) = (Embedded::start(Options::default()), Embedded::start(Options::default()));
    checked.airlift.run(&["build", &checked.reference(0), "-o", "b.tar"]).expect(0);
    checked.airlift.run(&["push", "b.tar", one.authority(), "--receipt", "r.json"]).expect(0);
    let ran = checked.check(&["r.json", "--at", other.authority(), "--json"]).expect(1);
    assert_eq!(states(&document(&ran)), ["lost"]);
    let ran = checked.check(&["r.json", "--json"]).expect(0);
    let entry = document(&ran)["entries"][0].clone();
    assert_eq!(entry["target"], format!("{}/team/a:1", one.authority()));
    assert_eq!(entry["reference"], checked.reference(0));
    // A tag that was moved a year later.
    one.endpoint().push(&[two_platforms("team/a", 900)]);
    let ran = checked.check(&["r.json", "--json"]).expect(1);
    assert_eq!(states(&document(&ran)), ["drift"]);
}

#[test]
fn the_receipt_of_a_copy_is_proven_too() {
    let checked = Checked::start(&["team/a", "team/b"]);
    let target = Embedded::start(Options::default());
    let references = [checked.reference(0), checked.reference(1)];
    let copy = ["copy", &references[0], &references[1], target.authority(), "--receipt", "r.json"];
    checked.airlift.run(&copy).expect(0);
    let ran = checked.check(&["r.json", "--json"]).expect(0);
    let document = document(&ran);
    assert_eq!(document["entries"][1]["reference"], references[1]);
    assert_eq!(document["entries"][1]["target"], format!("{}/team/b:1", target.authority()));
    Checked::delete(&target, "team/b", "manifests", "1");
    let ran = checked.check(&["r.json", "--json"]).expect(1);
    assert_eq!(states(&self::document(&ran)), ["ok", "drift"]);
}

#[test]
fn what_was_left_out_is_no_hole() {
    let checked = Checked::start(&["team/a"]);
    let target = Embedded::start(Options { indexes: airlift_server::Indexes::Sparse, ..Options::default() });
    let reference = checked.reference(0);
    checked.airlift.run(&["lock", &reference, "-o", "i.lock", "--platform", "linux/arm64"]).expect(0);
    checked.airlift.run(&["build", "-f", "i.lock", "-o", "b.tar"]).expect(0);
    checked.airlift.run(&["push", "b.tar", target.authority(), "--receipt", "r.json"]).expect(0);
    for subject in ["i.lock", "b.tar", "r.json"] {
        let ran = checked.check(&[subject, "--at", target.authority(), "--json"]).expect(0);
        assert_eq!(document(&ran)["entries"][0]["platforms"], json!(["linux/arm64"]), "{subject}");
    }
    // The other platform may go at the source, too; the chosen one may not.
    let [amd64, arm64] = [0, 1].map(|at| checked.samples[0].manifests[at].digest);
    checked.delete_manifest(0, &amd64);
    checked.check(&["i.lock"]).expect(0);
    checked.check(&[&reference]).expect(1).says("missing: linux/amd64");
    checked.delete_manifest(0, &arm64);
    checked.check(&["i.lock"]).expect(1).says("missing: linux/arm64");
}

#[test]
fn what_is_attached_is_checked_too() {
    let checked = Checked::start(&["team/a"]);
    let signature = referrer(&checked.samples[0].root, "application/vnd.example.signature", "signed");
    put(checked.source.endpoint(), "team/a", &signature, None);
    let target = Embedded::start(Options::default());
    checked.airlift.run(&["build", &checked.reference(0), "-o", "b.tar"]).expect(0);
    checked.airlift.run(&["push", "b.tar", target.authority(), "--receipt", "r.json"]).expect(0);
    for subject in ["b.tar", "r.json"] {
        checked.check(&[subject, "--at", target.authority()]).expect(0);
    }
    let layer = signature.blobs.last().unwrap().digest;
    Checked::delete(&target, "team/a", "blobs", &layer.to_string());
    for subject in ["b.tar", "r.json"] {
        let ran = checked.check(&[subject, "--at", target.authority(), "--json"]).expect(1);
        let document = document(&ran);
        assert_eq!(document["entries"][0]["missing"], json!([layer]));
    }
    Checked::delete(&target, "team/a", "manifests", &signature.manifest.digest.to_string());
    let ran = checked.check(&["r.json", "--json"]).expect(1);
    assert_eq!(document(&ran)["entries"][0]["missing"], json!([signature.manifest.digest]));
}

/// Signatures that are there by their digests alone are found by no client.
#[test]
fn the_tags_by_which_attachments_are_found_are_checked() {
    let checked = Checked::start(&["team/a"]);
    let root = &checked.samples[0].root;
    let sbom = referrer(root, "application/spdx+json", "sbom");
    put(checked.source.endpoint(), "team/a", &sbom, None);
    let signature = made::signature("first");
    let cosign = made::tag_of(&root.digest, ".sig");
    put(checked.source.endpoint(), "team/a", &signature, Some(&cosign));
    let without_api = Options { referrers: Referrers::Absent, ..Options::default() };
    let target = Embedded::start(without_api.clone());
    checked.airlift.run(&["build", &checked.reference(0), "-o", "b.tar"]).expect(0);
    let pushed = checked.airlift.run(&["push", "b.tar", target.authority(), "--receipt", "r.json", "--json"]);
    let receipt = pushed.expect(0).json("airlift.receipt/v1");
    let place = |tag: &str| format!("{}/team/a:{tag}", target.authority());
    let signed = json!([{"target": place(&cosign), "digest": signature.manifest.digest}]);
    assert_eq!(receipt["images"][0]["referrerTags"], signed);
    let list = made::tag_of(&root.digest, "");
    assert_eq!(receipt["images"][0]["fallbackTags"][0]["target"], place(&list));
    let listed = receipt["images"][0]["fallbackTags"][0]["digest"].clone();
    let missing = |code: i32| {
        let ran = checked.check(&["r.json", "--json"]).expect(code);
        let entry = document(&ran)["entries"][0].clone();
        assert_eq!(entry["state"], if code == 0 { "ok" } else { "incomplete" });
        entry["missing"].clone()
    };
    let write = |tag: &str, manifest: &Content| {
        target.endpoint().push_manifest("team/a", tag, manifest).expect_status(201);
    };
    let of_bundle = |code: i32| {
        let ran = checked.check(&["b.tar", "--at", target.authority(), "--json"]).expect(code);
        let missing = document(&ran)["entries"][0]["missing"].clone();
        let mut missing: Vec<String> = serde_json::from_value(missing).unwrap_or_default();
        missing.sort_unstable();
        missing
    };
    let mut all = vec![sbom.manifest.digest.to_string(), signature.manifest.digest.to_string()];
    all.sort_unstable();
    missing(0);
    of_bundle(0);
    // Another registry lists referrers itself, and no push writes a list there.
    let with_api = Embedded::start(Options::default());
    checked.airlift.run(&["push", "b.tar", with_api.authority()]).expect(0);
    for subject in ["r.json", "b.tar"] {
        checked.check(&[subject, "--at", with_api.authority()]).expect(0);
    }

    // More was attached: a second signature beside the first, and one more entry in the list.
    let second = made::signature("second");
    put(target.endpoint(), "team/a", &second, None);
    let mut both: serde_json::Value = serde_json::from_slice(&signature.manifest.bytes).unwrap();
    let layers: serde_json::Value = serde_json::from_slice(&second.manifest.bytes).unwrap();
    both["layers"].as_array_mut().unwrap().push(layers["layers"][0].clone());
    write(&cosign, &made::document(&both));
    let other = referrer(root, "application/spdx+json", "other");
    put(target.endpoint(), "team/a", &other, None);
    write(&list, &made::index(&[made::descriptor(&sbom.manifest), made::descriptor(&other.manifest)]));
    missing(0);
    of_bundle(0);
    // They were written over.
    write(&cosign, &second.manifest);
    write(&list, &made::index(&[made::descriptor(&other.manifest)]));
    assert_eq!(missing(1), json!([listed, signature.manifest.digest]));
    assert_eq!(of_bundle(1), all);
    // They are gone.
    Checked::delete(&target, "team/a", "manifests", &cosign);
    Checked::delete(&target, "team/a", "manifests", &list);
    assert_eq!(missing(1), json!([listed, signature.manifest.digest]));
    assert_eq!(of_bundle(1), all);
    checked.check(&["r.json"]).expect(1).says(&format!("missing: tag {cosign} "));
    checked.airlift.run(&["push", "b.tar", target.authority(), "--recheck"]).expect(0);
    missing(0);
}

#[test]
fn single_platforms_of_a_receipt_are_checked_by_their_tags() {
    let checked = Checked::start(&["team/a"]);
    let target = Embedded::start(Options::default());
    checked
        .airlift
        .run(&["build", &checked.reference(0), "-o", "b.tar", "--platform", "linux/arm64"])
        .expect(0);
    let push = ["push", "b.tar", target.authority(), "--selected-children", "--receipt", "r.json"];
    checked.airlift.run(&push).expect(0);
    let ran = checked.check(&["r.json", "--json"]).expect(0);
    let entry = document(&ran)["entries"][0].clone();
    assert_eq!(entry["reference"], format!("{}/team/a:1-linux-arm64", target.authority()));
    assert_eq!(entry["digest"], json!(checked.samples[0].manifests[1].digest));
}

#[test]
fn a_mirror_is_asked_in_the_place_of_the_original() {
    let checked = Checked::start(&["team/a"]);
    checked.lock();
    let mirror = Embedded::start(Options::default());
    let rule = format!("{}={}/hub", checked.source.authority(), mirror.authority());
    let ran = checked.check(&["images.lock", "--mirror", &rule, "--json"]).expect(1);
    let entry = document(&ran)["entries"][0].clone();
    assert_eq!((&entry["state"], &entry["reference"]), (&json!("lost"), &json!(checked.reference(0))));
    assert_eq!(entry["target"], format!("{}/hub/team/a:1", mirror.authority()));
    checked.check(&["images.lock", "--mirror", &rule, "--mirror-fallback"]).expect(0);
    let copy = Sample { repository: "hub/team/a".to_owned(), ..checked.samples[0].clone() };
    mirror.endpoint().push(&[copy]);
    checked.check(&["images.lock", "--mirror", &rule]).expect(0);
}

#[test]
fn an_index_in_an_index_is_followed() {
    let checked = Checked::start(&["team/a"]);
    let (inner, outer) = {
        let image = made::image("linux/amd64", 77);
        put(checked.source.endpoint(), "team/nest", &image, None);
        let inner = made::index(&[made::descriptor(&image.manifest)]);
        let outer = made::index(&[made::descriptor(&inner)]);
        for (content, tag) in [(&inner, None), (&outer, Some("1"))] {
            let digest = content.digest.to_string();
            let reference = tag.unwrap_or(&digest);
            checked.source.endpoint().push_manifest("team/nest", reference, content).expect_status(201);
        }
        (inner, outer)
    };
    let reference = format!("{}/team/nest:1@{}", checked.source.authority(), outer.digest);
    checked.check(&[&reference]).expect(0);
    Checked::delete(&checked.source, "team/nest", "manifests", &inner.digest.to_string());
    let ran = checked.check(&[&reference, "--json"]).expect(1);
    assert_eq!(document(&ran)["entries"][0]["missing"], json!([inner.digest]));
}
