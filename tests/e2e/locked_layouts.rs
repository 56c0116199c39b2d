//! Locks of images that come from layouts: what they say, and builds from them.

use airlift_server::samples::Sample;
use airlift_testkit::scripted::Script;
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::two_platforms;

/// The image of this seed as the layout `file`, under this name.
fn layout(airlift: &Airlift, file: &str, name: &str, seed: u64) -> Sample {
    let sample = two_platforms("team/app", seed);
    let source = Script::serving(vec![sample.clone()]).start();
    let reference = format!("{}/team/app:1", source.authority());
    airlift.run(&["build", &reference, "-o", "from-registry.tar", "--force"]).expect(0);
    let renamed = format!("oci-archive:from-registry.tar={name}");
    airlift.run(&["build", &renamed, "-o", file, "--force"]).expect(0);
    sample
}

fn lock(airlift: &Airlift, more: &[&str]) -> Ran {
    airlift.run(&[&["lock", "-o", "i.lock"], more].concat())
}

fn images(airlift: &Airlift) -> Vec<Value> {
    let lock: Value = serde_json::from_slice(&airlift.read("i.lock")).unwrap();
    lock["images"].as_array().unwrap().clone()
}

#[test]
fn an_image_of_a_layout_is_locked_and_built_from_there() {
    let airlift = Airlift::new();
    let sample = layout(&airlift, "app.tar", "r.example/team/app:1", 1);
    std::fs::write(airlift.path("l.txt"), "oci-archive:app.tar\n").unwrap();
    let file =
        "version: 1\ngroups:\n  ours:\n    - {ref: \"oci-archive:app.tar\", platforms: [linux/amd64]}\n";
    std::fs::write(airlift.path("i.yaml"), file).unwrap();
    for asked in [&["oci-archive:app.tar"][..], &["-f", "l.txt"], &["-f", "i.yaml"]] {
        let _ = std::fs::remove_file(airlift.path("i.lock"));
        lock(&airlift, asked).expect(0).says("added");
        let image = &images(&airlift)[0];
        assert_eq!(image["reference"], "r.example/team/app:1", "{asked:?}");
        assert_eq!(image["digest"], sample.root.digest.to_string());
        assert_eq!(image["from"], "oci-archive:app.tar");
        assert_eq!(image["selector"], "oci-archive:app.tar");
        assert_eq!(image["platforms"].as_array().unwrap().len(), 2);
        lock(&airlift, &[asked, &["--check"]].concat()).expect(0);
        airlift.run(&["build", "-f", "i.lock", "-o", "new.tar", "--force"]).expect(0);
        airlift.run(&["verify", "new.tar", "--lock", "i.lock"]).expect(0);
        // The lock is an input like any other.
        lock(&airlift, &["-f", "i.lock", "--check"]).expect(0);
        let before = airlift.read("i.lock");
        lock(&airlift, &["-f", "i.lock"]).expect(0);
        assert!(before == airlift.read("i.lock"), "{asked:?}");
    }
    let image = &images(&airlift)[0];
    assert_eq!(
        (&image["groups"], &image["choose"]),
        (&json!(["ours"]), &json!({"platforms": ["linux/amd64"]}))
    );
    // What the lock has need not be read again.
    std::fs::rename(airlift.path("app.tar"), airlift.path("away.tar")).unwrap();
    lock(&airlift, &["-f", "i.yaml"]).expect(0).says("1 unchanged");
    lock(&airlift, &["-f", "i.yaml", "--update"]).expect(4).says("app.tar");
}

#[test]
fn a_layout_with_another_digest_by_now_is_refused_by_name() {
    let airlift = Airlift::new();
    layout(&airlift, "app.tar", "r.example/team/app:1", 1);
    lock(&airlift, &["oci-archive:app.tar"]).expect(0);
    let old = images(&airlift)[0]["digest"].as_str().unwrap().to_owned();
    let moved = layout(&airlift, "app.tar", "r.example/team/app:1", 50);
    let refused = airlift.run(&["build", "-f", "i.lock", "-o", "b.tar"]).expect(3);
    refused.says("r.example/team/app:1").says(&old).says("oci-archive:app.tar");
    lock(&airlift, &["oci-archive:app.tar"]).expect(0).says("1 unchanged");
    for named in ["r.example/team/app:1", "oci-archive:app.tar"] {
        let again = ["oci-archive:app.tar", "--update", named, "--history", "3", "--dry-run"];
        lock(&airlift, &again).expect(0).says("moved");
    }
    lock(&airlift, &["oci-archive:app.tar", "--update"]).expect(0).says("moved");
    assert_eq!(images(&airlift)[0]["digest"], moved.root.digest.to_string());
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar"]).expect(0);
}

#[test]
fn the_name_is_that_of_the_lock_whatever_the_layout_says() {
    let airlift = Airlift::new();
    layout(&airlift, "app.tar", "r.example/team/app:1", 1);
    lock(&airlift, &["oci-archive:app.tar"]).expect(0);
    let digest = images(&airlift)[0]["digest"].as_str().unwrap().to_owned();
    // The same image, under another tag.
    layout(&airlift, "app.tar", "r.example/team/app:2", 1);
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar"]).expect(0);
    airlift.run(&["inspect", "b.tar"]).expect(0).says("r.example/team/app:1");
    airlift.run(&["verify", "b.tar", "--lock", "i.lock"]).expect(0);
    // By digest alone, it has no tag.
    let text = String::from_utf8(airlift.read("i.lock")).unwrap();
    let by_digest = format!("r.example/team/app@{digest}");
    std::fs::write(airlift.path("i.lock"), text.replace("r.example/team/app:1", &by_digest)).unwrap();
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar", "--force"]).expect(0);
    airlift.run(&["verify", "b.tar", "--lock", "i.lock"]).expect(0);
}

#[test]
fn of_a_part_of_an_image_that_part_is_locked() {
    let airlift = Airlift::new();
    layout(&airlift, "whole.tar", "r.example/team/app:1", 1);
    let part = ["oci-archive:whole.tar", "--platform", "linux/amd64", "-o", "app.tar"];
    airlift.run(&[&["build"], &part[..]].concat()).expect(0);
    lock(&airlift, &["oci-archive:app.tar"]).expect(0);
    assert_eq!(images(&airlift)[0]["choose"], json!({"platforms": ["linux/amd64"]}));
    let before = airlift.read("i.lock");
    lock(&airlift, &["oci-archive:app.tar", "--check"]).expect(0);
    lock(&airlift, &["oci-archive:app.tar"]).expect(0).says("1 unchanged");
    assert!(before == airlift.read("i.lock"));
    airlift.run(&["build", "-f", "i.lock", "-o", "new.tar"]).expect(0);
    airlift.run(&["verify", "new.tar", "--lock", "i.lock"]).expect(0);
    assert!(airlift.read("new.tar") == airlift.read("app.tar"));
    airlift.run(&["build", "oci-archive:app.tar", "-o", "again.tar", "--lock", "again.lock"]).expect(0);
    airlift.run(&["verify", "again.tar", "--lock", "again.lock"]).expect(0);
}

#[test]
fn an_image_without_a_full_name_is_locked_by_its_place() {
    let airlift = Airlift::new();
    layout(&airlift, "app.tar", "r.example/team/app:1", 1);
    airlift.unpack("app.tar", "app");
    let index = String::from_utf8(airlift.read("app/index.json")).unwrap();
    let mut index: Value = serde_json::from_str(&index).unwrap();
    index["manifests"][0]["annotations"] = json!({"org.opencontainers.image.ref.name": "v1"});
    std::fs::write(airlift.path("app/index.json"), index.to_string()).unwrap();
    lock(&airlift, &["oci:app"]).expect(0);
    assert_eq!(images(&airlift)[0]["reference"], "oci:app:v1");
    lock(&airlift, &["oci:app", "--check"]).expect(0);
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar"]).expect(0);
    airlift.run(&["verify", "b.tar", "--lock", "i.lock"]).expect(0);
    // A name can be given for it.
    lock(&airlift, &["oci:app=r.example/x/app"]).expect(0);
    assert_eq!(images(&airlift)[0]["reference"], "r.example/x/app:v1");
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar", "--force"]).expect(0);
    airlift.run(&["verify", "b.tar", "--lock", "i.lock"]).expect(0);
}

/// The folder of a layout whose image has these tags and no full name.
fn nameless(airlift: &Airlift, folder: &str, tags: &[&str]) {
    layout(airlift, "named.tar", "r.example/team/app:1", 1);
    airlift.unpack("named.tar", folder);
    let path = format!("{folder}/index.json");
    let mut index: Value = serde_json::from_slice(&airlift.read(&path)).unwrap();
    let image = index["manifests"][0].clone();
    let tagged = tags.iter().map(|tag| {
        let mut image = image.clone();
        image["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        image
    });
    index["manifests"] = tagged.collect();
    std::fs::write(airlift.path(&path), index.to_string()).unwrap();
}

#[test]
fn an_image_under_another_name_is_not_what_was_locked() {
    let airlift = Airlift::new();
    nameless(&airlift, "bare", &["v1"]);
    lock(&airlift, &["oci:bare"]).expect(0);
    airlift.run(&["build", "oci:bare", "oci:bare=evil.example/x:9", "-o", "two.tar"]).expect(0);
    airlift.run(&["verify", "two.tar", "--lock", "i.lock"]).expect(1).says("evil.example/x:9");
}

#[test]
fn two_tags_of_one_digest_are_two_entries() {
    let airlift = Airlift::new();
    nameless(&airlift, "two", &["a", "b"]);
    lock(&airlift, &["oci:two"]).expect(0);
    let references: Vec<Value> = images(&airlift).iter().map(|image| image["reference"].clone()).collect();
    assert_eq!(references, ["oci:two:a", "oci:two:b"]);
    lock(&airlift, &["oci:two", "--update"]).expect(0).says("2 unchanged");
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar"]).expect(0);
    airlift.run(&["verify", "b.tar", "--lock", "i.lock"]).expect(0).says("2 images");
    airlift.run(&["inspect", "b.tar", "--lock", "b.lock"]).expect(0);
    airlift.run(&["verify", "b.tar", "--lock", "b.lock"]).expect(0);
    airlift.run(&["build", "oci:two:a", "-o", "a.tar"]).expect(0);
    airlift.run(&["verify", "a.tar", "--lock", "i.lock"]).expect(1).says("oci:two:b");
}

#[test]
fn a_lock_takes_each_image_from_one_place() {
    let airlift = Airlift::new();
    let source = Script::serving(vec![two_platforms("team/app", 1)]).start();
    let reference = format!("{}/team/app:1", source.authority());
    for (file, platform) in [("pa.tar", "linux/amd64"), ("pb.tar", "linux/arm64")] {
        airlift.run(&["build", &reference, "--platform", platform, "-o", file]).expect(0);
    }
    let parts = ["oci-archive:pa.tar", "oci-archive:pb.tar"];
    for asked in [parts, ["oci-archive:pa.tar", &reference], [&reference, "oci-archive:pb.tar"]] {
        let refused = lock(&airlift, &asked).expect(2).says("build a bundle of both first and lock that");
        refused.says(asked[0].strip_prefix(&*reference).map_or(asked[0], |_| "its registry"));
    }
    let with_lock = ["build", parts[0], parts[1], "-o", "ab.tar", "--lock", "i.lock"];
    airlift.run(&with_lock).expect(2).says("oci-archive:pb.tar");
    assert!(!airlift.path("i.lock").exists() && !airlift.path("ab.tar").exists());
    // The way out.
    airlift.run(&["build", parts[0], parts[1], "-o", "ab.tar"]).expect(0);
    lock(&airlift, &["oci-archive:ab.tar"]).expect(0);
    airlift.run(&["verify", "ab.tar", "--lock", "i.lock"]).expect(0);
    // Another image of a layout doesn't win over the registry's.
    layout(&airlift, "other.tar", &reference, 50);
    std::fs::remove_file(airlift.path("i.lock")).unwrap();
    lock(&airlift, &["oci-archive:other.tar", &reference]).expect(2).says(&reference).says("other.tar");
    lock(&airlift, &["oci-archive:other.tar"]).expect(0);
    lock(&airlift, &["oci-archive:other.tar", &reference, "--check"]).expect(2).says("other.tar");
}

#[test]
fn what_is_no_layout_is_refused_with_the_way_out() {
    let airlift = Airlift::new();
    let mut docker = tar::Builder::new(std::fs::File::create(airlift.path("docker.tar")).unwrap());
    let mut header = tar::Header::new_ustar();
    header.set_size(2);
    header.set_mode(0o644);
    docker.append_data(&mut header, "manifest.json", &b"[]"[..]).unwrap();
    docker.finish().unwrap();
    let refused = lock(&airlift, &["oci-archive:docker.tar"]).expect(4);
    refused.says("oci-archive:docker.tar").says("skopeo copy docker-archive:FILE oci-archive:NEW");
    lock(&airlift, &["oci-archive:none.tar"]).expect(4).says("oci-archive:none.tar");
    assert!(!airlift.path("i.lock").exists());
}
