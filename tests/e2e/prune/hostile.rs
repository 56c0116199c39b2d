//! Registries whose lists and manifests don't show all that is there.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Gate, Request, Script, ScriptedRegistry};
use serde_json::{Value, json};

use super::{Stage, digests, texts};
use crate::airlift::Ran;
use crate::made::{Embedded, descriptor, index};

/// The target behind something that answers some requests itself.
fn behind(
    stage: &Stage,
    rule: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
) -> ScriptedRegistry {
    Script::forwarding(stage.target.authority()).rule(rule).start()
}

/// Lists of tags that say nothing of a tag `1`.
fn empty_lists() -> [Answer; 4] {
    let list = |tags: &str| Answer::ok("application/json", format!(r#"{{"name":"x","tags":{tags}}}"#));
    [list("null"), list("[]"), list(r#"["other"]"#), Answer::error(404, "NAME_UNKNOWN", "no such repository")]
}

/// A lock of nothing at all.
fn write_empty_lock(stage: &Stage) {
    let mut lock: Value = serde_json::from_slice(&stage.airlift.read("new.lock")).unwrap();
    lock["images"] = json!([]);
    std::fs::write(stage.airlift.path("empty.lock"), lock.to_string()).unwrap();
}

#[test]
fn a_list_that_lacks_a_tag_that_is_there_proves_nothing() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    // Of team/a, the kept lock names the tag; of team/b, the old one does.
    for repository in ["team/a", "team/b"] {
        for answer in empty_lists() {
            let path = format!("/v2/{repository}/tags/list");
            let target = behind(&stage, move |request| (request.path() == path).then(|| answer.clone()));
            let host = target.authority();
            let arguments =
                ["--json", "prune", &host, "--old", "old.lock", "--keep", "new.lock", "-o", "plan.json"];
            let ran = stage.airlift.run(&arguments).expect(3);
            let says = format!("the list of tags of {host}/{repository} lacks 1, which is there");
            assert!(ran.stderr.contains(&says), "{ran}");
            let plan = ran.json("airlift.prune/v1");
            assert_eq!(digests(&plan).len(), if repository == "team/a" { 3 } else { 2 }, "{plan}");
            let name = format!("{host}/{repository}");
            assert!(plan["delete"].as_array().unwrap().iter().all(|one| one["repository"] != *name));
        }
    }
}

#[test]
fn a_list_that_lacks_a_tag_of_the_plan_deletes_nothing() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    for (nth, answer) in empty_lists().into_iter().enumerate() {
        // From the second list on: the first one of a run is whole.
        let is_broken = Arc::new(AtomicBool::new(false));
        let (broken, later) = (Arc::clone(&is_broken), nth % 2 == 1);
        let lists = Arc::new(AtomicUsize::new(0));
        let target = behind(&stage, move |request| {
            let is_list = request.path() == "/v2/team/b/tags/list" && broken.load(Ordering::SeqCst);
            let is_first = is_list && lists.fetch_add(1, Ordering::SeqCst) == 0;
            (is_list && !(later && is_first)).then(|| answer.clone())
        });
        let host = target.authority();
        let plan = ["prune", &host, "--old", "old.lock", "--keep", "new.lock", "--only", "*/team/b"];
        stage.airlift.run(&[&plan[..], &["-o", "plan.json"]].concat()).expect(0);
        is_broken.store(true, Ordering::SeqCst);
        let ran = stage.airlift.run(&["--json", "prune", &host, "--apply", "plan.json"]).expect(3);
        let result = ran.json("airlift.prune-result/v1");
        assert_eq!(
            (result["deleted"].as_array().unwrap().len(), result["left"].as_array().unwrap().len()),
            (0, 3)
        );
        assert_eq!(result["left"][0]["why"], "failed");
        assert!(result["left"][0]["message"].as_str().unwrap().contains("lacks 1"), "{result}");
        assert_eq!(target.count("DELETE", ""), 0);
    }
}

#[test]
fn a_tag_whose_index_is_not_there_by_its_digest_keeps_its_repository() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    write_empty_lock(&stage);
    let place = format!("/v2/team/a/manifests/{}", stage.new.root.digest);
    let target = behind(&stage, move |request| {
        (request.path() == place).then(|| Answer::error(404, "MANIFEST_UNKNOWN", "no such manifest"))
    });
    let host = target.authority();
    let ran = stage.airlift.run(&["--json", "prune", &host, "--old", "old.lock", "--keep", "empty.lock"]);
    assert!(ran.stderr.contains("which is not there by its digest"), "{ran}");
    let plan = ran.expect(3).json("airlift.prune/v1");
    let b = [stage.old[1].root.digest, stage.platform(1, 0), stage.platform(1, 1)];
    assert_eq!(digests(&plan), texts(&b), "nothing of team/a");
}

#[test]
fn what_is_below_a_kept_digest_stays_under_any_name() {
    super::at_both(|stage| {
        // In team/b, no tag stands for it; in the kept lock, it is an image of team/a.
        let inner = index(&[descriptor(&stage.old[1].manifests[0])]);
        let outer = index(&[descriptor(&inner)]);
        for image in [&inner, &outer] {
            stage.target.push_manifest("team/b", &image.digest.to_string(), image).expect_status(201);
        }
        assert_eq!(digests(&stage.plan("new.lock")).len(), 5, "no one knows of it");
        let lock = String::from_utf8(stage.airlift.read("new.lock")).unwrap();
        let lock = lock.replace(&stage.new.root.digest.to_string(), &outer.digest.to_string());
        std::fs::write(stage.airlift.path("kept.lock"), lock).unwrap();
        let plan = digests(&stage.plan("kept.lock"));
        assert!(!plan.contains(&stage.platform(1, 0).to_string()), "{plan:?}");
        assert!(plan.contains(&stage.platform(1, 1).to_string()), "{plan:?}");
    });
}

#[test]
fn a_deletion_that_is_only_acknowledged_is_a_failure() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    let target = behind(&stage, |request| (request.method == "DELETE").then(|| Answer::status(202)));
    let host = target.authority();
    let plan = ["prune", &host, "--old", "old.lock", "--keep", "new.lock", "-o", "plan.json"];
    stage.airlift.run(&plan).expect(0);
    let apply = ["--json", "prune", &host, "--apply", "plan.json", "--retries", "0"];
    let result = stage.airlift.run(&apply).expect(3).json("airlift.prune-result/v1");
    let left: Vec<&str> =
        result["left"].as_array().unwrap().iter().map(|one| one["why"].as_str().unwrap()).collect();
    assert_eq!(left, ["failed", "named", "failed", "named", "named"], "{result}");
    assert!(result["left"][0]["message"].as_str().unwrap().contains("still has it"), "{result}");
    assert_eq!(target.count("DELETE", ""), 2, "platforms of what is there stay");
}

#[test]
fn a_deletion_that_shows_late_is_waited_for() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    let digest = stage.old[1].root.digest.to_string();
    let target = behind(&stage, move |request| {
        let is_it = request.method == "HEAD" && request.path().ends_with(&digest) && request.nth == 0;
        is_it.then(|| Answer::status(200).header("Docker-Content-Digest", digest.clone()))
    });
    let host = target.authority();
    let plan = ["prune", &host, "--old", "old.lock", "--keep", "new.lock", "-o", "plan.json"];
    stage.airlift.run(&plan).expect(0);
    stage.airlift.run(&["prune", &host, "--apply", "plan.json"]).expect(0).says("5 manifests deleted");
    assert_eq!(target.count("HEAD", &stage.old[1].root.digest.to_string()), 2);
}

#[test]
fn an_interrupted_run_says_what_is_gone_and_goes_on() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    let (never, deletions) = (Gate::new(), AtomicUsize::new(0));
    let target = behind(&stage, move |request| {
        let is_second = request.method == "DELETE" && deletions.fetch_add(1, Ordering::SeqCst) == 1;
        is_second.then(|| Answer::status(202).after(&never))
    });
    let host = target.authority();
    let plan = ["prune", &host, "--old", "old.lock", "--keep", "new.lock", "-o", "plan.json"];
    stage.airlift.run(&plan).expect(0);
    let apply = ["prune", &host, "--apply", "plan.json"];
    let mut command = stage.airlift.command(&apply);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while target.count("DELETE", "") < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran = Ran::of(&apply, child.wait_with_output().unwrap()).expect(130);
    let gone = format!("deleted: {host}/team/a@{}", stage.old[0].root.digest);
    let ran = ran.says("1 of 5 manifests in the plan deleted").says("repeat the same command").says(&gone);
    assert!(!ran.stderr.contains(&stage.platform(0, 0).to_string()), "{ran}");
    stage.airlift.run(&apply).expect(0);
    assert!(!stage.has("team/a", &stage.platform(0, 0)) && !stage.has("team/b", &stage.platform(1, 1)));
}
