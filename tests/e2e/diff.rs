//! `diff`: bundles, layouts, locks and receipts against each other.

use airlift_server::Options;
use serde_json::{Value, json};

use crate::airlift::Airlift;
use crate::made::{Embedded, bundle, two_platforms};

fn diff(airlift: &Airlift, old: &str, new: &str) -> Value {
    airlift.run(&["--json", "diff", old, new]).expect(0).json("airlift.diff/v1")
}

fn change(document: &Value, position: usize) -> (&str, &str) {
    let image = &document["images"][position];
    let text = |name: &str| image[name].as_str().unwrap();
    (text("change"), text("reference").rsplit_once("/team/").unwrap().1)
}

/// `b.tar` with two images, `n.tar` in which one is gone, one moved and one is new, and their locks.
fn two_bundles() -> (Airlift, Embedded) {
    let (airlift, source, _) = bundle(&["team/a", "team/b"], &[]);
    source.endpoint().push(&[two_platforms("team/a", 11), two_platforms("team/c", 20)]);
    let host = source.authority();
    let references = [format!("{host}/team/a:1"), format!("{host}/team/c:1")];
    airlift.run(&["build", &references[0], &references[1], "-o", "n.tar"]).expect(0);
    for name in ["b", "n"] {
        airlift.run(&["inspect", &format!("{name}.tar"), "--lock", &format!("{name}.lock")]).expect(0);
    }
    (airlift, source)
}

#[test]
fn every_form_of_one_bundle_is_the_same() {
    let (airlift, source, _) = bundle(&["team/a", "team/b"], &[]);
    let (a, b) = (format!("{}/team/a:1", source.authority()), format!("{}/team/b:1", source.authority()));
    airlift.run(&["build", &a, &b, "-o", "b.tar.zst"]).expect(0);
    airlift.run(&["build", &a, &b, "-o", "v.tar", "--volume-size", "64K"]).expect(0);
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(0);
    airlift.unpack("b.tar", "layout");
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", target.authority(), "--receipt", "r.json"]).expect(0);
    let forms = ["b.tar", "b.tar.zst", "v.tar", "v.tar.volumes.json", "layout", "b.lock", "r.json"];
    for (old, new) in forms.iter().zip(forms.iter().cycle().skip(1)) {
        let document = diff(&airlift, old, new);
        assert_eq!((&document["same"], &document["images"]), (&json!(true), &json!([])), "{old} {new}");
    }
    airlift.run(&["diff", "b.tar", "b.tar.zst", "--exit-code"]).expect(0).says("the same: 2 images");
    let bytes = &diff(&airlift, "b.lock", "b.tar")["bytes"];
    assert_eq!((&bytes["new"], &bytes["gone"]), (&json!(0), &json!(0)));
    assert!(bytes["shared"].as_u64().unwrap() > 8192, "the bundle knows the lock's layers: {bytes}");
    assert!(diff(&airlift, "b.lock", "b.lock").get("bytes").is_none(), "nothing is guessed");
    assert!(diff(&airlift, "r.json", "b.tar").get("bytes").is_none());
}

#[test]
fn images_platforms_and_bytes_that_differ_are_named() {
    let (airlift, _source) = two_bundles();
    for (old, new) in [("b.tar", "n.tar"), ("b.lock", "n.lock"), ("b.lock", "n.tar"), ("b.tar", "n.lock")] {
        let document = diff(&airlift, old, new);
        let changes: Vec<_> = (0..3).map(|position| change(&document, position)).collect();
        assert_eq!(changes, [("moved", "a:1"), ("removed", "b:1"), ("added", "c:1")], "{old} {new}");
        let platforms = document["platforms"].as_array().unwrap();
        assert_eq!(platforms.len(), 2, "both platforms of a moved: {document}");
        assert!(document["platformBytes"]["new"].as_u64().unwrap() > 0);
        assert_eq!(document.get("bytes").is_some(), new == "n.tar" && old == "b.tar", "{old} {new}");
    }
    // One of the layers of team/a is that of the other platform before.
    let bytes = diff(&airlift, "b.tar", "n.tar")["bytes"].clone();
    assert!(["shared", "new", "gone"].iter().all(|name| bytes[name].as_u64().unwrap() >= 2048), "{bytes}");
    let same = diff(&airlift, "b.tar", "b.tar")["bytes"].clone();
    let sum = |bytes: &Value, other: &str| bytes["shared"].as_u64().unwrap() + bytes[other].as_u64().unwrap();
    assert_eq!(sum(&bytes, "gone"), sum(&same, "gone"), "all of b.tar");

    airlift.run(&["diff", "b.lock", "n.lock", "--exit-code"]).expect(1).says("1 added, 1 removed, 1 moved");
    let text = airlift.run(&["diff", "b.tar", "n.tar"]).expect(0).text();
    assert!(text.contains("layers and configs: ") && text.contains("linux/arm64"), "{text}");
    let lock = String::from_utf8(airlift.read("b.lock")).unwrap();
    airlift.run_with_input(&["diff", "-", "n.lock", "--exit-code"], lock.as_bytes()).expect(1);
}

#[test]
fn what_is_no_longer_needed_is_a_list() {
    let (airlift, source) = two_bundles();
    let text = airlift.run(&["diff", "b.lock", "n.lock", "--removed"]).expect(0).text();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let [a, b] = lines[..] else { panic!("{text}") };
    let start = |name: &str| format!("{}/team/{name}:1@sha256:", source.authority());
    assert!(a.starts_with(&start("a")) && b.starts_with(&start("b")), "{text}");
    assert!(text.contains(" linux/arm64: sha256:"), "{text}");
    std::fs::write(airlift.path("old.txt"), &text).unwrap();
    airlift.run(&["build", "-f", "old.txt", "-o", "old.tar"]).expect(0);
    assert_eq!(diff(&airlift, "b.tar", "old.tar")["same"], true);
    assert_eq!(airlift.run(&["diff", "b.lock", "b.tar", "--removed"]).expect(0).text(), "");
    airlift.run(&["--json", "diff", "b.lock", "b.tar", "--removed"]).expect(2);
}

#[test]
fn a_receipt_counts_what_arrived() {
    let (airlift, _source, _) = bundle(&["team/a", "team/b"], &[]);
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", target.authority(), "--receipt", "r.json", "--map", "x=y"]).expect(2);
    airlift.run(&["push", "b.tar", target.authority(), "--receipt", "r.json", "--keep-host"]).expect(0);
    assert_eq!(diff(&airlift, "b.tar", "r.json")["same"], true, "names at the target don't matter");
    let mut receipt: Value = serde_json::from_slice(&airlift.read("r.json")).unwrap();
    receipt["images"][1]["status"] = json!("failed");
    std::fs::write(airlift.path("r.json"), receipt.to_string()).unwrap();
    let ran = airlift.run(&["diff", "b.tar", "r.json", "--exit-code"]).expect(1);
    assert!(ran.stderr.contains("r.json: 1 image did not arrive"), "{}", ran.stderr);
    assert_eq!(change(&diff(&airlift, "b.tar", "r.json"), 0), ("removed", "b:1"));
}

/// Of an image that was pushed without its index, the digest is not at the target.
#[test]
fn single_platforms_of_a_receipt_are_not_the_image() {
    let (airlift, source, samples) = bundle(&["team/a"], &["--platform", "linux/arm64"]);
    let target = Embedded::start(Options::default());
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(0);
    let push = ["push", "b.tar", target.authority(), "--selected-children", "--receipt", "r.json"];
    airlift.run(&push).expect(0);
    for old in ["b.lock", "b.tar"] {
        airlift.run(&["diff", old, "r.json", "--exit-code"]).expect(1);
        let found = diff(&airlift, old, "r.json");
        assert_eq!(change(&found, 0), ("removed", "a:1"));
        assert_eq!(change(&found, 1), ("added", "a:1-linux-arm64"));
        assert_eq!(found["images"][1]["to"], json!(samples[0].manifests[1].digest), "{}", source.authority());
    }
    assert_eq!(diff(&airlift, "r.json", "r.json")["same"], true);
}

#[test]
fn what_can_not_be_compared_is_no_difference() {
    let (airlift, _source, _) = bundle(&["team/a"], &[]);
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(0);
    let lock = String::from_utf8(airlift.read("b.lock")).unwrap();
    let mut damaged = airlift.read("b.tar");
    damaged[700] ^= 1;
    for (name, content, code, says) in [
        ("d.tar", damaged, 4, "is damaged"),
        ("cut.lock", lock.as_bytes()[..lock.len() / 2].to_vec(), 2, "the rest was cut off"),
        ("next.lock", lock.replace("lock/v1", "lock/v2").into(), 2, "is of version 2"),
        ("next.json", br#"{"schema": "airlift.receipt/v2"}"#.to_vec(), 2, "is of version 2"),
        ("list.txt", b"nginx:1.27\n".to_vec(), 2, "airlift lock -f LIST"),
        ("noise", vec![0; 4096], 4, "noise"),
    ] {
        std::fs::write(airlift.path(name), content).unwrap();
        for (old, new) in [(name, "b.tar"), ("b.lock", name)] {
            let ran = airlift.run(&["diff", old, new, "--exit-code"]).expect(code);
            assert!(ran.stderr.contains(says), "{name}: {}", ran.stderr);
        }
    }
    airlift.run(&["diff", "none.lock", "b.tar"]).expect(4);
    airlift.run(&["diff", "-", "-"]).expect(2);
}
