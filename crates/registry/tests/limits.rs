//! Every answer ends: in bytes, in time, in steps. Heads, manifests, tokens, errors, redirects, pages and
//! blobs that don't.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::time::Duration;

use airlift_oci::{Digest, Selector};
use airlift_registry::{Access, ContentFault, Effort, Error, HeadTrust, Options};
use support::script::{Reply, Request, Script, Then};
use support::{Bytes, Memory, content, descriptor, options, repository, transport};

fn tag() -> Selector {
    Selector::Tag("1".parse().unwrap())
}

fn quick() -> Options {
    Options {
        connect_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(100),
        answer_timeout: Duration::from_millis(250),
        retries: 1,
        ..options()
    }
}

/// Patient with time, so that only an amount can end it.
fn patient() -> Options {
    let hour = Duration::from_secs(3600);
    Options { connect_timeout: hour, idle_timeout: hour, answer_timeout: hour, retries: 1, ..options() }
}

/// Refuses to wait for an hour, and gives a busy machine all the time that it needs.
async fn ends<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(600), work).await.expect("it ends long before the hour is over")
}

fn fault(error: &Error) -> Option<&ContentFault> {
    match error {
        Error::Content { fault, .. } => Some(fault),
        _ => None,
    }
}

/// One GET of a manifest that is answered like this.
async fn manifest(reply: Reply, options: Options) -> Error {
    let longest = options.answer_timeout.max(options.idle_timeout);
    let script = Script::new(move |_| reply.clone()).await;
    let (transport, _) = transport(options);
    let target = repository(script.address, "a");
    let error = ends(transport.get_manifest(&target, &tag(), Access::Pull)).await.unwrap_err();
    assert!(!matches!(error, Error::TimedOut { after, .. } if after > longest), "{error}");
    error
}

const CHUNKED: &str = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Chunks of a body that never ends.
fn chunks() -> Vec<u8> {
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend_from_slice(&[b' '; 0x10000]);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

#[tokio::test]
async fn a_head_ends() {
    let endless = Reply::bytes("HTTP/1.1 200 X\r\n", "Name: value\r\n".repeat(100)).then(Then::Endless);
    let error = manifest(endless, patient()).await;
    assert!(matches!(error, Error::Unreachable { effort: Effort { attempts: 2, .. }, .. }), "{error}");
    let one_line = Reply::bytes("HTTP/1.1 200 X\r\nName: ", "v".repeat(10_000)).then(Then::Endless);
    let error = manifest(one_line, patient()).await;
    assert!(matches!(error, Error::Unreachable { effort: Effort { attempts: 2, .. }, .. }), "{error}");
    // Each byte of it comes in time; all of it doesn't.
    let slow = Reply::bytes("", format!("HTTP/1.1 200 X\r\nX: {}\r\n\r\n", "x".repeat(1000)));
    let error = manifest(slow.then(Then::Drip(0)), quick()).await;
    assert!(
        matches!(error, Error::TimedOut { waiting_for: "no answer", effort: Effort { attempts: 2, .. }, .. }),
        "{error}"
    );
    let provisional = Reply::bytes("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)).then(Then::Endless);
    let error = manifest(provisional, quick()).await;
    assert!(
        matches!(error, Error::TimedOut { waiting_for: "no answer", effort: Effort { attempts: 2, .. }, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_manifest_ends() {
    let error = manifest(Reply::bytes(CHUNKED, chunks()).then(Then::Endless), patient()).await;
    assert!(matches!(fault(&error), Some(ContentFault::TooLarge { what: "manifest", .. })), "{error}");
    let slow = Reply::new(200, &[], "x".repeat(1000)).then(Then::Drip(100));
    // The minimum rate is off, so that the time for the whole is what ends it.
    let error = manifest(slow.clone(), Options { minimum_rate: 0, ..quick() }).await;
    assert!(
        matches!(
            error,
            Error::TimedOut { waiting_for: "no whole answer", effort: Effort { attempts: 2, .. }, .. }
        ),
        "{error}"
    );
    let error = manifest(slow, quick()).await;
    assert!(
        matches!(error, Error::TooSlow { minimum: 1024, effort: Effort { attempts: 2, .. }, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_ends() {
    let logged_in = async |token: Reply, options: Options| {
        let script = Script::all(move |request| match request.path() {
            "/token" => token.clone(),
            _ => {
                let host = request.header("host").unwrap_or_default();
                let challenge = format!(r#"Bearer realm="http://{host}/token""#);
                Reply::new(401, &[("WWW-Authenticate", &challenge)], "")
            }
        })
        .await;
        let (transport, _) = transport(options);
        let result = transport.get_manifest(&repository(script.address, "a"), &tag(), Access::Pull).await;
        result.unwrap_err()
    };
    let error = logged_in(Reply::bytes(CHUNKED, chunks()).then(Then::Endless), patient()).await;
    assert!(matches!(fault(&error), Some(ContentFault::TooLarge { what: "token answer", .. })), "{error}");
    let slow = Reply::new(200, &[], "x".repeat(1000)).then(Then::Drip(100));
    let error = logged_in(slow, Options { minimum_rate: 0, ..quick() }).await;
    assert!(
        matches!(
            error,
            Error::TimedOut { waiting_for: "no whole answer", effort: Effort { attempts: 2, .. }, .. }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_error_ends() {
    for status in [400, 404, 403, 500] {
        let head = format!("HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n");
        let reply = Reply::bytes(&head, chunks()).then(Then::Endless);
        let script = Script::new(move |_| reply.clone()).await;
        let (transport, _) = transport(patient());
        let target = repository(script.address, "a");
        let mut sink = Memory::default();
        let error = ends(transport.fetch_blob(&target, &descriptor(b"x"), &mut sink)).await;
        assert_eq!(error.unwrap_err().refusal().unwrap().status, status);
    }
    // What came until the time was up is told.
    let slow = Reply::new(403, &[], "no entry".repeat(100)).then(Then::Drip(200));
    let error = manifest(slow, Options { minimum_rate: 0, ..quick() }).await;
    assert!(matches!(error, Error::Denied(_)) && error.to_string().contains("no entry"), "{error}");
    // The refusal of a token service, and of a first contact.
    let script = Script::all(|_| Reply::bytes("HTTP/1.1 503 X\r\n\r\n", chunks()).then(Then::Endless)).await;
    let (transport, _) = transport(patient());
    let target = repository(script.address, "a");
    let error = transport.look_up(&target, &tag(), Access::Pull, HeadTrust::IfFound).await.unwrap_err();
    assert!(matches!(&error, Error::Server(refusal) if refusal.effort.attempts == 2), "{error}");
}

#[tokio::test]
async fn an_error_with_a_million_words_is_told_in_a_few() {
    let nested =
        format!(r#"{{"errors":[{{"code":"X","detail":{}{}}}]}}"#, "[".repeat(9000), "]".repeat(9000));
    let many = format!(r#"{{"errors":[{}{{"code":"X"}}]}}"#, r#"{"code":"DENIED"},"#.repeat(3000));
    for body in [nested, many] {
        let text = manifest(Reply::new(403, &[], body), patient()).await.to_string();
        assert!(text.len() < 5000, "{}", text.len());
    }
}

#[tokio::test]
async fn redirects_and_pages_end() {
    let script = Script::new(|request| Reply::new(307, &[("Location", &request.target)], "")).await;
    let (transport, _) = transport(patient());
    let target = repository(script.address, "a");
    let error = transport.get_manifest(&target, &tag(), Access::Pull).await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
    assert_eq!(script.requests().len(), 11);
    // A list of referrers whose pages lead back, and one whose pages never end.
    let digest = Digest::sha256(b"subject");
    for circle in [true, false] {
        let script = Script::new(move |request| {
            let next = if circle { 7 } else { request.before };
            let link = format!("</v2/a/referrers/x?page={next}>; rel=\"next\"");
            Reply::new(200, &[("Link", &link)], r#"{"schemaVersion":2,"manifests":[]}"#)
        })
        .await;
        let target = repository(script.address, "a");
        let error = transport.referrers(&target, &digest, Access::Pull).await.unwrap_err();
        assert!(matches!(fault(&error), Some(ContentFault::Endless)), "{error}");
        assert!(script.requests().len() <= 1001);
    }
}

/// `bytes=N-` of a request.
fn range(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

#[tokio::test]
async fn a_blob_that_drips_is_given_up_and_goes_on_elsewhere() {
    let bytes = content(100_000);
    let expected = bytes.clone();
    let script = Script::new(move |request| match range(request) {
        None => Reply::new(200, &[], &*bytes).then(Then::Drip(50_000)),
        Some(start) => {
            let range = format!("bytes {start}-99999/100000");
            Reply::new(206, &[("Content-Range", &range)], &bytes[start..])
        }
    })
    .await;
    // Each byte comes in time, but not many of them.
    let (transport, log) = transport(quick());
    let mut sink = Memory::default();
    let target = repository(script.address, "a");
    transport.fetch_blob(&target, &descriptor(&expected), &mut sink).await.unwrap();
    assert!(sink.bytes == expected && sink.restarts == 0);
    let retries = log.retries();
    assert!(retries[0].0.contains("1024 bytes a second are the least"), "{retries:?}");
}

#[tokio::test]
async fn a_blob_that_only_drips_is_an_error_unless_that_is_what_was_asked_for() {
    let bytes = content(60);
    let expected = bytes.clone();
    let script = Script::new(move |_| Reply::new(200, &[], &*bytes).then(Then::Drip(0))).await;
    let target = repository(script.address, "a");
    let fetch = async |options: Options| {
        let (transport, _) = transport(options);
        transport.fetch_blob(&target, &descriptor(&expected), &mut Memory::default()).await
    };
    let error = fetch(quick()).await.unwrap_err();
    assert!(matches!(error, Error::TooSlow { effort: Effort { attempts: 2, .. }, .. }), "{error}");
    fetch(Options { minimum_rate: 0, ..quick() }).await.unwrap();
    fetch(Options { minimum_rate: 1 << 20, limit_rate: Some(1 << 19), ..quick() }).await.unwrap();
}

#[tokio::test]
async fn a_slow_rate_of_our_own_is_no_stall() {
    let bytes = content(2048);
    let script = Script::new(|request| match request.method.as_str() {
        "POST" => Reply::new(202, &[("Location", "/v2/up")], ""),
        "PUT" => Reply::new(201, &[], ""),
        _ => Reply::new(200, &[], content(2048)),
    })
    .await;
    // One piece is booked for a quarter of a second.
    let slow = Options { limit_rate: Some(8192), minimum_rate: 8192, ..quick() };
    let (transport, log) = transport(slow);
    let target = repository(script.address, "a");
    transport.put_blob(&target, &Digest::sha256(&bytes), 2048, &Bytes(bytes.clone())).await.unwrap();
    transport.fetch_blob(&target, &descriptor(&bytes), &mut Memory::default()).await.unwrap();
    assert!(log.retries().is_empty(), "{:?}", log.retries());
}
