//! Manifests from a registry that is slow, broken, or lies; and which failures are repeated.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::time::Duration;

use airlift_oci::{Digest, Selector, media_type};
use airlift_registry::{Access, ContentFault, Effort, Error, HeadTrust, Lookup, Options, PullLimit};
use support::script::{Reply, Script, Then};
use support::{Memory, descriptor, options, repository, told, transport};

const MANIFEST: &[u8] = b"{ \"schemaVersion\":2,  \"manifests\" : [] }\n";

fn tag() -> Selector {
    Selector::Tag("1".parse().unwrap())
}

fn by_digest(bytes: &[u8]) -> Selector {
    Selector::Digest(Digest::sha256(bytes))
}

fn fault(error: &Error) -> Option<&ContentFault> {
    match error {
        Error::Content { fault, .. } => Some(fault),
        _ => None,
    }
}

/// One GET of a manifest that is answered like this.
async fn manifest(selector: Selector, reply: Reply) -> Result<Vec<u8>, Error> {
    let script = Script::new(move |_| reply.clone()).await;
    let (transport, _) = transport(options());
    let fetched = transport.get_manifest(&repository(script.address, "a/b"), &selector, Access::Pull).await?;
    Ok(fetched.expect("not a 404").bytes.to_vec())
}

#[tokio::test]
async fn a_manifest_comes_as_its_bytes_with_what_the_registry_says_of_it() {
    let digest = Digest::sha256(MANIFEST).to_string();
    let media = format!("{}; charset=utf-8", media_type::OCI_INDEX);
    let script = Script::new(move |request| {
        let body = if request.method == "HEAD" { &b""[..] } else { MANIFEST };
        let length = MANIFEST.len().to_string();
        let headers =
            [("Content-Type", &*media), ("Docker-Content-Digest", &*digest), ("Content-Length", &*length)];
        Reply::raw(200, &headers, body)
    })
    .await;
    let (transport, _) = transport(options());
    let repository = repository(script.address, "a/b");
    let fetched = transport.get_manifest(&repository, &tag(), Access::Pull).await.unwrap().unwrap();
    assert_eq!(fetched.bytes, MANIFEST);
    assert_eq!(fetched.content_type.as_deref(), Some(media_type::OCI_INDEX));
    assert_eq!(fetched.digest_header, Some(Digest::sha256(MANIFEST)));
    let head = transport
        .look_up(&repository, &tag(), Access::Pull, HeadTrust::IfDigestGiven)
        .await
        .unwrap()
        .there()
        .unwrap();
    assert_eq!((head.size, head.digest), (Some(MANIFEST.len() as u64), Some(Digest::sha256(MANIFEST))));
    for request in script.requests() {
        let accept = request.header("accept").unwrap();
        assert!(media_type::ACCEPTED_MANIFESTS.iter().all(|wanted| accept.contains(wanted)), "{accept}");
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert!(request.header("user-agent").unwrap().starts_with("airlift/"));
        assert_eq!((request.header("authorization"), request.header("referer")), (None, None));
    }
}

#[tokio::test]
async fn absence_is_an_answer_not_an_error() {
    let script = Script::new(|_| Reply::new(404, &[], "{}")).await;
    let (transport, log) = transport(options());
    let repository = repository(script.address, "a/b");
    assert_eq!(transport.get_manifest(&repository, &tag(), Access::Pull).await.unwrap(), None);
    let found = transport.look_up(&repository, &tag(), Access::Push, HeadTrust::Always).await.unwrap();
    assert_eq!(found, Lookup::Absent);
    let blob = (Digest::sha256(b""), 0);
    let found = transport.look_up_blob(&repository, blob, Access::Pull, HeadTrust::Always).await.unwrap();
    assert_eq!(found, Lookup::Absent);
    let result = transport.fetch_blob(&repository, &descriptor(b"x"), &mut Memory::default()).await;
    assert!(matches!(result, Err(Error::NotFound(_))));
    assert!(log.retries().is_empty());
    assert_eq!(script.requests().len(), 4);
}

#[tokio::test]
async fn manifests_that_are_not_what_they_should_be() {
    let ok = |headers: &[(&str, &str)]| Reply::new(200, headers, MANIFEST);
    assert_eq!(manifest(by_digest(MANIFEST), ok(&[])).await.unwrap(), MANIFEST);
    assert_eq!(manifest(tag(), ok(&[("Content-Encoding", "identity")])).await.unwrap(), MANIFEST);

    let error = manifest(by_digest(b"other"), ok(&[])).await.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Digest { .. })), "{error}");
    let header = Digest::sha256(b"other").to_string();
    let error = manifest(tag(), ok(&[("Docker-Content-Digest", &header)])).await.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Header { .. })), "{error}");

    let page = "<!DOCTYPE html><html>Please log in</html>";
    for headers in [&[("Content-Type", "text/html")][..], &[("Content-Type", "application/json")]] {
        for selector in [tag(), by_digest(MANIFEST)] {
            let error = manifest(selector, Reply::new(200, headers, page)).await.unwrap_err();
            assert!(matches!(fault(&error), Some(ContentFault::Html)), "{error}");
            assert!(error.to_string().contains("proxy or login page"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_manifest_over_the_limit_is_refused_announced_or_not() {
    let claims = Reply::raw(200, &[("Content-Length", "4194305")], "x").then(Then::Hang);
    let error = manifest(tag(), claims).await.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::TooLarge { limit: 4_194_304, .. })), "{error}");
    let unannounced = Reply::raw(200, &[], vec![b' '; 4_194_305]);
    let error = manifest(tag(), unannounced).await.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::TooLarge { .. })), "{error}");
    let just_fits = Reply::raw(200, &[], vec![b' '; 4_194_304]);
    assert_eq!(manifest(tag(), just_fits).await.unwrap().len(), 4_194_304);
}

#[tokio::test]
async fn too_many_requests_wait_as_long_as_the_registry_says() {
    let script = Script::new(|request| match request.before {
        0 => Reply::new(
            429,
            &[("Retry-After", "1")],
            r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#,
        ),
        1 => Reply::new(503, &[], "").then(Then::Reset),
        _ => Reply::new(200, &[], MANIFEST),
    })
    .await;
    let (transport, log) = transport(Options { longest_pause: Duration::from_secs(1), ..options() });
    transport.get_manifest(&repository(script.address, "a"), &tag(), Access::Pull).await.unwrap().unwrap();
    let retries = log.retries();
    let (reason, attempt, pause) = &retries[0];
    assert!(reason.contains("TOOMANYREQUESTS: slow down"), "{reason}");
    // Far more than backing off by itself comes to.
    assert_eq!((*attempt, *pause, retries.len()), (2, 1000, 2));
}

#[tokio::test]
async fn a_registry_that_wants_to_be_left_alone_for_long_is_not_asked_again() {
    let date = "Fri, 31 Dec 2999 23:59:59 GMT";
    for (status, after, told) in [
        (408, "7200", "come back in 2 h"),
        (429, "301", "come back in 6 min"),
        (429, date, "come back in "),
        (500, "600", "come back in 10 min"),
        (502, "600", "come back in 10 min"),
        (503, "99999999999999999999", "come back in "),
        (504, date, "come back in "),
    ] {
        let script = Script::all(move |request| match request.path() {
            "/v2/" if status == 504 => Reply::new(504, &[("Retry-After", after)], ""),
            "/v2/" => Reply::new(200, &[], ""),
            _ => Reply::new(status, &[("Retry-After", after)], ""),
        })
        .await;
        let longest_pause = Options::default().longest_pause;
        let (transport, log) = transport(Options { longest_pause, ..options() });
        let repository = repository(script.address, "a");
        let error = transport.get_manifest(&repository, &tag(), Access::Pull).await.unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        assert_eq!((error.attempts(), log.retries().len()), (1, 0), "{error}");
    }
}

#[tokio::test]
async fn the_limit_of_pulls_is_read_and_told() {
    let words = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit."}]}"#;
    let script = Script::new(move |request| {
        let limit = ("ratelimit-limit", "100;w=21600");
        match (request.method.as_str(), request.path()) {
            ("HEAD", _) => Reply::new(200, &[limit, ("ratelimit-remaining", "76;w=21600")], ""),
            (_, "/v2/a/manifests/1") => {
                Reply::new(200, &[limit, ("ratelimit-remaining", "75;w=21600")], MANIFEST)
            }
            (_, "/v2/b/manifests/1") => {
                let used_up = ("ratelimit-remaining", "0;w=21600");
                Reply::new(429, &[limit, used_up, ("Retry-After", "1500")], words)
            }
            _ => Reply::new(429, &[], words),
        }
    })
    .await;
    let (transport, _) = transport(Options { retries: 0, ..options() });
    let a = repository(script.address, "a");
    let left = || transport.pull_limit(a.host()).map(|limit| limit.remaining);
    assert_eq!(left(), None);
    transport.look_up(&a, &tag(), Access::Pull, HeadTrust::IfFound).await.unwrap().there().unwrap();
    let window = Some(Duration::from_secs(21600));
    assert_eq!(transport.pull_limit(a.host()), Some(PullLimit { limit: 100, remaining: 76, window }));
    transport.get_manifest(&a, &tag(), Access::Pull).await.unwrap().unwrap();
    assert_eq!(left(), Some(75));
    let c = repository(script.address, "c");
    let text = transport.get_manifest(&c, &tag(), Access::Pull).await.unwrap_err().to_string();
    assert!(
        text.ends_with("the registry's limit of requests is used up, and it doesn't say until when"),
        "{text}"
    );
    let b = repository(script.address, "b");
    let text = transport.get_manifest(&b, &tag(), Access::Pull).await.unwrap_err().to_string();
    assert!(text.contains("TOOMANYREQUESTS: You have reached your unauthenticated"), "{text}");
    assert!(text.contains("limit of 100 pulls in 6 h is used up; come back in 25 min"), "{text}");
    assert_eq!(left(), Some(0));
    let text = transport.get_manifest(&c, &tag(), Access::Pull).await.unwrap_err().to_string();
    assert!(text.contains("limit of 100 pulls in 6 h is used up: come back within 6 h"), "{text}");
    assert_eq!(transport.pull_limit(&"other.example".parse().unwrap()), None);
}

#[tokio::test]
async fn a_429_that_has_nothing_to_do_with_pulls_is_not_explained() {
    let script = Script::new(|_| Reply::new(429, &[("Retry-After", "7")], "slow down")).await;
    let (transport, _) = transport(Options { retries: 0, ..options() });
    let a = repository(script.address, "a");
    let text = transport.get_manifest(&a, &tag(), Access::Pull).await.unwrap_err().to_string();
    assert!(text.ends_with("status 429 Too Many Requests: slow down; come back in 7 s"), "{text}");
}

#[tokio::test]
async fn what_passes_is_repeated_and_then_given_up_with_the_count() {
    for status in [408, 429, 500, 502, 503, 504] {
        let script = Script::new(move |_| Reply::new(status, &[], "")).await;
        let (transport, _) = transport(options());
        let repository = repository(script.address, "a");
        let error = transport.get_manifest(&repository, &tag(), Access::Pull).await.unwrap_err();
        assert_eq!((error.attempts(), script.requests().len()), (4, 4), "{error}");
        assert!(error.to_string().contains("tried 4 times"), "{error}");
        assert_eq!(error.refusal().unwrap().status, status);
    }
    for status in [400, 401, 403, 405, 501] {
        let script = Script::new(move |_| Reply::new(status, &[], "")).await;
        let (transport, log) = transport(options());
        let repository = repository(script.address, "a");
        let error = transport.get_manifest(&repository, &tag(), Access::Pull).await.unwrap_err();
        assert_eq!((error.attempts(), script.requests().len(), log.retries().len()), (1, 1, 0), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable_after_all_attempts() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (transport, log) = transport(options());
    let error = transport.get_manifest(&repository(address, "a"), &tag(), Access::Pull).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { effort: Effort { attempts: 4, .. }, .. }), "{error}");
    assert!(told(&error).contains("Connection refused"), "{}", told(&error));
    assert_eq!(log.retries().len(), 3);
}

#[tokio::test]
async fn errors_are_told_in_the_registrys_words_and_without_secrets() {
    let body = r#"{"errors":[{"code":"DENIED","message":"quota \u001b[31mexceeded","detail":{"quota":7}}]}"#;
    let script = Script::new(move |_| Reply::new(403, &[("Content-Type", "application/json")], body)).await;
    let (transport, _) = transport(options());
    let error =
        transport.get_manifest(&repository(script.address, "a"), &tag(), Access::Pull).await.unwrap_err();
    assert!(matches!(error, Error::Denied(_)));
    let text = error.to_string();
    let expected = format!(
        "GET http://{}/v2/a/manifests/1: status 403 Forbidden: DENIED: quota \\u{{1b}}[31mexceeded ({{\"quota\":7}})",
        script.address
    );
    assert_eq!(text, expected);
}
