//! What a push says of itself: where it can't go, what was asked for in vain, and what it looks at again.

use airlift_oci::Digest;
use airlift_server::Options;
use airlift_server::samples::Sample;
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::{Answer, Script};

use crate::airlift::Airlift;
use crate::made::{self, Embedded};

const REPOSITORY: &str = "team/app";

/// `b.tar` with two-platform images under these names, and their source.
fn bundle(repositories: &[&str]) -> (Airlift, Embedded, Vec<Sample>) {
    made::bundle(repositories, &[])
}

#[test]
fn http_to_a_registry_that_speaks_https_says_what_is_missing() {
    let Some(target) = RealRegistry::debian().with_tls().start() else { return };
    let (airlift, _source, samples) = bundle(&[REPOSITORY]);
    let failed = airlift.run(&["push", "b.tar", target.authority()]).expect(3);
    failed.says("nothing was pushed").says("status 400").says("--ca-file");
    airlift.run(&["push", "b.tar", target.authority(), "--dry-run"]).expect(3).says("--ca-file");
    let ca = target.ca_file().and_then(|path| path.to_str()).expect("it has a certificate");
    airlift.run(&["push", "b.tar", target.authority(), "--ca-file", ca]).expect(0);
    target.endpoint().assert_holds(&samples[0], REPOSITORY);
}

#[test]
fn a_web_server_is_no_empty_registry() {
    let (airlift, _source, _) = bundle(&[REPOSITORY]);
    let page = "<!DOCTYPE html><title>nothing here</title>";
    for status in [404, 400, 405, 410] {
        let not_here = move || Answer::status(status).header("Content-Type", "text/html").body(page);
        let server = Script::empty().rule(move |_| Some(not_here())).start();
        for more in [&[][..], &["--dry-run"], &["--no-probe"]] {
            let authority = server.authority();
            let arguments = [&["push", "b.tar", &authority, "--retries", "0"], more].concat();
            let failed = airlift.run(&arguments).expect(3);
            if status == 404 {
                failed.says("is no registry").says("/v2/").says("404").says("check host and port");
            }
        }
        assert_eq!(server.count("POST", "") + server.count("PUT", ""), 0, "{status}");
        assert!(server.count("HEAD", "") <= 3, "{status}");
    }
    // A page at /v2/ and 404 below it.
    let server = Script::empty()
        .rule(move |request| (request.path() == "/v2/").then(|| Answer::ok("text/html", page)))
        .start();
    airlift.run(&["push", "b.tar", &server.authority()]).expect(3).says("is no registry").says("HTML");
    assert_eq!(server.count("POST", ""), 0);
    // One that shows the same page for everything: said once, not for each image.
    let (airlift, _source, _) = bundle(&["team/app1", "team/app2"]);
    let server = Script::empty().rule(move |_| Some(Answer::ok("text/html", page))).start();
    for more in [&[][..], &["--dry-run"], &["--move-tags"]] {
        let failed = airlift.run(&[&["push", "b.tar", &server.authority()], more].concat()).expect(3);
        assert_eq!(failed.stderr.matches("HTML page").count(), 1, "{failed}");
        failed.says("is no registry").says("check host and port");
    }
}

#[test]
fn a_web_server_is_no_source_either() {
    let airlift = Airlift::new();
    let page = "<!DOCTYPE html><title>nothing here</title>";
    let shop = Script::empty().rule(move |_| Some(Answer::ok("text/html", page))).start();
    let lost = Script::empty().rule(move |_| Some(Answer::status(404).body(page))).start();
    // What is a registry at its top may be behind a page below, and says 404 of what it lacks.
    let behind = Script::empty()
        .rule(move |request| {
            let is_top = request.path() == "/v2/";
            Some(if is_top { Answer::ok("application/json", "{}") } else { Answer::ok("text/html", page) })
        })
        .start();
    for (server, words) in [
        (&shop, &["is no registry", "HTML", "check host and port"][..]),
        (&lost, &["is no registry", "404", "check host and port"]),
        (&behind, &["HTML page: a proxy or login page?"]),
    ] {
        let reference = format!("{}/team/app:1", server.authority());
        let failed = airlift.run(&["build", &reference, "-o", "b.tar", "--retries", "0"]).expect(3);
        words.iter().fold(failed, |failed, word| failed.says(word));
    }
}

#[test]
fn a_login_that_is_missing_is_said_once_for_all_images() {
    let (airlift, _source, _) = bundle(&["team/app1", "team/app2", "other/app1"]);
    let refused = || Answer::error(401, "UNAUTHORIZED", "").header("WWW-Authenticate", "Basic realm=\"x\"");
    let closed = Script::empty().rule(move |_| Some(refused())).start();
    for more in [&[][..], &["--dry-run"]] {
        let push = airlift.run(&[&["push", "b.tar", &closed.authority()], more].concat()).expect(3);
        assert_eq!(push.to_string().matches("no credentials for").count(), 1, "{push}");
        push.says("airlift login");
    }
    // One that lets some in reports the others.
    let target = Embedded::start(Options::default());
    let half = Script::forwarding(target.authority())
        .rule(move |request| request.path().contains("/other/").then(refused))
        .start();
    let push = airlift.run(&["push", "b.tar", &half.authority()]).expect(3);
    push.says("other/app1 (denied)").says("nothing was pushed").says("airlift login");
    assert_eq!(target.endpoint().try_manifest("team/app1", "1").status, 404);
    let push = airlift.run(&["push", "b.tar", &half.authority(), "--no-probe"]).expect(3);
    push.says("2 pushed").says("1 failed");
}

/// Registries behind proxies answer the ping in many ways; an answer that names the API, or that asks for a
/// login, is that of a registry.
#[test]
fn an_odd_answer_at_the_top_that_is_a_registrys_is_taken() {
    let (airlift, _source, samples) = bundle(&[REPOSITORY]);
    let odd: [fn() -> Answer; 4] = [
        || Answer::error(404, "NOT_FOUND", "page not found"),
        || Answer::status(404).header("Docker-Distribution-Api-Version", "registry/2.0"),
        || Answer::status(403),
        || Answer::status(204),
    ];
    for answer in odd {
        let target = Embedded::start(Options::default());
        let registry = Script::forwarding(target.authority())
            .rule(move |request| (request.path() == "/v2/").then(answer))
            .start();
        airlift.run(&["push", "b.tar", &registry.authority()]).expect(0);
        target.endpoint().assert_holds(&samples[0], REPOSITORY);
    }
}

#[test]
fn patterns_need_neither_host_nor_tag() {
    let (airlift, source, _) = bundle(&["team/app1", "team/app2", "other/app1"]);
    let target = Embedded::start(Options::default());
    let host = source.authority();
    for (pattern, count) in [
        ("team/app*", 2),
        ("team/app1", 1),
        ("team/app1:1", 1),
        ("*/app1:*", 2),
        ("*app1", 2),
        (&format!("{host}/team/app1"), 1),
        (&format!("{host}/*"), 3),
    ] {
        let plan =
            airlift.run(&["push", "b.tar", target.authority(), "--dry-run", "--json", "--only", pattern]);
        let plan = plan.expect(0).json("airlift.push-plan/v1");
        assert_eq!(plan["images"].as_array().map(Vec::len), Some(count), "{pattern}");
    }
    for pattern in ["app1", "team", "team/app", "team/app1:2"] {
        airlift.run(&["push", "b.tar", target.authority(), "--only", pattern]).expect(2).says("no image");
    }
}

#[test]
fn a_rule_that_is_of_no_use_says_why() {
    let (airlift, source, _) = bundle(&["team/app1", "team/app2"]);
    let target = Embedded::start(Options::default());
    let host = source.authority();
    let refused = |more: &[&str], reason: &str| {
        let push = airlift.run(&[&["push", "b.tar", target.authority()], more].concat());
        push.expect(2).says("is of no use").says("--map").says(reason);
    };
    let (team, app1) = (format!("{host}/team/=x/"), format!("{host}/team/app1=y"));
    refused(&["--map", "team/=x/"], "no image's name starts with FROM");
    refused(&["--map", "team/=x/"], &format!("{host}/team/app2"));
    let pushed = airlift.run(&["push", "b.tar", target.authority(), "--map", "team/=x/"]).expect(2);
    assert_eq!(pushed.stderr.matches(&format!("{host}/team/app1")).count(), 1, "{pushed}");
    refused(&["--map", &team, "--map", &app1, "--only", "team/app1"], &format!("goes by the rule {app1}"));
    refused(&["--map", &app1, "--only", "team/app2"], "--only");
    refused(&["--map", &format!("{host}/team/app1:1=z")], "without tag");
    refused(&["--map", &format!("{host}/team/app=z")], "within a component");
    assert_eq!(target.endpoint().try_manifest("team/app1", "1").status, 404);
}

#[test]
fn content_that_no_image_names_is_named() {
    let (airlift, _source, _) = bundle(&[REPOSITORY]);
    std::fs::create_dir(airlift.path("layout")).expect("its folder takes folders");
    let mut tar = std::process::Command::new("tar");
    let unpacked = tar.arg("-xf").arg(airlift.path("b.tar")).arg("-C").arg(airlift.path("layout")).status();
    assert!(unpacked.expect("tar runs").success());
    let extra = Digest::sha256(b"nobody's");
    let path = airlift.path("layout").join("blobs/sha256").join(extra.hex());
    std::fs::write(path, b"nobody's").expect("its folder takes files");
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "layout", target.authority()]).expect(0).says(&extra.hex());
}

/// A push believes a tag that answers, with one HEAD for each image; with `--recheck` it sends again what is
/// gone below the tag.
#[test]
fn a_recheck_mends_what_was_lost_below_a_tag() {
    let (airlift, _source, samples) = bundle(&[REPOSITORY]);
    let (sample, target) = (&samples[0], Embedded::start(Options::default()));
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    let (blob, child) = (sample.blobs[1].digest, sample.manifests[1].digest);
    for lost in [format!("/blobs/{blob}"), format!("/manifests/{child}")] {
        // As if it was gone, until it is put.
        let put = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (gone, ordering) = (lost.clone(), std::sync::atomic::Ordering::SeqCst);
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let digest = gone.rsplit('/').next().unwrap_or_default();
                if request.method == "PUT" && request.target.contains(digest) {
                    put.store(true, ordering);
                }
                let is_gone =
                    request.method == "HEAD" && request.path().ends_with(&gone) && !put.load(ordering);
                is_gone.then(|| Answer::status(404))
            })
            .start();
        let push = |more: &[&str]| {
            let ran =
                airlift.run(&[&["push", "b.tar", &registry.authority(), "--json"], more].concat()).expect(0);
            ran.json("airlift.receipt/v1")["images"][0]["status"].as_str().map(str::to_owned)
        };
        assert_eq!(push(&[]).as_deref(), Some("present"));
        assert_eq!(registry.count("PUT", ""), 0);
        assert_eq!(push(&["--recheck"]).as_deref(), Some("pushed"));
        let digest = lost.rsplit('/').next().unwrap_or_default();
        assert_eq!(registry.count("PUT", digest), 1, "{lost}");
        assert_eq!(push(&["--recheck"]).as_deref(), Some("present"));
    }
}
