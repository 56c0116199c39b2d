//! Registries whose HEADs say something else than their GETs, or that say nothing at all of what is absent.

use airlift_server::Options;
use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};
use serde_json::Value;

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded};

const REPOSITORY: &str = "team/app";

/// `b.tar` with a two-platform image, and its source.
fn bundle() -> (Airlift, Embedded, Sample) {
    let (airlift, source, mut samples) = made::bundle(&[REPOSITORY], &[]);
    (airlift, source, samples.remove(0))
}

fn push(airlift: &Airlift, registry: &ScriptedRegistry, more: &[&str]) -> Ran {
    airlift.run(&[&["push", "b.tar", &registry.authority(), "--retries", "0"], more].concat())
}

fn receipt(ran: &Ran) -> Value {
    ran.json("airlift.receipt/v1")["images"][0].clone()
}

fn is_look(request: &Request, of: &str) -> bool {
    matches!(request.method.as_str(), "GET" | "HEAD") && request.path().contains(of)
}

/// A registry that answers HEADs like this, and does all else as it should.
fn heads(target: &Embedded, of: &'static str, answer: fn(&Request) -> Answer) -> ScriptedRegistry {
    Script::forwarding(target.authority())
        .rule(move |request| {
            (request.method == "HEAD" && request.path().contains(of)).then(|| answer(request))
        })
        .start()
}

/// What registries answer to a HEAD of a manifest that a GET serves.
const USELESS: [fn(&Request) -> Answer; 9] = [
    |_| Answer::status(404),
    |_| Answer::status(400),
    |_| Answer::status(401),
    |_| Answer::status(403),
    |_| Answer::status(405),
    |_| Answer::status(500),
    |_| Answer::status(200),
    |_| Answer::status(200).header("Docker-Content-Digest", format!("sha256:{:064x}", 7)),
    |_| Answer::ok("text/html", "<html>"),
];

#[test]
fn no_head_moves_a_tag() {
    let (airlift, _source, sample) = bundle();
    let target = Embedded::start(Options::default());
    let other = made::image("linux/amd64", 50);
    made::put(target.endpoint(), REPOSITORY, &other, Some("1"));
    for answer in USELESS {
        let registry = heads(&target, "/manifests/", answer);
        let refused = push(&airlift, &registry, &[]).expect(5);
        refused.says(&other.manifest.digest.to_string()).says("--move-tags");
        push(&airlift, &registry, &["--dry-run"]).expect(5).says("TAKEN");
        assert_eq!(registry.count("POST", "") + registry.count("PUT", ""), 0);
        assert!(target.endpoint().manifest(REPOSITORY, "1") == other.manifest.bytes);
    }
    let registry = heads(&target, "/manifests/", USELESS[0]);
    push(&airlift, &registry, &["--move-tags"]).expect(0);
    target.endpoint().assert_holds(&sample, REPOSITORY);
}

#[test]
fn an_image_is_found_whatever_heads_say() {
    let (airlift, _source, sample) = bundle();
    let target = Embedded::start(Options::default());
    target.endpoint().push(std::slice::from_ref(&sample));
    for answer in USELESS {
        let registry = heads(&target, "/manifests/", answer);
        let pushed = push(&airlift, &registry, &["--json"]).expect(0);
        assert_eq!(receipt(&pushed)["status"], "present");
        assert_eq!(registry.count("POST", "") + registry.count("PUT", ""), 0);
    }
}

#[test]
fn a_build_asks_again_where_a_head_finds_nothing() {
    let (airlift, source, sample) = bundle();
    for answer in USELESS.into_iter().take(7) {
        let registry = heads(&source, "/manifests/", answer);
        for reference in [format!("{REPOSITORY}:1"), format!("{REPOSITORY}@{}", sample.root.digest)] {
            let reference = format!("{}/{reference}", registry.authority());
            for _ in 0..2 {
                airlift.run(&["build", &reference, "-o", "again.tar", "--force", "--retries", "0"]).expect(0);
            }
            assert!(registry.count("HEAD", "/manifests/") > 0, "the second build looks first");
        }
        // A tag is gone only if a GET says so.
        let pinned = format!("{}/{REPOSITORY}:1@{}", registry.authority(), sample.root.digest);
        let built =
            airlift.run(&["build", &pinned, "-o", "again.tar", "--force", "--retries", "0"]).expect(0);
        assert!(!built.stderr.contains("gone") && !built.stderr.contains("moved"), "{built}");
    }
}

/// Artifactory's virtual repositories say 403 of all that is absent; uploads are taken.
#[test]
fn where_absent_is_refused_the_list_of_tags_decides() {
    let (airlift, _source, sample) = bundle();
    for (tags, arrives) in [
        (None, true),
        (Some(Answer::error(404, "NAME_UNKNOWN", "no such repository")), true),
        (Some(Answer::ok("application/json", r#"{"name":"team/app","tags":["2"]}"#)), true),
        (Some(Answer::ok("application/json", r#"{"name":"team/app","tags":["1"]}"#)), false),
        (Some(Answer::error(403, "DENIED", "not permitted")), false),
        (Some(Answer::status(405)), false),
        (Some(Answer::status(500)), false),
        // No list, and no word on the repository: that says nothing of the tag.
        (Some(Answer::status(404)), false),
        (Some(Answer::ok("application/json", "{}")), false),
    ] {
        // Where nothing is said after a 401, what lacks is a login, whatever may be moved.
        for status in [403, 401, 400].into_iter().filter(|status| arrives || *status != 401) {
            let target = Embedded::start(Options::default());
            let (behind, tags) = (target.endpoint().clone(), tags.clone());
            let registry = Script::forwarding(target.authority())
                .rule(move |request| {
                    let reference = request.path().rsplit('/').next().unwrap_or_default();
                    let is_hidden = is_look(request, "/manifests/")
                        && behind.try_manifest(REPOSITORY, reference).status == 404;
                    is_hidden.then(|| Answer::error(status, "DENIED", "not permitted"))
                })
                .rule(move |request| request.path().ends_with("/tags/list").then(|| tags.clone()).flatten())
                .start();
            if arrives {
                push(&airlift, &registry, &[]).expect(0);
            } else {
                let dry = push(&airlift, &registry, &["--dry-run"]).expect(3);
                dry.says("unknown").says("--move-tags").says(&status.to_string());
                let failed = push(&airlift, &registry, &["--json"]).expect(3);
                let error = receipt(&failed)["error"].to_string();
                assert!(error.contains("--move-tags") && error.contains(&status.to_string()), "{error}");
                assert_eq!(registry.count("PATCH", "") + registry.count("PUT", ""), 0);
                push(&airlift, &registry, &["--move-tags", "--dry-run"]).expect(0);
                push(&airlift, &registry, &["--move-tags"]).expect(0);
            }
            target.endpoint().assert_holds(&sample, REPOSITORY);
        }
    }
}

/// Storage whose addresses are signed for GET refuses HEADs; other registries refuse both, or have no length.
#[test]
fn a_blob_that_can_not_be_looked_at_is_asked_for_or_sent() {
    let (airlift, _source, sample) = bundle();
    let first = &sample.blobs[1];
    for (head, get, sent) in [
        (403, None, false),
        (405, None, false),
        (503, None, false),
        (404, None, true),
        (403, Some(403), true),
        (401, Some(401), true),
        (400, Some(400), true),
    ] {
        let target = Embedded::start(Options::default());
        target.endpoint().push_blob(REPOSITORY, &first.bytes, &first.digest);
        let registry = Script::forwarding(target.authority())
            .rule(move |request| match request.method.as_str() {
                "HEAD" if request.path().contains("/blobs/") => Some(Answer::status(head)),
                "GET" if request.path().contains("/blobs/sha256") => get.map(Answer::status),
                _ => None,
            })
            .start();
        push(&airlift, &registry, &[]).expect(0);
        target.endpoint().assert_holds(&sample, REPOSITORY);
        let again = registry.count("PUT", &first.digest.to_string());
        assert_eq!(again, usize::from(sent), "{head} {get:?}");
        let looked = registry.requests().into_iter().filter(|request| is_look(request, "/blobs/sha256"));
        assert!(looked.filter(|r| r.method == "GET").all(|r| r.header("range") == Some("bytes=0-0")));
    }
}

/// A look at all that is below an image finds less than there is: then that is sent again, and nothing is
/// called lost.
#[test]
fn a_recheck_that_may_not_look_sends_it_again() {
    let (airlift, _source, sample) = bundle();
    for status in [401, 403, 405] {
        let target = Embedded::start(Options::default());
        target.endpoint().push(std::slice::from_ref(&sample));
        let child = sample.manifests[0].digest.to_string();
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_it = request.method == "HEAD" && request.path().ends_with(&child);
                is_it.then(|| Answer::status(status))
            })
            .rule(move |request| is_look(request, "/blobs/").then(|| Answer::status(status)))
            .start();
        push(&airlift, &registry, &["--recheck"]).expect(0);
        target.endpoint().assert_holds(&sample, REPOSITORY);
    }
}

/// The platforms that a bundle leaves out are there; a HEAD that denies it must not make a partial image of
/// it.
#[test]
fn children_that_are_there_are_found_whatever_heads_say() {
    let (airlift, _source, mut samples) = made::bundle(&[REPOSITORY], &["--platform", "linux/amd64"]);
    let sample = samples.remove(0);
    for answer in USELESS.into_iter().take(6) {
        let target = Embedded::start(Options::default());
        target.endpoint().push(std::slice::from_ref(&Sample { tag: "old".to_owned(), ..sample.clone() }));
        let registry = heads(&target, "/manifests/", answer);
        push(&airlift, &registry, &[]).expect(0);
        target.endpoint().assert_holds(&sample, REPOSITORY);
    }
}
