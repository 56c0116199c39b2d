//! `--create-repos`: projects that are missing at Harbor are created before a push.
//!
//! A real Harbor needs containers and a database, so a script plays what its source says: the token service,
//! the 401 for a project that doesn't exist, and the API for projects.

use std::sync::{Arc, Mutex};

use airlift_server::Options;
use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};
use base64::Engine as _;
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded};

const PASSWORD: &str = "c4nary-password";
const PROJECTS: &str = "/api/v2.0/projects";
const REPOSITORIES: [&str; 4] = ["team/app", "other/app", "team/web", "known/app"];

fn basic() -> String {
    let login = base64::engine::general_purpose::STANDARD.encode(format!("robot$ci:{PASSWORD}"));
    format!("Basic {login}")
}

/// The projects there are, in the order in which they were created.
type Projects = Arc<Mutex<Vec<String>>>;

/// A Harbor whose content is in an embedded registry.
struct Harbor {
    registry: ScriptedRegistry,
    projects: Projects,
    target: Embedded,
}

/// What Harbor's API answers instead of creating a project.
type Api = fn(&Projects, &str) -> Option<Answer>;

impl Harbor {
    fn start(api: Api) -> Self {
        let target = Embedded::start(Options::default());
        let projects: Projects = Arc::new(Mutex::new(vec!["known".to_owned()]));
        let (there, asked) = (Arc::clone(&projects), Arc::clone(&projects));
        let registry = Script::forwarding(target.authority())
            .on("POST", PROJECTS, move |request| create(request, &there, api))
            .rule(move |request| let_in(request, &asked.lock().unwrap()))
            .start();
        Harbor { registry, projects, target }
    }

    fn created(&self) -> usize {
        self.registry.count("POST", PROJECTS)
    }
}

fn create(request: &Request, projects: &Projects, api: Api) -> Answer {
    if request.header("authorization") != Some(&basic()) {
        return Answer::error(401, "UNAUTHORIZED", "unauthorized");
    }
    assert_eq!(request.header("content-type"), Some("application/json"));
    let wanted: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(wanted["metadata"], json!({"public": "false"}));
    let project = wanted["project_name"].as_str().unwrap().to_owned();
    if let Some(answer) = api(projects, &project) {
        return answer;
    }
    let mut projects = projects.lock().unwrap();
    if projects.contains(&project) {
        return Answer::error(409, "CONFLICT", &format!("The project named {project} already exists"));
    }
    projects.push(project);
    Answer::status(201)
}

/// Harbor's answer, unless it lets the request pass. A token is good for the projects that were there when it
/// was issued; a token that isn't good is answered by a challenge for a password.
fn let_in(request: &Request, projects: &[String]) -> Option<Answer> {
    if request.path() == "/service/token" {
        assert_eq!(request.header("authorization"), Some(basic().as_str()));
        let token = json!({"token": format!("t{}", projects.len()), "expires_in": 1800});
        return Some(Answer::ok("application/json", token.to_string()));
    }
    let Some(login) = request.header("authorization") else {
        let realm = format!("http://{}/service/token", request.header("host").unwrap_or_default());
        let challenge = format!(r#"Bearer realm="{realm}",service="harbor-registry""#);
        return Some(
            Answer::error(401, "UNAUTHORIZED", "unauthorized").header("WWW-Authenticate", challenge),
        );
    };
    let path = request.path().strip_prefix("/v2/").filter(|path| !path.is_empty())?;
    let project = path.split('/').next().unwrap_or_default();
    let Some(place) = projects.iter().position(|known| known == project) else {
        let words = format!("project not found, name: {project}: project {project} not found");
        return Some(Answer::error(401, "UNAUTHORIZED", &words).header("WWW-Authenticate", ""));
    };
    let token = login.strip_prefix("Bearer t").and_then(|number| number.parse::<usize>().ok());
    let is_good = token.is_none_or(|issued| place < issued) && project != "closed";
    (!is_good).then(|| {
        let words = format!("unauthorized to access repository: {path}, action: push");
        Answer::error(401, "UNAUTHORIZED", &words).header("WWW-Authenticate", r#"Basic realm="harbor""#)
    })
}

/// Runs it with a login, and makes sure that the password isn't shown.
fn run(airlift: &Airlift, arguments: &[&str], harbor: &Harbor) -> Ran {
    let auth = basic();
    let auth = auth.trim_start_matches("Basic ");
    let file = json!({"auths": {harbor.registry.authority(): {"auth": auth}}});
    std::fs::write(airlift.path("auth.json"), file.to_string()).unwrap();
    let login = ["--auth-file", "auth.json", "-vvv"];
    let ran = airlift.run(&[arguments, &login].concat());
    assert!(!ran.to_string().contains(PASSWORD) && !ran.to_string().contains(auth), "a secret: {ran}");
    ran
}

fn bundle() -> (Airlift, Embedded, Vec<Sample>) {
    made::bundle(&REPOSITORIES, &[])
}

fn creates(_: &Projects, _: &str) -> Option<Answer> {
    None
}

#[test]
fn projects_that_are_missing_are_created_once_and_the_push_goes_on() {
    let (airlift, _source, samples) = bundle();
    let harbor = Harbor::start(creates);
    let push = ["push", "b.tar", &harbor.registry.authority(), "--create-repos"];
    let pushed = run(&airlift, &push, &harbor).expect(0);
    pushed.says("created the project team").says("created the project other").says("4 pushed");
    assert_eq!(harbor.created(), 2);
    // With new tokens: a password is much work for Harbor.
    let by_password = |one: &Request| {
        one.path().starts_with("/v2/")
            && one.header("authorization").is_some_and(|by| by.starts_with("Basic"))
    };
    assert!(!harbor.registry.requests().iter().any(by_password));
    assert_eq!(*harbor.projects.lock().unwrap(), ["known", "other", "team"]);
    for (sample, repository) in samples.iter().zip(REPOSITORIES) {
        harbor.target.endpoint().assert_holds(sample, repository);
    }
    run(&airlift, &push, &harbor).expect(0).says("4 present");
    assert_eq!(harbor.created(), 2);
}

/// One image, and one that is partial: their questions need the project as well.
#[test]
fn a_single_image_and_a_partial_one_get_their_project() {
    for more in [&[][..], &["--platform", "linux/amd64"]] {
        let (airlift, _source, _) = made::bundle(&["team/app"], more);
        let harbor = Harbor::start(creates);
        let authority = harbor.registry.authority();
        let push = ["push", "b.tar", &authority, "--create-repos"];
        let pushed = run(&airlift, &push, &harbor);
        assert_eq!(harbor.created(), 1);
        match more {
            [] => pushed.expect(0).says("1 pushed"),
            // The registry behind it wants all platforms.
            _ => pushed.expect(3).says("requires every child"),
        };
    }
}

#[test]
fn a_copy_creates_them_as_well() {
    let (airlift, source, samples) = bundle();
    let harbor = Harbor::start(creates);
    let reference = format!("{}/team/app:1", source.authority());
    let copy = ["copy", &reference, &harbor.registry.authority(), "--create-repos"];
    run(&airlift, &copy, &harbor).expect(0).says("created the project team");
    assert_eq!(harbor.created(), 1);
    harbor.target.endpoint().assert_holds(&samples[0], "team/app");
}

#[test]
fn nothing_is_created_without_the_option_and_never_by_a_dry_run() {
    let (airlift, _source, _) = bundle();
    let harbor = Harbor::start(creates);
    let authority = harbor.registry.authority();
    for more in [&[][..], &["--dry-run"]] {
        let refused = run(&airlift, &[&["push", "b.tar", &authority], more].concat(), &harbor).expect(3);
        let refused = refused.says("refuses uploads to 3 of 4 repositories").says("missing");
        refused.says(&format!("https://{authority}/harbor/projects: other, team;")).says("--create-repos");
    }
    let dry = ["push", "b.tar", &authority, "--create-repos", "--dry-run"];
    let found = run(&airlift, &dry, &harbor).expect(0);
    let found = found.says("would be created: at").says("other, team");
    assert_eq!(found.text().matches(" new").count(), 4, "{found}");
    let plan =
        run(&airlift, &[&dry[..], &["--json"]].concat(), &harbor).expect(0).json("airlift.push-plan/v1");
    assert_eq!(plan["missingProjects"], json!(["other", "team"]));
    run(&airlift, &["push", "b.tar", &authority, "--create-repos", "--no-probe"], &harbor).expect(2);
    assert_eq!(harbor.created(), 0);
    assert_eq!(harbor.registry.count("PUT", ""), 0);
}

#[test]
fn a_project_that_another_client_creates_meanwhile_is_as_good() {
    let (airlift, _source, _) = bundle();
    let harbor = Harbor::start(|projects, project| {
        projects.lock().unwrap().push(project.to_owned());
        Some(Answer::error(409, "CONFLICT", "already exists"))
    });
    let push = ["push", "b.tar", &harbor.registry.authority(), "--create-repos"];
    let pushed = run(&airlift, &push, &harbor).expect(0);
    assert!(!pushed.stderr.contains("created the project"), "{pushed}");
}

/// What was created stays, so each form of the output says so.
#[test]
fn projects_that_were_created_are_named_without_progress_and_before_a_refusal() {
    for quiet in [&["--quiet"][..], &["--progress", "none"]] {
        let (airlift, _source, _) = bundle();
        let harbor = Harbor::start(|_, project| {
            (project == "team").then(|| Answer::error(403, "FORBIDDEN", "the quota is used up"))
        });
        let push = ["push", "b.tar", &harbor.registry.authority(), "--create-repos"];
        let refused = run(&airlift, &[&push[..], quiet].concat(), &harbor).expect(3);
        let refused = refused.says("created the project other").says("the project team can't be created");
        refused.says("the project other was created before it, and stays; nothing was pushed");
        assert_eq!(*harbor.projects.lock().unwrap(), ["known", "other"]);
    }
}

#[test]
fn a_project_that_is_missing_though_the_registry_says_it_is_there_is_called_so() {
    let answers: [Api; 2] =
        [|_, _| Some(Answer::status(201)), |_, _| Some(Answer::error(409, "CONFLICT", "already exists"))];
    for api in answers {
        let (airlift, _source, _) = bundle();
        let harbor = Harbor::start(api);
        let push = ["push", "b.tar", &harbor.registry.authority(), "--create-repos"];
        let refused = run(&airlift, &push, &harbor).expect(3);
        let refused = refused.says("said that it has these projects").says("missing: other, team;");
        refused.says("nothing was pushed").says("/harbor/projects");
        assert_eq!((harbor.created(), harbor.registry.count("PUT", "")), (2, 0));
    }
}

#[test]
fn a_project_that_may_not_be_created_is_named_with_the_answer() {
    let answers: [(Api, &[&str]); 5] = [
        (
            |_, _| Some(Answer::error(403, "FORBIDDEN", "Only system admin can create project")),
            &["FORBIDDEN", "don't allow", "airlift login"],
        ),
        (
            |_, _| Some(Answer::error(401, "UNAUTHORIZED", "no")),
            &["status 401", "wrong credentials?", "airlift login"],
        ),
        // What it repeats of the request is not shown.
        (
            |_, _| Some(Answer::status(400).body(format!("{} {PASSWORD}", basic()))),
            &["400", "<redacted>", "--map"],
        ),
        // An answer that isn't that of the API.
        (|_, _| Some(Answer::ok("text/html", "<!DOCTYPE html>")), &["200"]),
        (|_, _| Some(Answer::status(404)), &["404"]),
    ];
    for (api, words) in answers {
        let (airlift, _source, _) = bundle();
        let harbor = Harbor::start(api);
        let push = ["push", "b.tar", &harbor.registry.authority(), "--create-repos", "--failed", "f.txt"];
        let refused = run(&airlift, &push, &harbor).expect(3);
        let refused = words.iter().fold(refused, |refused, word| refused.says(word));
        let refused = refused.says("the project other can't be created").says("nothing was pushed");
        refused.says("project team not found").says("projects: other, team");
        // The next project would be refused as well.
        assert_eq!((harbor.created(), harbor.registry.count("PUT", "")), (1, 0));
        assert_eq!(String::from_utf8(airlift.read("f.txt")).unwrap().lines().count(), 4);
    }
}

#[test]
fn a_passing_fault_of_the_api_is_repeated() {
    let (airlift, _source, _) = made::bundle(&["team/app"], &[]);
    let harbor = Harbor::start(|projects, project| {
        // It was created, and the answer was lost.
        let mut projects = projects.lock().unwrap();
        let is_first = !projects.iter().any(|known| known == project);
        is_first.then(|| {
            projects.push(project.to_owned());
            Answer::hang_up()
        })
    });
    run(&airlift, &["push", "b.tar", &harbor.registry.authority(), "--create-repos"], &harbor).expect(0);
    assert_eq!(harbor.created(), 2);
}

/// Nothing is created for a push that would be refused for another reason.
#[test]
fn nothing_is_created_if_something_else_is_in_the_way() {
    let (airlift, source, _) = made::bundle(&["team/app", "closed/app", "known/app"], &[]);
    let harbor = Harbor::start(creates);
    harbor.projects.lock().unwrap().push("closed".to_owned());
    let authority = harbor.registry.authority();
    let push = ["push", "b.tar", &authority, "--create-repos"];
    let refused = run(&airlift, &push, &harbor).expect(3);
    let refused = refused.says("team/app (missing)").says("closed/app (denied)");
    refused.says("only if nothing else is in the way");
    // A tag that is taken.
    let other = made::two_platforms("known/app", 70);
    harbor.target.endpoint().push(std::slice::from_ref(&other));
    let images = ["--only", "*/team/app:1", "--only", "*/known/app:1"];
    run(&airlift, &[&push[..], &images].concat(), &harbor).expect(5).says("would take its place");
    // A name that is in no project.
    let map = format!("{}/team/app=lonely", source.authority());
    let lonely = ["--only", "*/team/app:1", "--map", &map];
    run(&airlift, &[&push[..], &lonely].concat(), &harbor).expect(3).says("at least one part below it");
    assert_eq!(harbor.created(), 0);
}

#[test]
fn other_products_are_not_asked_to_create_anything() {
    let (airlift, _source, _) = bundle();
    let target = Embedded::start(Options::default());
    let registry = Script::forwarding(target.authority())
        .rule(|request| {
            let is_upload = request.method == "POST";
            is_upload.then(|| Answer::error(404, "NAME_UNKNOWN", "no such repository"))
        })
        .start();
    for more in [&[][..], &["--dry-run"]] {
        let push = ["push", "b.tar", &registry.authority(), "--create-repos"];
        let refused = airlift.run(&[&push[..], more].concat()).expect(3);
        refused.says("projects of Harbor only").says("create the projects or repositories first");
    }
    assert_eq!(registry.count("POST", "/api/"), 0);
}
