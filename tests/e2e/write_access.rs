//! Before a byte moves, a push asks every target repository whether it may be written to.

use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};

use crate::made::{self, Embedded};

const REPOSITORIES: [&str; 3] = ["team/app", "other/app", "third/app"];

fn opens_upload(request: &Request) -> bool {
    request.method == "POST" && request.path().ends_with("/blobs/uploads/")
}

/// A registry that answers uploads to some repositories like this.
fn refusing(
    target: &Embedded,
    answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
) -> ScriptedRegistry {
    Script::forwarding(target.authority())
        .rule(move |request| if opens_upload(request) { answer(request.path()) } else { None })
        .start()
}

#[test]
fn every_missing_and_denied_repository_is_named_before_anything_moves() {
    let (airlift, _source, _) = made::bundle(&REPOSITORIES, &[]);
    let target = Embedded::start(Options::default());
    let registry = refusing(&target, |path| match path {
        path if path.contains("other/") => Some(Answer::error(404, "NAME_UNKNOWN", "no such repository")),
        path if path.contains("third/") => Some(Answer::error(403, "DENIED", "requested access is denied")),
        _ => None,
    });
    for more in [&[][..], &["--dry-run"], &["--jobs", "1"]] {
        let refused = airlift.run(&[&["push", "b.tar", &registry.authority()], more].concat()).expect(3);
        let refused = refused.says("other/app").says("missing").says("third/app").says("denied");
        let refused = refused.says("refuses uploads to 2 of 3 repositories").says("NAME_UNKNOWN");
        refused.says("nothing was pushed").says("airlift login").says("--no-probe");
    }
    assert_eq!(registry.count("PUT", ""), 0);
    // What was opened in the third repository was cancelled.
    assert_eq!(registry.count("DELETE", "team/app/blobs/uploads/"), 3, "{:#?}", registry.requests());
    // Without the question, the others are pushed.
    let pushed = airlift.run(&["push", "b.tar", &registry.authority(), "--no-probe"]).expect(3);
    pushed.says("1 pushed").says("2 failed");
}

#[test]
fn what_is_present_is_not_asked_for_and_repositories_are_asked_once() {
    let (airlift, source, _) = made::bundle(&["team/app", "other/app"], &[]);
    let target = Embedded::start(Options::default());
    let second = made::two_platforms("team/app", 90);
    let second = airlift_server::samples::Sample { tag: "2".to_owned(), ..second };
    source.endpoint().push(std::slice::from_ref(&second));
    let references: Vec<String> = ["team/app:1", "team/app:2", "other/app:1"]
        .iter()
        .map(|name| format!("{}/{name}", source.authority()))
        .collect();
    let build: Vec<&str> =
        ["build", "-o", "c.tar"].into_iter().chain(references.iter().map(String::as_str)).collect();
    airlift.run(&build).expect(0);
    airlift.run(&["push", "b.tar", target.authority(), "--only", "*/other/app:1"]).expect(0);
    let registry = refusing(&target, |_| None);
    airlift.run(&["push", "c.tar", &registry.authority(), "--dry-run"]).expect(0);
    let asked: Vec<Request> = registry.requests().into_iter().filter(opens_upload).collect();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert!(asked[0].path().contains("team/app"));
    airlift.run(&["push", "c.tar", &registry.authority(), "--dry-run", "--no-probe"]).expect(0);
    assert_eq!(registry.requests().iter().filter(|request| opens_upload(request)).count(), 1);
}

/// A strange answer to the question doesn't stop a push that works.
#[test]
fn only_a_clear_refusal_counts() {
    let answers: [fn() -> Answer; 7] = [
        || Answer::status(500),
        || Answer::status(404),
        || Answer::status(405),
        || Answer::error(429, "TOOMANYREQUESTS", "slow down"),
        || Answer::ok("text/html", "<!DOCTYPE html>"),
        || Answer::status(202),
        Answer::hang_up,
    ];
    for answer in answers {
        let (airlift, _source, samples) = made::bundle(&["team/app"], &[]);
        let target = Embedded::start(Options::default());
        let first = std::sync::atomic::AtomicBool::new(true);
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_first =
                    opens_upload(request) && first.swap(false, std::sync::atomic::Ordering::SeqCst);
                is_first.then(answer)
            })
            .start();
        airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(0);
        target.endpoint().assert_holds(&samples[0], "team/app");
    }
    // A registry that doesn't cancel uploads.
    let (airlift, _source, _) = made::bundle(&["team/app"], &[]);
    let target = Embedded::start(Options::default());
    let registry = Script::forwarding(target.authority())
        .rule(|request| (request.method == "DELETE").then(|| Answer::status(405)))
        .start();
    airlift.run(&["push", "b.tar", &registry.authority()]).expect(0);
}

/// Harbor asks for a login where a project is missing. Another login would not help.
#[test]
fn a_missing_project_is_no_missing_login() {
    let (airlift, _source, _) = made::bundle(&REPOSITORIES, &[]);
    let registry = Script::empty()
        .on("GET", "/v2/", |_| Answer::ok("application/json", "{}"))
        .rule(|request| {
            let project = request.path().trim_start_matches('/').split('/').nth(1).unwrap_or_default();
            let words = format!("project {project} not found");
            let challenge = "Basic realm=\"x\"";
            Some(Answer::error(401, "UNAUTHORIZED", &words).header("WWW-Authenticate", challenge))
        })
        .start();
    for more in [&[][..], &["--dry-run"]] {
        let refused = airlift.run(&[&["push", "b.tar", &registry.authority()], more].concat()).expect(3);
        refused.says("refuses uploads to 3 of 3").says("other, team, third").says("missing");
    }
}
