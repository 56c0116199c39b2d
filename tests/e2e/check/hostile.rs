//! Registries that lie, refuse, or answer in their own ways.

use std::time::Duration;

use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Answer, Gate, Request, Script, ScriptedRegistry};
use serde_json::json;

use super::{document, states};
use crate::airlift::{Airlift, Ran};
use crate::made::two_platforms;

/// A registry that answers by a rule of its own, and a lock of its one image.
struct Odd {
    registry: ScriptedRegistry,
    airlift: Airlift,
    sample: Sample,
    reference: String,
}

impl Odd {
    fn start(rule: impl Fn(&Sample, &Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let sample = two_platforms("team/app", 1);
        let known = sample.clone();
        let registry =
            Script::serving(vec![sample.clone()]).rule(move |request| rule(&known, request)).start();
        let reference = format!("{}/team/app:1@{}", registry.authority(), sample.root.digest);
        Odd { registry, airlift: Airlift::new(), sample, reference }
    }

    fn check(&self, more: &[&str]) -> Ran {
        self.airlift.run(&[&["check", &self.reference, "--json", "--retries", "0"], more].concat())
    }

    /// The one state of a check.
    fn state(&self, code: i32, more: &[&str]) -> String {
        states(&document(&self.check(more).expect(code)))[0].to_owned()
    }
}

fn is_head(request: &Request) -> bool {
    request.method == "HEAD"
}

fn is_of_blob(request: &Request) -> bool {
    request.path().contains("/blobs/")
}

#[test]
fn a_get_decides_where_heads_say_no() {
    let odd = Odd::start(|_, request| is_head(request).then(|| Answer::error(404, "NOT_FOUND", "no")));
    assert_eq!(odd.state(0, &[]), "ok");
    let odd = Odd::start(|_, request| is_head(request).then(|| Answer::status(405)));
    assert_eq!(odd.state(0, &[]), "ok");
}

#[test]
fn a_registry_that_says_yes_to_everything_is_found_out() {
    // To everything, with the same body.
    for body in ["ok", "{}"] {
        let odd = Odd::start(move |_, _| Some(Answer::ok("application/octet-stream", body)));
        let by_tag = odd.reference.split_once('@').unwrap().0;
        for reference in [&odd.reference, by_tag] {
            let ran = odd.airlift.run(&["check", reference, "--json", "--retries", "0"]).expect(3);
            let found = document(&ran);
            assert_eq!(states(&found), ["unreachable"], "{reference}");
            assert!(found["entries"][0].get("tagDigest").is_none(), "{found}");
        }
    }
    // To every blob, with a length or without, while nothing is there.
    let odd =
        Odd::start(|_, request| is_of_blob(request).then(|| Answer::ok("application/octet-stream", "ok")));
    assert_eq!(odd.state(1, &[]), "incomplete");
    let yes = |request: &Request| {
        let answer = Answer::ok("application/octet-stream", "").without_length();
        is_of_blob(request).then_some(answer)
    };
    let odd = Odd::start(move |_, request| yes(request));
    let found = document(&odd.check(&[]).expect(3));
    assert_eq!(states(&found), ["unreachable"]);
    let error = found["entries"][0]["error"].as_str().unwrap();
    assert!(error.contains("one that can't exist"), "{error}");
    assert_eq!(odd.state(1, &["--deep"]), "damaged");
    // To HEADs alone: GETs are asked then.
    let odd = Odd::start(move |_, request| yes(request).filter(|_| is_head(request)));
    assert_eq!(odd.state(0, &[]), "ok");
}

/// A GET has to show a byte of the blob, not only a status that promises one.
#[test]
fn an_answer_without_a_byte_is_no_blob() {
    for (status, headers) in [
        (206, &[][..]),
        (206, &[("Content-Range", "bytes 0-0/1")]),
        (416, &[]),
        (206, &[("Content-Range", "x")]),
    ] {
        let odd = Odd::start(move |sample, request| {
            let is_it = request.path().ends_with(&sample.blobs[1].digest.to_string());
            let get = headers.iter().fold(Answer::status(status), |answer, (name, value)| {
                answer.header(name, value.replace("/1", "/1000"))
            });
            is_it.then(|| if is_head(request) { Answer::error(404, "BLOB_UNKNOWN", "no") } else { get })
        });
        let found = document(&odd.check(&[]).expect(1));
        assert_eq!(states(&found), ["incomplete"], "{status} {headers:?}");
        assert_eq!(found["entries"][0]["missing"], json!([odd.sample.blobs[1].digest]));
    }
}

/// A receipt may come from anywhere. Its names make no lines that look like results.
#[test]
fn names_of_a_receipt_forge_no_lines() {
    let odd = Odd::start(|_, _| None);
    let (digest, authority) = (odd.sample.root.digest, odd.registry.authority());
    let receipt = json!({"schema": "airlift.receipt/v1", "bundle": digest, "target": authority, "images": [{
        "source": "a\nok  forged:1\u{1b}[2J", "target": format!("{authority}/team/gone:1"), "digest": digest,
        "mediaType": "x", "status": "pushed", "children": [], "referrers": []}]});
    std::fs::write(odd.airlift.path("r.json"), receipt.to_string()).unwrap();
    let ran = odd.airlift.run(&["check", "r.json"]).expect(1).says("a\\nok  forged:1\\u{1b}[2J");
    assert!(!ran.text().contains('\u{1b}'), "{ran}");
}

/// Each reason has its own advice.
#[test]
fn images_that_fail_for_different_reasons_have_a_hint_each() {
    let odd =
        Odd::start(|_, request| request.is_manifest().then(|| Answer::error(401, "UNAUTHORIZED", "no")));
    let down = "127.0.0.1:1/team/app:1";
    let ran = odd.airlift.run(&["check", down, &odd.reference, "--retries", "0"]).expect(3);
    let hints = ran.text().lines().filter(|line| line.starts_with("hint: unreachable: ")).count();
    assert_eq!(hints, 2, "{ran}");
}

#[test]
fn refusals_and_other_servers_are_no_losses() {
    for status in [401, 403, 500, 503] {
        let odd = Odd::start(move |_, request| {
            request.path().contains("/manifests/").then(|| Answer::error(status, "DENIED", "not for you"))
        });
        assert_eq!(odd.state(3, &[]), "unreachable", "{status}");
        let odd = Odd::start(move |_, request| {
            is_of_blob(request).then(|| Answer::error(status, "DENIED", "not for you"))
        });
        assert_eq!(odd.state(3, &[]), "unreachable", "{status}");
    }
    // A web server knows nothing at all.
    let odd = Odd::start(|_, _| Some(Answer::status(404).body("<html>not found</html>")));
    let document = document(&odd.check(&[]).expect(3));
    assert_eq!(states(&document), ["unreachable"]);
    assert!(document["entries"][0]["error"].as_str().unwrap().contains("is no registry"), "{document}");
}

#[test]
fn other_bytes_of_a_manifest_are_a_loss_and_those_of_a_blob_are_found_by_reading() {
    let odd = Odd::start(|sample, request| {
        let child = sample.manifests[0].digest.to_string();
        request.path().ends_with(&child).then(|| Answer::ok("application/json", "{}"))
    });
    let found = document(&odd.check(&[]).expect(1));
    assert_eq!(states(&found), ["incomplete"]);
    assert_eq!(found["entries"][0]["missing"], json!([odd.sample.manifests[0].digest]));
    assert!(found["entries"][0]["error"].as_str().unwrap().contains("hash to"), "{found}");

    let odd = Odd::start(|sample, request| {
        let blob = &sample.blobs[1];
        let is_it = request.path().ends_with(&blob.digest.to_string());
        let answer = Answer::ok("application/octet-stream", vec![7; blob.bytes.len()]);
        (is_it && !is_head(request)).then_some(answer)
    });
    assert_eq!(odd.state(0, &[]), "ok");
    let found = document(&odd.check(&["--deep"]).expect(1));
    assert_eq!(states(&found), ["damaged"]);
    assert_eq!(found["entries"][0]["damaged"], json!([odd.sample.blobs[1].digest]));
    // Each blob was read once.
    let gets = odd.registry.count("GET", &odd.sample.blobs[0].digest.to_string());
    assert_eq!(gets, 1);
}

#[test]
fn each_digest_is_asked_for_once_however_many_names_it_has() {
    let odd = Odd::start(|_, _| None);
    let by_tag = odd.reference.split_once('@').unwrap().0;
    let arguments = ["check", &odd.reference, by_tag, &odd.reference, "--json", "--retries", "0"];
    let ran = odd.airlift.run(&arguments).expect(0);
    assert_eq!(states(&document(&ran)), ["ok", "ok", "ok"]);
    for content in &odd.sample.blobs {
        assert_eq!(odd.registry.count("HEAD", &content.digest.to_string()), 1);
        assert_eq!(odd.registry.count("GET", &content.digest.to_string()), 0);
    }
    for content in &odd.sample.manifests {
        assert_eq!(odd.registry.count("GET", &content.digest.to_string()), 1);
    }
    // All below a tag is asked for by digest, so a tag that moves meanwhile mixes nothing.
    assert_eq!(odd.registry.count("GET", "/manifests/1"), 1);
}

#[test]
fn a_host_that_is_down_is_tried_by_one_request() {
    let odd = Odd::start(|_, _| Some(Answer::hang_up()));
    let list: String =
        (0..50).map(|number| format!("{}/team/app-{number}:1\n", odd.registry.authority())).collect();
    std::fs::write(odd.airlift.path("l.txt"), list).unwrap();
    let ran = odd.airlift.run(&["check", "l.txt", "--json", "--retries", "1"]).expect(3);
    assert!(states(&document(&ran)).iter().all(|state| *state == "unreachable"));
    let requests = odd.registry.requests().len();
    assert!(requests <= 4, "{requests} requests");
}

/// It answers only after the other host was asked for everything. If that never comes, the wait ends all the
/// same, and the test fails.
#[test]
fn a_silent_host_holds_up_no_other() {
    let gate = Gate::new();
    let held = gate.clone();
    let silent = Script::empty().rule(move |_| Some(Answer::status(404).after(&held))).start();
    let odd = Odd::start(|_, _| None);
    let mut list: String =
        (0..100).map(|number| format!("{}/team/app-{number}:1\n", silent.authority())).collect();
    list += &odd.reference;
    std::fs::write(odd.airlift.path("l.txt"), list).unwrap();
    let last = odd.sample.blobs.last().unwrap().digest.to_string();
    let is_asked = || odd.registry.count("HEAD", &last) > 0;
    let (ran, was_asked) = std::thread::scope(|scope| {
        let ran = scope.spawn(|| odd.airlift.run(&["check", "l.txt", "--json", "--retries", "0"]));
        (0..3000).take_while(|_| !is_asked()).for_each(|_| std::thread::sleep(Duration::from_millis(10)));
        let was_asked = is_asked();
        gate.open();
        (ran.join().unwrap(), was_asked)
    });
    assert!(was_asked, "the other host waited");
    let document = document(&ran.expect(3));
    let states = states(&document);
    assert_eq!((states[0], states[99], states[100]), ("unreachable", "unreachable", "ok"));
}
