//! Before a byte moves, a push asks every target repository whether it may be written to.

use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};

use crate::airlift::Ran;
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

/// Quay lets no one write to an organisation that doesn't exist, and says no more than that.
#[test]
fn at_quay_a_refusal_may_mean_that_there_is_no_organisation() {
    let (airlift, _source, _) = made::bundle(&["team/app", "other/app"], &[]);
    let target = Embedded::start(Options::default());
    let registry = Script::forwarding(target.authority())
        .on("GET", "/v2/auth", |_| Answer::ok("application/json", r#"{"token":"t"}"#))
        .rule(|request| {
            let is_known = request.header("authorization").is_some();
            if is_known && !(opens_upload(request) && request.path().contains("/other/")) {
                return None;
            }
            let realm = format!("http://{}/v2/auth", request.header("host").unwrap_or_default());
            let challenge = format!(r#"Bearer realm="{realm}",service="quay.example""#);
            let words = "access to the requested resource is not authorized";
            Some(Answer::error(401, "UNAUTHORIZED", words).header("WWW-Authenticate", challenge))
        })
        .start();
    let authority = registry.authority();
    for more in [&[][..], &["--dry-run"]] {
        let refused = airlift.run(&[&["push", "b.tar", &authority], more].concat()).expect(3);
        let refused = refused.says("other/app (denied)").says("Quay refuses organisations that don't exist");
        refused.says(&format!("https://{authority}/organizations/new/")).says("repositories: other;");
    }
}

fn ecr_lacks(path: &str) -> Answer {
    let repository = path.trim_start_matches("/v2/").trim_end_matches("/blobs/uploads/");
    let words = format!(
        "The repository with name '{repository}' does not exist in the registry with id '123456789012'"
    );
    Answer::error(404, "NAME_UNKNOWN", &words)
}

/// ECR shows itself by its words, whatever the name in front of it.
#[test]
fn at_ecr_the_commands_that_create_repositories_are_printed() {
    let (airlift, _source, _) = made::bundle(&REPOSITORIES, &[]);
    let target = Embedded::start(Options::default());
    let registry = refusing(&target, |path| (!path.contains("/team/")).then(|| ecr_lacks(path)));
    for more in [&[][..], &["--dry-run"], &["--create-repos"]] {
        let refused = airlift.run(&[&["push", "b.tar", &registry.authority()], more].concat()).expect(3);
        let refused = refused.says("aws ecr create-repository --repository-name other/app\n");
        refused.says("aws ecr create-repository --repository-name third/app\n").says("commands above");
    }
}

/// The scripted registry as a proxy, which may have any name.
#[test]
fn at_ecr_the_commands_name_the_region() {
    let (airlift, _source, _) = made::bundle(&["team/app"], &[]);
    let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let proxy = Script::empty()
        .rule(move |request| {
            let path = request.path().strip_prefix(&format!("http://{host}"))?;
            Some(match (request.method.as_str(), path) {
                ("GET", "/v2/") => Answer::ok("application/json", "{}"),
                ("POST", _) => ecr_lacks(path),
                // ECR's words for any request below a repository that doesn't exist.
                _ => ecr_lacks(path.split("/manifests/").next().unwrap_or_default()),
            })
        })
        .start();
    let push = ["push", "b.tar", host, "--plain-http", host, "--create-repos"];
    let mut command = airlift.command(&push);
    command.env("HTTP_PROXY", format!("http://{}", proxy.authority()));
    let refused = Ran::of(&push, command.output().unwrap()).expect(3);
    let refused = refused.says("aws ecr create-repository --repository-name team/app --region eu-west-1\n");
    refused.says("projects of Harbor only");
}

#[test]
fn a_dry_run_says_what_was_not_asked() {
    let (airlift, _source, _) = made::bundle(&["team/app", "other/app"], &["--platform", "linux/amd64"]);
    let target = Embedded::start(Options::default());
    let dry = ["push", "b.tar", target.authority(), "--dry-run", "--no-probe"];
    let found = airlift.run(&dry).expect(0);
    found.says("whether this login may write 2 images to").says("takes 2 partial images");
    let (airlift, _source, _) = made::bundle(&["team/app"], &[]);
    let ran = airlift.run(&dry).expect(0);
    assert!(ran.says("may write 1 image to").stderr.matches("not asked").count() == 1);
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    assert!(!airlift.run(&dry).expect(0).stderr.contains("not asked"));
}

/// What is known of the other images is of use, too.
#[test]
fn a_dry_run_shows_what_is_known_if_a_look_is_refused() {
    let (airlift, _source, _) = made::bundle(&REPOSITORIES, &[]);
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", target.authority(), "--only", "*/third/app:1"]).expect(0);
    for can_write in [true, false] {
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_refused =
                    request.path().contains("/other/app/") && !(can_write && opens_upload(request));
                is_refused.then(|| Answer::error(401, "UNAUTHORIZED", "not yours"))
            })
            .start();
        let dry = ["push", "b.tar", &registry.authority(), "--dry-run"];
        let found = airlift.run(&dry).expect(3).says("new").says("present").says("unknown");
        let found = if can_write { found.says("can't push to") } else { found.says("other/app (denied)") };
        found.says("not yours");
        let plan = airlift.run(&[&dry[..], &["--json"]].concat()).expect(3).json("airlift.push-plan/v1");
        let states: Vec<_> = (0..3).map(|place| plan["images"][place]["status"].clone()).collect();
        assert_eq!(states, ["unknown", "new", "present"]);
    }
}
