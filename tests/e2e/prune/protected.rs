//! Tags and receipts that keep images, whatever they are called or lack.

use airlift_oci::Digest;
use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Script};
use serde_json::{Value, json};

use super::{Stage, digests};
use crate::made::{Embedded, descriptor, descriptor_with, index, put, signature, tag_of};

/// What would go of `team/b`.
fn of_b(stage: &Stage) -> Vec<String> {
    let plan = digests(&stage.plan("new.lock"));
    let all = stage.old[1].manifests.iter().map(|one| one.digest.to_string());
    all.filter(|digest| plan.contains(digest)).collect()
}

fn stage(change: impl Fn(&Stage, &Digest)) -> Vec<String> {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    change(&stage, &stage.old[1].root.digest);
    of_b(&stage)
}

#[test]
fn a_tag_made_of_an_images_own_digest_keeps_the_image() {
    for suffix in ["", ".keep", "-prod", ".sig"] {
        let going = stage(|stage, old| {
            let tag = tag_of(old, suffix);
            stage.target.push_manifest("team/b", &tag, &stage.old[1].root).expect_status(201);
        });
        assert!(going.is_empty(), "{suffix}: {going:?}");
    }
}

#[test]
fn a_tag_made_of_a_digest_keeps_an_image_that_is_not_attached_to_it() {
    for suffix in ["", "-prod", ".sig"] {
        let going = stage(|stage, old| {
            let image = index(&[descriptor(&stage.old[1].manifests[0])]);
            stage.target.push_manifest("team/b", &tag_of(old, suffix), &image).expect_status(201);
        });
        assert_eq!(going.len(), 2, "{suffix}: the index and the other platform: {going:?}");
    }
    let going = stage(|stage, old| put(&stage.target, "team/b", &signature("a"), Some(&tag_of(old, ".sig"))));
    assert_eq!(going.len(), 3, "a signature keeps nothing: {going:?}");
}

#[test]
fn an_index_under_another_media_type_keeps_what_it_lists() {
    let going = stage(|stage, _| {
        let inner = index(&[descriptor(&stage.old[1].manifests[0])]);
        let lie = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json"});
        let outer = index(&[descriptor_with(&inner, &lie)]);
        stage.target.push_manifest("team/b", &inner.digest.to_string(), &inner).expect_status(201);
        stage.target.push_manifest("team/b", "prod", &outer).expect_status(201);
    });
    assert_eq!(going.len(), 2, "the index and the other platform: {going:?}");
}

/// Where they would be is not in the receipt, so no one can say what has to stay for them.
#[test]
fn a_kept_receipt_of_images_that_could_not_be_had_is_refused() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    let mut receipt: Value = serde_json::from_slice(&stage.airlift.read("new.json")).unwrap();
    receipt["ok"] = json!(false);
    receipt["failed"] = json!([{"source": "r.example/team/b:1", "error": "it is gone"}]);
    std::fs::write(stage.airlift.path("part.json"), receipt.to_string()).unwrap();
    let arguments = ["prune", stage.target.authority(), "--old", "old.lock", "-o", "plan.json", "--keep"];
    let ran = stage.airlift.run(&[&arguments[..], &["part.json"]].concat()).expect(2);
    ran.says("part.json").says("1 image that failed").says("--keep").says("lock");
    assert!(!stage.airlift.path("plan.json").exists());
    // As what is old, it is as good as any.
    let old = ["prune", stage.target.authority(), "--old", "part.json", "--keep", "new.lock"];
    stage.airlift.run(&old).expect(0);
}

#[test]
fn a_registry_that_denies_to_heads_what_it_still_has_deleted_nothing() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    let target = Script::forwarding(stage.target.authority())
        .rule(|request| match request.method.as_str() {
            "DELETE" => Some(Answer::status(202)),
            "HEAD" => Some(Answer::status(404)),
            _ => None,
        })
        .start();
    let host = target.authority();
    let plan = ["prune", &host, "--old", "old.lock", "--keep", "new.lock", "-o", "plan.json"];
    stage.airlift.run(&plan).expect(0);
    let apply = ["--json", "prune", &host, "--apply", "plan.json", "--retries", "0"];
    let result = stage.airlift.run(&apply).expect(3).json("airlift.prune-result/v1");
    assert_eq!(result["deleted"], json!([]));
}
