//! `--events` and `--failed` of push: what arrived, as it happens, and what has to be pushed again.

use std::fs;

use airlift_server::{Options, Referrers};
use airlift_testkit::scripted::{Answer, Script};
use serde_json::{Value, json};

use crate::airlift::Airlift;
use crate::made::{self, Embedded};

const REPOSITORIES: [&str; 2] = ["team/app", "team/other"];

fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).expect("events are text");
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is a JSON object")).collect()
}

fn text_of(airlift: &Airlift, name: &str) -> String {
    String::from_utf8(airlift.read(name)).expect("it is text")
}

#[test]
fn a_line_is_written_for_each_tag_and_digest_that_arrived() {
    let (airlift, _source, samples) = made::bundle(&REPOSITORIES, &[]);
    let target = Embedded::start(Options::default());
    let squatter = made::image("linux/amd64", 77);
    made::put(target.endpoint(), "team/app", &squatter, Some("1"));
    let push = |more: &[&str]| {
        airlift.run(&[&["push", "b.tar", target.authority(), "--events", "e.jsonl"], more].concat())
    };
    push(&["--move-tags"]).expect(0);
    let arrived = lines(&airlift.read("e.jsonl"));
    for sample in &samples {
        let repository = format!("{}/{}", target.authority(), sample.repository);
        let own: Vec<&Value> =
            arrived.iter().filter(|line| line["repository"] == repository.as_str()).collect();
        let kinds: Vec<&str> = own.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["digest", "digest", "digest", "tag"], "{arrived:#?}");
        let root = sample.root.digest.to_string();
        assert!(own[2]["digest"] == root && own[3]["digest"] == root, "children come first: {arrived:#?}");
        let before = (sample.repository == "team/app").then(|| squatter.manifest.digest.to_string());
        let expected = json!({"event": "tag", "repository": repository, "tag": "1", "digest": root,
            "mediaType": sample.root.media_type, "at": own[3]["at"]});
        let mut found = own[3].clone();
        assert_eq!(found.as_object_mut().unwrap().remove("from"), before.map(Value::from), "{found}");
        assert_eq!(found, expected);
    }
    // What is there already has not arrived. The lines of the first push are gone.
    push(&[]).expect(0);
    assert_eq!(lines(&airlift.read("e.jsonl")), [] as [Value; 0]);
}

#[test]
fn lists_of_referrers_arrive_under_their_tags() {
    let (source, airlift) = (Embedded::start(Options::default()), Airlift::new());
    let sample = made::two_platforms("team/app", 10);
    source.endpoint().push(std::slice::from_ref(&sample));
    let sbom = made::referrer(&sample.root, "application/spdx+json", "sbom");
    made::put(source.endpoint(), "team/app", &sbom, None);
    airlift.run(&["build", &format!("{}/team/app:1", source.authority()), "-o", "b.tar"]).expect(0);
    let target = Embedded::start(Options { referrers: Referrers::Absent, ..Options::default() });
    let pushed = airlift.run(&["push", "b.tar", target.authority(), "--events", "-"]).expect(0);
    let arrived = lines(&pushed.stdout);
    let list = made::tag_of(&sample.root.digest, "");
    let position = |tag: &str| arrived.iter().position(|line| line["tag"] == tag);
    assert!(position(&list) < position("1") && position(&list).is_some(), "{arrived:#?}");
    let is_sbom = |line: &Value| line["digest"] == sbom.manifest.digest.to_string();
    assert!(arrived.iter().any(is_sbom), "{arrived:#?}");
}

#[test]
fn events_on_standard_output_leave_the_result_to_standard_error() {
    let (airlift, _source, _) = made::bundle(&REPOSITORIES, &[]);
    let target = Embedded::start(Options::default());
    let push = ["push", "b.tar", target.authority(), "--events", "-"];
    airlift.run(&[&push[..], &["--json"]].concat()).expect(2).says("standard output");
    airlift.run(&[&push[..], &["--dry-run"]].concat()).expect(2);
    let pushed = airlift.run(&push).expect(0);
    assert_eq!(lines(&pushed.stdout).len(), 8);
    assert!(pushed.stderr.contains("2 pushed"), "{pushed}");
    let none = airlift.run(&[&push[..], &["--quiet"]].concat()).expect(0);
    assert!(none.stdout.is_empty() && none.stderr.contains("2 present"), "{none}");
}

#[test]
fn events_that_can_not_be_written_are_said_before_anything_moves() {
    let (airlift, _source, samples) = made::bundle(&REPOSITORIES, &[]);
    let target = Embedded::start(Options::default());
    fs::write(airlift.path("notes.txt"), "mine").unwrap();
    let push = |events: &str| airlift.run(&["push", "b.tar", target.authority(), "--events", events]);
    let whole = airlift.read("b.tar");
    for events in ["no/such/folder/e.jsonl", ".", "notes.txt", "b.tar"] {
        push(events).expect(4).says("write the events to").says(events);
    }
    assert!(airlift.read("b.tar") == whole && text_of(&airlift, "notes.txt") == "mine");
    assert_eq!(target.endpoint().try_manifest("team/app", "1").status, 404);
    let one_file = ["push", "b.tar", target.authority(), "--events", "x", "--failed", "x"];
    airlift.run(&one_file).expect(2).says("x would be written over");
    // A disk that is full later: the images arrive, and it is said once.
    let full = push("/dev/full").expect(4);
    assert_eq!(full.stderr.matches("the push goes on").count(), 1, "{full}");
    full.says("2 pushed");
    target.endpoint().assert_holds(&samples[1], "team/other");
}

#[test]
fn what_failed_can_be_pushed_again_alone() {
    let (airlift, source, samples) = made::bundle(&["team/app", "team/other", "team/third"], &[]);
    let target = Embedded::start(Options::default());
    let refusing = Script::forwarding(target.authority())
        .rule(|request| {
            let is_it = request.method == "PUT" && request.path().contains("team/other/manifests");
            is_it.then(|| Answer::error(400, "MANIFEST_INVALID", "no"))
        })
        .start();
    let failing = refusing.authority();
    let failed = ["--failed", "failed.txt", "--retries", "0"];
    airlift.run(&[&["push", "b.tar", &failing], &failed[..]].concat()).expect(3).says("2 pushed");
    assert_eq!(text_of(&airlift, "failed.txt"), format!("{}/team/other:1\n", source.authority()));
    let again = ["push", "b.tar", target.authority(), "-f", "failed.txt", "--json"];
    let receipt = airlift.run(&again).expect(0).json("airlift.receipt/v1");
    assert_eq!(receipt["images"].as_array().map(Vec::len), Some(1), "{receipt}");
    target.endpoint().assert_holds(&samples[1], "team/other");
    // The list must not be written over while it is read.
    airlift.run(&[&again[..], &failed[..]].concat()).expect(2).says("failed.txt");
    fs::rename(airlift.path("failed.txt"), airlift.path("old.txt")).unwrap();
    let all = ["push", "b.tar", target.authority(), "-f", "old.txt"];
    airlift.run(&[&all[..], &failed[..]].concat()).expect(0);
    assert_eq!(text_of(&airlift, "failed.txt"), "");
    airlift.run(&["push", "b.tar", target.authority(), "-f", "failed.txt"]).expect(2).says("no image");
    fs::write(airlift.path("other.txt"), format!("{}/team/othr:1\n", source.authority())).unwrap();
    let unknown = airlift.run(&["push", "b.tar", target.authority(), "-f", "other.txt"]).expect(2);
    unknown.says("team/othr:1").says("did you mean");
}

#[test]
fn a_push_that_is_refused_names_all_its_images() {
    let (airlift, source, _) = made::bundle(&REPOSITORIES, &[]);
    let target = Embedded::start(Options::default());
    made::put(target.endpoint(), "team/app", &made::image("linux/amd64", 77), Some("1"));
    airlift.run(&["push", "b.tar", target.authority(), "--failed", "failed.txt"]).expect(5);
    let expected: String =
        REPOSITORIES.iter().map(|one| format!("{}/{one}:1\n", source.authority())).collect();
    assert_eq!(text_of(&airlift, "failed.txt"), expected);
}

#[test]
fn a_copy_has_events_and_names_what_failed() {
    let (_, source, _) = made::bundle(&REPOSITORIES, &[]);
    let (airlift, target) = (Airlift::new(), Embedded::start(Options::default()));
    let list: String = ["team/app", "team/gone", "team/other"]
        .iter()
        .map(|one| format!("{}/{one}:1\n", source.authority()))
        .collect();
    fs::write(airlift.path("l.txt"), list).unwrap();
    let copy = ["copy", "-f", "l.txt", target.authority(), "--failed", "failed.txt", "--events", "e.jsonl"];
    let gone = format!("{}/team/gone:1\n", source.authority());
    airlift.run(&copy).expect(3);
    assert_eq!(
        (text_of(&airlift, "failed.txt"), text_of(&airlift, "e.jsonl")),
        (gone.clone(), String::new())
    );
    airlift.run(&[&copy[..], &["--keep-going"]].concat()).expect(3);
    assert_eq!(text_of(&airlift, "failed.txt"), gone);
    assert_eq!(lines(&airlift.read("e.jsonl")).len(), 8);
}
