//! `build --lock`: a lock of what was built.

use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Answer, Script, ScriptedRegistry};
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::two_platforms;

/// A registry with `team/a:1` and `team/b:1`, and a list of both.
fn start() -> (ScriptedRegistry, Airlift, [Sample; 2]) {
    let samples = [two_platforms("team/a", 1), two_platforms("team/b", 20)];
    let source = Script::serving(samples.to_vec())
        .rule(|request| {
            request.path().contains("/gone/").then(|| Answer::error(404, "MANIFEST_UNKNOWN", "gone"))
        })
        .start();
    let airlift = Airlift::new();
    let list =
        "version: 1\ngroups:\n  a: [{ref: HOST/team/a:1, platforms: [linux/amd64]}]\n  b: [HOST/team/b:1]\n";
    std::fs::write(airlift.path("i.yaml"), list.replace("HOST", &source.authority())).unwrap();
    (source, airlift, samples)
}

/// Builds `b.tar` and its lock.
fn build_at(airlift: &Airlift, epoch: &str, arguments: &[&str], code: i32) -> Ran {
    let all = [&["build", "-o", "b.tar", "--force", "--lock", "b.lock"], arguments].concat();
    airlift.run_at(epoch, &all).expect(code)
}

fn images(airlift: &Airlift) -> Vec<Value> {
    let lock: Value = serde_json::from_slice(&airlift.read("b.lock")).unwrap();
    lock["images"].as_array().unwrap().clone()
}

#[test]
fn what_was_built_is_locked_as_lock_does_it() {
    let (_source, airlift, [a, _]) = start();
    build_at(&airlift, "1777888800", &["-f", "i.yaml"], 0).says("b.lock has the lock of 2 images");
    let written = airlift.read("b.lock");
    airlift.run_at("1777888800", &["lock", "-f", "i.yaml", "-o", "l.lock"]).expect(0);
    assert!(written == airlift.read("l.lock"), "{}", String::from_utf8_lossy(&written));
    airlift.run(&["verify", "b.tar", "--lock", "b.lock"]).expect(0);
    airlift.run(&["lock", "-f", "i.yaml", "-o", "b.lock", "--check"]).expect(0);
    let image = &images(&airlift)[0];
    assert_eq!(image["digest"], a.root.digest.to_string());
    assert_eq!((&image["groups"], &image["choose"]), (&json!(["a"]), &json!({"platforms": ["linux/amd64"]})));
    // What is the same keeps its time.
    build_at(&airlift, "1777999999", &["-f", "i.yaml"], 0);
    assert!(written == airlift.read("b.lock"), "no byte changes");
    build_at(&airlift, "1777999999", &["-f", "i.yaml", "--group", "b"], 0);
    assert_eq!(
        (images(&airlift).len(), &images(&airlift)[0]["resolved"]),
        (1, &json!("2026-05-04T10:00:00Z"))
    );
    // From a lock and from a layout.
    build_at(&airlift, "1777999999", &["-f", "l.lock"], 0);
    assert_eq!(images(&airlift).len(), 2);
    std::fs::rename(airlift.path("b.tar"), airlift.path("c.tar")).unwrap();
    build_at(&airlift, "1777999999", &["oci-archive:c.tar"], 0);
    assert_eq!(images(&airlift)[0]["from"], "oci-archive:c.tar");
    airlift.run(&["build", "-f", "b.lock", "-o", "e.tar"]).expect(0);
    assert!(airlift.read("e.tar") == airlift.read("c.tar"));
}

#[test]
fn a_bundle_of_the_rest_has_the_lock_of_the_rest() {
    let (source, airlift, _) = start();
    let gone = format!("{}/gone/c:1", source.authority());
    build_at(&airlift, "1777888800", &["-f", "i.yaml", &gone], 3);
    assert!(!airlift.path("b.lock").exists(), "no bundle, no lock");
    build_at(&airlift, "1777888800", &["-f", "i.yaml", &gone, "--keep-going"], 3);
    assert_eq!(images(&airlift).len(), 2);
    airlift.run(&["verify", "b.tar", "--lock", "b.lock"]).expect(0);
}

#[test]
fn the_lock_takes_no_place_of_another_file() {
    let (source, airlift, _) = start();
    let image = format!("{}/team/a:1", source.authority());
    std::fs::write(airlift.path("l.txt"), &image).unwrap();
    std::fs::write(airlift.path("notes.md"), "notes").unwrap();
    for (lock, more, text) in [
        ("b.tar", &[][..], "would be written over"),
        ("./b.tar", &[], "would be written over"),
        ("l.txt", &["-f", "l.txt"], "would be written over"),
        ("f.txt", &["--failed", "f.txt"], "would be written over"),
        ("notes.md", &[], "notes.md"),
        ("x.lock", &["--dry-run"], "--dry-run"),
    ] {
        let build = ["build", &image, "-o", "b.tar", "--lock", lock];
        airlift.run(&[&build, more].concat()).expect(2).says(text);
        assert!(!airlift.path("b.tar").exists(), "{lock}");
    }
    assert_eq!(source.count("GET", "/manifests/"), 0, "no registry was asked");
    assert_eq!(airlift.read("notes.md"), b"notes");
}

#[test]
fn what_comes_from_a_lock_keeps_its_time_and_history() {
    let (_source, airlift, _) = start();
    build_at(&airlift, "1777888800", &["-f", "i.yaml"], 0);
    let past = json!([{"digest": format!("sha256:{:064}", 7), "resolved": "2025-01-01T00:00:00Z"}]);
    let mut lock: Value = serde_json::from_slice(&airlift.read("b.lock")).unwrap();
    lock["images"][0]["history"] = past.clone();
    std::fs::write(airlift.path("other.lock"), lock.to_string()).unwrap();
    lock["images"][0]["platforms"][0]["digest"] = json!(format!("sha256:{:064}", 8));
    std::fs::write(airlift.path("altered.lock"), lock.to_string()).unwrap();
    let refused = airlift.run(&["build", "-f", "altered.lock", "-o", "d.tar"]).expect(3);
    refused.says("is not as it was locked (altered.lock:").says("its platform is linux/amd64 (sha256:");
    airlift.run(&["verify", "b.tar", "--lock", "altered.lock"]).expect(1).says("lock-altered");
    for from in [&["lock"][..], &["build", "-o", "c.tar", "--force"]] {
        let output = if from[0] == "lock" { "-o" } else { "--lock" };
        let _ = std::fs::remove_file(airlift.path("b.lock"));
        airlift.run_at("1777999999", &[from, &["-f", "other.lock", output, "b.lock"]].concat()).expect(0);
        let image = &images(&airlift)[0];
        assert_eq!((&image["resolved"], &image["history"]), (&json!("2026-05-04T10:00:00Z"), &past));
        assert_ne!(image["platforms"][0]["digest"], lock["images"][0]["platforms"][0]["digest"]);
    }
    // An update mends what the lock says of platforms.
    std::fs::write(airlift.path("b.lock"), lock.to_string()).unwrap();
    airlift.run(&["lock", "-f", "i.yaml", "-o", "b.lock", "--update"]).expect(0).says("1 unchanged");
    assert_ne!(images(&airlift)[0]["platforms"][0]["digest"], lock["images"][0]["platforms"][0]["digest"]);
}

#[test]
fn platforms_that_an_image_lacks_are_not_locked() {
    let (_source, airlift, _) = start();
    let list = String::from_utf8(airlift.read("i.yaml")).unwrap();
    std::fs::write(airlift.path("i.yaml"), list.replace("[linux/amd64]", "[linux/amd64, linux/s390x]"))
        .unwrap();
    build_at(&airlift, "1777888800", &["-f", "i.yaml", "--allow-missing-platform"], 0);
    assert_eq!(images(&airlift)[0]["choose"], json!({"platforms": ["linux/amd64"]}));
    airlift.run(&["build", "-f", "b.lock", "-o", "c.tar"]).expect(0);
    airlift.run(&["verify", "c.tar", "--lock", "b.lock"]).expect(0);
}

#[test]
fn a_bundle_of_a_group_is_compared_with_that_group() {
    let (_source, airlift, _) = start();
    build_at(&airlift, "1777888800", &["-f", "i.yaml"], 0);
    airlift.run(&["build", "-f", "b.lock", "--group", "a", "-o", "a.tar"]).expect(0);
    airlift.run(&["verify", "a.tar", "--lock", "b.lock", "--group", "a"]).expect(0);
    airlift.run(&["verify", "a.tar", "--lock", "b.lock", "--group", "b"]).expect(1);
    airlift.run(&["verify", "a.tar", "--lock", "b.lock"]).expect(1).says("team/b:1");
    airlift
        .run(&["verify", "a.tar", "--lock", "b.lock", "--group", "none"])
        .expect(2)
        .says("there is no group");
    airlift.run(&["verify", "a.tar", "--group", "a"]).expect(2).says("--lock");
}
