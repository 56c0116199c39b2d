//! `airlift check`: what a registry has of images, and what it lost.

mod at_target;
mod hostile;
mod inputs;

use airlift_oci::Digest;
use airlift_server::Options;
use airlift_server::samples::Sample;
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{Embedded, two_platforms};

/// A registry with an image for two platforms in each of these repositories.
struct Checked {
    source: Embedded,
    airlift: Airlift,
    samples: Vec<Sample>,
}

impl Checked {
    fn start(repositories: &[&str]) -> Self {
        let source = Embedded::start(Options::default());
        let numbered = (1_u64..).zip(repositories);
        let samples: Vec<Sample> =
            numbered.map(|(number, repository)| two_platforms(repository, 10 * number)).collect();
        source.endpoint().push(&samples);
        Checked { source, airlift: Airlift::new(), samples }
    }

    fn reference(&self, position: usize) -> String {
        format!("{}/{}:1", self.source.authority(), self.samples[position].repository)
    }

    /// `images.lock` of all images.
    fn lock(&self) -> &Self {
        let references: Vec<String> = (0..self.samples.len()).map(|at| self.reference(at)).collect();
        let mut arguments = vec!["lock", "-o", "images.lock"];
        arguments.extend(references.iter().map(String::as_str));
        self.airlift.run(&arguments).expect(0);
        self
    }

    fn check(&self, arguments: &[&str]) -> Ran {
        self.airlift.run(&[&["check", "--retries", "0"], arguments].concat())
    }

    /// Takes something out of a repository of a registry.
    fn delete(registry: &Embedded, repository: &str, kind: &str, reference: &str) {
        let target = format!("/v2/{repository}/{kind}/{reference}");
        registry.endpoint().request("DELETE", &target, &[], b"").expect_status(202);
    }

    fn delete_manifest(&self, position: usize, digest: &Digest) {
        Self::delete(&self.source, &self.samples[position].repository, "manifests", &digest.to_string());
    }

    fn delete_blob(&self, position: usize, digest: &Digest) {
        Self::delete(&self.source, &self.samples[position].repository, "blobs", &digest.to_string());
    }
}

/// The document of a check.
fn document(ran: &Ran) -> Value {
    ran.json("airlift.check/v1")
}

/// The states of a document's entries.
fn states(document: &Value) -> Vec<&str> {
    let entries = document["entries"].as_array().expect("it has entries");
    entries.iter().map(|entry| entry["state"].as_str().expect("it has a state")).collect()
}

#[test]
fn what_is_whole_is_ok() {
    let checked = Checked::start(&["team/a", "team/b"]);
    checked.lock();
    for arguments in [&["images.lock"][..], &["-f", "images.lock"], &["images.lock", "--deep"]] {
        let ran = checked.check(&[arguments, &["--json"]].concat()).expect(0);
        let document = document(&ran);
        assert_eq!(document["ok"], true);
        assert_eq!(states(&document), ["ok", "ok"]);
        let entry = &document["entries"][0];
        assert_eq!(entry["reference"], checked.reference(0));
        assert_eq!(entry["digest"], json!(checked.samples[0].root.digest));
        assert_eq!(entry["platforms"], json!(["linux/amd64", "linux/arm64"]));
        assert!(entry.get("missing").is_none() && entry.get("tagDigest").is_none());
    }
    checked.check(&["images.lock"]).expect(0).says("2 images: 2 ok");
}

#[test]
fn a_deep_check_shows_how_many_bytes_it_has_read() {
    let checked = Checked::start(&["team/a", "team/b"]);
    checked.lock();
    let deep = checked.check(&["images.lock", "--deep", "--progress", "plain"]).expect(0);
    let sizes =
        checked.samples.iter().flat_map(|sample| &sample.blobs).map(|blob| (blob.digest, blob.bytes.len()));
    let bytes: usize = std::collections::HashMap::<_, _>::from_iter(sizes).into_values().sum();
    deep.says(&format!("check {:.1} KiB in ", bytes as f64 / 1024.0));
}

#[test]
fn each_state_is_told_apart() {
    let checked = Checked::start(&["team/whole", "team/moved", "team/untagged", "team/lost", "team/holes"]);
    checked.lock();
    let moved = Sample { tag: "1".to_owned(), ..two_platforms("team/moved", 700) };
    checked.source.endpoint().push(std::slice::from_ref(&moved));
    Checked::delete(&checked.source, "team/untagged", "manifests", "1");
    checked.delete_manifest(3, &checked.samples[3].root.digest);
    let (blob, child) = (checked.samples[4].blobs[1].digest, checked.samples[4].manifests[1].digest);
    checked.delete_blob(4, &blob);
    checked.delete_manifest(4, &child);

    let ran = checked.check(&["images.lock", "--json"]).expect(1);
    let found = document(&ran);
    assert_eq!(found["ok"], false);
    let by_name = |name: &str| {
        let entries = found["entries"].as_array().unwrap();
        entries.iter().find(|entry| entry["reference"].as_str().unwrap().contains(name)).unwrap().clone()
    };
    assert_eq!(by_name("whole")["state"], "ok");
    assert_eq!(by_name("moved")["state"], "drift");
    assert_eq!(by_name("moved")["digest"], json!(checked.samples[1].root.digest));
    assert_eq!(by_name("moved")["tagDigest"], json!(moved.root.digest));
    assert_eq!(by_name("untagged")["state"], "drift");
    assert!(by_name("untagged").get("tagDigest").is_none());
    assert_eq!(by_name("lost")["state"], "lost");
    assert_eq!(by_name("holes")["state"], "incomplete");
    let missing = by_name("holes")["missing"].as_array().unwrap().clone();
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing.contains(&json!(blob)) && missing.contains(&json!(child)));

    let text = checked.check(&["images.lock"]).expect(1);
    text.says("5 images: 1 ok, 1 lost, 1 incomplete, 2 drift")
        .says("missing: linux/arm64")
        .says("missing: linux/amd64 layer 1")
        .says("its tag is gone; its digest is there")
        .says("hint: drift: ");
}

#[test]
fn a_tag_alone_is_lost_with_its_tag() {
    let checked = Checked::start(&["team/a"]);
    let reference = checked.reference(0);
    checked.check(&[&reference]).expect(0);
    Checked::delete(&checked.source, "team/a", "manifests", "1");
    let ran = checked.check(&[&reference, "--json"]).expect(1);
    let document = document(&ran);
    assert_eq!(states(&document), ["lost"]);
    assert!(document["entries"][0].get("digest").is_none());
    // By its digest it is there.
    let digest = checked.samples[0].root.digest;
    let pinned = format!("{}/team/a@{digest}", checked.source.authority());
    checked.check(&[&pinned]).expect(0);
    let ran = checked.check(&[&format!("{reference}@{digest}"), "--json"]).expect(1);
    assert_eq!(states(&self::document(&ran)), ["drift"]);
}

#[test]
fn hosts_without_an_answer_are_not_taken_for_losses_and_hold_up_no_one() {
    let checked = Checked::start(&["team/a", "team/b"]);
    let mut list = String::new();
    for number in 0..40 {
        list += &format!("127.0.0.1:{}/x/app-{number}:1\n", 1 + number % 3);
    }
    list += &format!("{}\n{}\n", checked.reference(0), checked.reference(1));
    std::fs::write(checked.airlift.path("l.txt"), list).unwrap();
    let ran = checked.check(&["l.txt", "--json", "--failed", "failed.txt"]).expect(3);
    let document = document(&ran);
    let states = states(&document);
    assert_eq!(states.iter().filter(|state| **state == "unreachable").count(), 40);
    assert_eq!(&states[40..], ["ok", "ok"]);
    let error = document["entries"][7]["error"].as_str().unwrap();
    assert!(error.contains("can't connect"), "{error}");
    // One that is lost makes it a no.
    Checked::delete(&checked.source, "team/a", "manifests", "1");
    checked.check(&["-f", "l.txt"]).expect(1).says("42 images: 1 ok, 1 lost, 40 unreachable");
    // What failed can be checked again.
    let failed = String::from_utf8(checked.airlift.read("failed.txt")).unwrap();
    assert_eq!(failed.lines().count(), 40, "{failed}");
    checked.check(&["-f", "failed.txt"]).expect(3);
}

/// The images are small, and so is the time: each digest is asked for once in each repository.
#[test]
fn two_hundred_images_are_checked_and_what_they_lost_is_told_apart() {
    let repositories: Vec<String> = (0..200).map(|number| format!("team/app-{number:03}")).collect();
    let names: Vec<&str> = repositories.iter().map(String::as_str).collect();
    let checked = Checked::start(&names);
    let target = Embedded::start(Options::default());
    checked.lock();
    checked.check(&["images.lock"]).expect(0).says("200 images: 200 ok");
    checked.airlift.run(&["build", "-f", "images.lock", "-o", "b.tar"]).expect(0);
    checked.airlift.run(&["push", "b.tar", target.authority(), "--receipt", "r.json"]).expect(0);
    for subject in ["images.lock", "b.tar"] {
        checked.check(&[subject, "--at", target.authority()]).expect(0).says("200 images: 200 ok");
    }
    checked.check(&["r.json"]).expect(0).says("200 images: 200 ok");

    let (blob, child) = (&checked.samples[42].blobs[3], &checked.samples[142].manifests[0]);
    Checked::delete(&target, "team/app-042", "blobs", &blob.digest.to_string());
    Checked::delete(&target, "team/app-142", "manifests", &child.digest.to_string());
    Checked::delete(&target, "team/app-199", "manifests", &checked.samples[199].root.digest.to_string());
    for arguments in [&["images.lock", "--at", target.authority()][..], &["r.json"]] {
        let ran = checked.check(&[arguments, &["--json", "--failed", "failed.txt"]].concat()).expect(1);
        let document = document(&ran);
        let bad: Vec<&Value> =
            document["entries"].as_array().unwrap().iter().filter(|entry| entry["state"] != "ok").collect();
        assert_eq!(bad.len(), 3, "{bad:?}");
        assert_eq!((&bad[0]["state"], &bad[0]["missing"]), (&json!("incomplete"), &json!([blob.digest])));
        assert_eq!((&bad[1]["state"], &bad[1]["missing"]), (&json!("incomplete"), &json!([child.digest])));
        assert_eq!(bad[2]["state"], "lost");
        assert_eq!(bad[0]["target"], format!("{}/team/app-042:1", target.authority()));
    }
    // At the source all is there still.
    checked.check(&["images.lock"]).expect(0);
    // What was lost is sent again, and nothing else.
    checked.check(&["-f", "failed.txt"]).expect(0).says("3 images: 3 ok");
    checked.airlift.run(&["push", "b.tar", target.authority(), "--recheck"]).expect(0);
    checked.check(&["r.json"]).expect(0);
}
