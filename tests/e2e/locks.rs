//! Locks of bundles: `inspect --lock` writes them, and `verify --lock` proves that a bundle has what was
//! locked.

use serde_json::{Value, json};

use crate::airlift::Airlift;
use crate::made::bundle;

/// The time by which locks can be reproduced.
const EPOCH: &str = "1777888800";

fn run_at(airlift: &Airlift, epoch: &str, arguments: &[&str]) -> std::process::Output {
    airlift.command(arguments).env("SOURCE_DATE_EPOCH", epoch).output().unwrap()
}

fn lock(airlift: &Airlift, name: &str) -> Value {
    serde_json::from_slice(&airlift.read(name)).unwrap()
}

/// Writes a changed lock.
fn change(airlift: &Airlift, from: &str, to: &str, change: impl Fn(&mut Value)) {
    let mut document = lock(airlift, from);
    change(&mut document);
    std::fs::write(airlift.path(to), document.to_string()).unwrap();
}

/// The rules and messages of a verification with that lock.
fn findings(airlift: &Airlift, lock: &str) -> Vec<(String, String)> {
    let report = airlift.run(&["--json", "verify", "b.tar", "--lock", lock]).expect(1);
    let report = report.json("airlift.report/v1");
    assert_eq!((&report["ok"], &report["state"]), (&json!(false), &json!("not-as-locked")));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|one| (text(one, "rule"), text(one, "message"))).collect()
}

#[test]
fn a_bundle_has_a_lock_and_matches_it() {
    let (airlift, source, samples) = bundle(&["team/a", "team/b"], &["--platform", "linux/amd64"]);
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(0);
    assert_eq!(airlift.files(), ["b.lock", "b.tar"], "nothing else is left");
    let written = lock(&airlift, "b.lock");
    assert_eq!(written["schema"], "airlift.lock/v1");
    let image = &written["images"][0];
    let sample = &samples[0];
    assert_eq!(image["reference"], format!("{}/team/a:1", source.authority()));
    assert_eq!(image["digest"], sample.root.digest.to_string());
    assert_eq!(image["choose"], json!({"platforms": ["linux/amd64"]}));
    let platforms = image["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 2, "{image}");
    // One platform was chosen, so the image is as large as that.
    assert_eq!(image["size"], platforms[0]["size"]);
    let blobs: usize = sample.blobs.iter().map(|blob| blob.bytes.len()).sum();
    assert!(platforms.iter().map(|one| one["size"].as_u64().unwrap()).sum::<u64>() >= blobs as u64);
    airlift.run(&["verify", "b.tar", "--lock", "b.lock"]).expect(0);
    // The time is the file's, so the lock is the same whenever it is written.
    let before = airlift.read("b.lock");
    std::fs::remove_file(airlift.path("b.lock")).unwrap();
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(0);
    assert!(before == airlift.read("b.lock"));
}

#[test]
fn whatever_differs_from_the_lock_is_found() {
    let (airlift, source, samples) = bundle(&["team/a", "team/b"], &[]);
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(0);
    let host = source.authority();
    change(&airlift, "b.lock", "other.lock", |lock| {
        let other = format!("sha256:{:064}", 7);
        lock["images"][0]["digest"] = json!(other);
        lock["images"][1]["choose"] = json!({"platforms": ["linux/amd64"]});
    });
    let found = findings(&airlift, "other.lock");
    assert_eq!(
        found.iter().map(|(rule, _)| rule.as_str()).collect::<Vec<_>>(),
        ["lock-digest", "lock-platforms"]
    );
    assert!(found[0].1.contains("sha256:0000"), "{found:?}");
    assert_eq!(found[1].1, "linux/arm64 is carried, and was not locked");
    change(&airlift, "b.lock", "other.lock", |lock| {
        lock["images"][0]["reference"] = json!(format!("{host}/team/c:1"));
    });
    let rules: Vec<String> = findings(&airlift, "other.lock").into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["lock-extra", "lock-missing"]);
    let text = airlift.run(&["verify", "b.tar", "--lock", "other.lock"]).expect(1);
    assert!(text.text().contains("NOT WHAT WAS LOCKED") && text.text().contains("team/c:1"));
    assert_eq!(text.text().matches("NOT AS LOCKED").count(), 1, "{text}");
    // A damaged bundle stays damaged.
    let mut bytes = airlift.read("b.tar");
    let blob = samples[0].blobs[0].bytes.clone();
    let at = bytes.windows(blob.len()).position(|window| window == &blob[..]).unwrap();
    bytes[at] ^= 1;
    std::fs::write(airlift.path("b.tar"), bytes).unwrap();
    let report = airlift.run(&["--json", "verify", "b.tar", "--lock", "other.lock"]).expect(1);
    let report = report.json("airlift.report/v1");
    assert_eq!(report["state"], "damaged");
    assert_eq!(report["findings"].as_array().unwrap().len(), 3, "{report}");
}

#[test]
fn entries_of_an_old_lock_stay() {
    let (airlift, _source, samples) = bundle(&["team/a", "team/b"], &[]);
    let made = run_at(&airlift, EPOCH, &["inspect", "b.tar", "--lock", "b.lock"]);
    assert!(made.status.success(), "{made:?}");
    assert_eq!(lock(&airlift, "b.lock")["images"][0]["resolved"], "2026-05-04T10:00:00Z");
    let before = airlift.read("b.lock");
    assert!(run_at(&airlift, "1777888900", &["inspect", "b.tar", "--lock", "b.lock"]).status.success());
    assert!(before == airlift.read("b.lock"), "nothing moved, so no time changes");

    let old = json!(format!("sha256:{:064}", 7));
    change(&airlift, "b.lock", "b.lock", |lock| {
        lock["images"][0]["groups"] = json!(["base"]);
        lock["images"][0]["digest"] = old.clone();
        lock["images"][1]["history"] = json!([{"digest": old, "resolved": "2025-01-01T00:00:00Z"}]);
    });
    assert!(run_at(&airlift, "1777888900", &["inspect", "b.tar", "--lock", "b.lock"]).status.success());
    let image = &lock(&airlift, "b.lock")["images"][0];
    assert_eq!(image["digest"], samples[0].root.digest.to_string());
    assert_eq!((&image["resolved"], &image["groups"]), (&json!("2026-05-04T10:01:40Z"), &json!(["base"])));
    assert_eq!(image["history"], json!([{"digest": old, "resolved": "2026-05-04T10:00:00Z"}]));
    airlift.run(&["verify", "b.tar", "--lock", "b.lock"]).expect(0);

    let refused = run_at(&airlift, "soon", &["inspect", "b.tar", "--lock", "b.lock"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

#[test]
fn bad_locks_are_refused_with_their_place() {
    let (airlift, _source, _) = bundle(&["team/a"], &[]);
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(0);
    let text = String::from_utf8(airlift.read("b.lock")).unwrap();
    for (content, said) in [
        (String::new(), "bad.lock:1:1: the lock is empty"),
        (text.replace("lock/v1", "lock/v2"), "bad.lock:2:3: this lock is of version 2"),
        (
            text.replacen("      \"digest\"", "<<<<<<< HEAD\n      \"digest\"", 1),
            "bad.lock:6:1: this is a mark",
        ),
        (text.replace("sha256:", "sha255:"), "bad.lock:6:17: digest algorithm 'sha255' is not supported"),
        (text[..text.len() / 2].to_owned(), "was cut off"),
    ] {
        std::fs::write(airlift.path("bad.lock"), &content).unwrap();
        let ran = airlift.run(&["verify", "b.tar", "--lock", "bad.lock"]).expect(2).says(said);
        assert!(ran.stdout.is_empty(), "{ran:?}");
        // A file that is no lock is not replaced by one.
        if !content.is_empty() {
            airlift.run(&["inspect", "b.tar", "--lock", "bad.lock"]).expect(2).says(said);
            assert!(airlift.read("bad.lock") == content.as_bytes());
        }
    }
    airlift.run(&["verify", "b.tar", "--lock", "none.lock"]).expect(4).says("none.lock");
    airlift.run(&["inspect", "b.tar", "--lock", "b.tar"]).expect(2).says("would be written over");
    airlift.run(&["inspect", "b.tar", "--lock", "."]).expect(4).says("is not a regular file");
    airlift.run(&["verify", "b.tar", "--lock", "b.lock"]).expect(0);
}

#[test]
fn a_damaged_bundle_gets_no_lock() {
    let (airlift, _source, _) = bundle(&["team/a"], &[]);
    let bytes = airlift.read("b.tar");
    std::fs::write(airlift.path("b.tar"), &bytes[..bytes.len() / 2]).unwrap();
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(1);
    assert_eq!(airlift.files(), ["b.tar"]);
}
