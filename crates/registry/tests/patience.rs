//! How long a host is waited for that gives no sign of life, and what is said of addresses that a registry
//! gave.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use airlift_oci::{Digest, Selector};
use airlift_registry::{Access, Error, LikelyCause, Obstacle, Options};
use support::script::{Reply, Script, Then};
use support::{Bytes, Memory, descriptor, options, repository, transport};

fn tag() -> Selector {
    Selector::Tag("1".parse().unwrap())
}

/// Many tries, and little time for each.
fn quick() -> Options {
    let short = Duration::from_millis(50);
    Options { retries: 5, idle_timeout: short, answer_timeout: short, connect_timeout: short, ..options() }
}

async fn get(repository: &str, options: Options) -> Error {
    let (transport, _) = transport(options);
    transport.get_manifest(&repository.parse().unwrap(), &tag(), Access::Pull).await.unwrap_err()
}

/// An address where nobody is.
fn dead() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_host_that_has_not_answered_once_is_given_up_after_two_tries() {
    let silent = Script::all(|_| Reply::bytes("", "").then(Then::Hang)).await;
    let error = get(&format!("{}/a", silent.address), quick()).await;
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_eq!(error.attempts(), 2, "{error}");
    // The same of a host to which a registry that answers sends us.
    let address = silent.address;
    let there = format!("http://{address}/x");
    let script = Script::new(move |_| Reply::new(307, &[("Location", &there)], "")).await;
    let error = get(&format!("{}/a", script.address), quick()).await;
    assert_eq!(error.attempts(), 2, "{error}");
    // And of one that takes uploads.
    let there = format!("http://{address}/up");
    let script = Script::new(move |_| Reply::new(202, &[("Location", &there)], "")).await;
    let (transport, _) = support::transport(quick());
    let a = repository(script.address, "a");
    let error = transport.put_blob(&a, &Digest::sha256(b"x"), 1, &Bytes(b"x".to_vec())).await.unwrap_err();
    assert!(error.attempts() == 2 && matches!(error, Error::TimedOut { .. }), "{error}");
}

/// A host that accepts connections and says nothing is waited for as long as was asked for, and not for as
/// long as a connection may take besides.
#[tokio::test]
async fn a_connection_without_an_answer_gets_no_more_time_than_an_answer() {
    let silent = Script::all(|_| Reply::bytes("", "").then(Then::Hang)).await;
    let options = Options { connect_timeout: Duration::from_secs(3600), ..quick() };
    let repository = format!("{}/a", silent.address);
    let asked = get(&repository, options);
    let error = tokio::time::timeout(Duration::from_secs(600), asked).await.expect("it is given up");
    assert!(matches!(error, Error::TimedOut { waiting_for: "no answer", .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("no answer for 0.05 s (tried 2 times in "), "{said}");
}

/// Each would wait for the time limit, one after the other.
#[tokio::test]
async fn many_references_of_a_silent_host_wait_for_it_together() {
    let pings = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pings);
    let silent = Script::all(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Reply::bytes("", "").then(Then::Hang)
    })
    .await;
    let (transport, _) = transport(quick());
    let a = repository(silent.address, "a");
    let tag = tag();
    let asks = (0..8).map(|_| transport.get_manifest(&a, &tag, Access::Pull));
    for answer in futures::future::join_all(asks).await {
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }) && error.attempts() == 2, "{error}");
    }
    assert_eq!(pings.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_host_that_has_answered_is_tried_as_often_as_was_asked_for() {
    let script = Script::new(|_| Reply::bytes("", "").then(Then::Hang)).await;
    let error = get(&format!("{}/a", script.address), quick()).await;
    assert!(matches!(error, Error::TimedOut { .. }) && error.attempts() == 6, "{error}");
    // A head is an answer, though nothing follows it.
    let script = Script::all(|request| match request.path() {
        "/v2/" => Reply::new(200, &[], ""),
        _ => Reply::raw(200, &[("Content-Length", "7")], "x").then(Then::Hang),
    })
    .await;
    let (transport, _) = transport(quick());
    let a = repository(script.address, "a");
    let mut sink = Memory::default();
    let error = transport.fetch_blob(&a, &descriptor(b"7 bytes"), &mut sink).await.unwrap_err();
    assert_eq!(error.attempts(), 6, "{error}");
}

#[tokio::test]
async fn a_name_without_an_address_is_said_to_be_that() {
    let error =
        get("nobody.invalid/a", Options { connect_timeout: Duration::from_secs(20), ..quick() }).await;
    assert_eq!(error.attempts(), 2, "{error}");
    let is_name =
        matches!(&error, Error::Unreachable { what: Obstacle::Name(name), .. } if name == "nobody.invalid");
    // Where there is no DNS to ask at all, that takes its time.
    assert!(is_name || matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(!is_name || error.likely_cause() == Some(LikelyCause::UnknownName), "{error}");
}

#[tokio::test]
async fn an_address_that_a_registry_gave_is_said_to_be_its() {
    let none = || Options { retries: 0, ..options() };
    let there = format!("http://{}/x", dead());
    let location = there.clone();
    let script = Script::new(move |_| Reply::new(202, &[("Location", &location)], "")).await;
    let (transport, _) = support::transport(none());
    let a = repository(script.address, "a");
    let error = transport.put_blob(&a, &Digest::sha256(b"x"), 1, &Bytes(b"x".to_vec())).await.unwrap_err();
    let from = |place: &str, script: &Script| {
        format!("(the address is from {place} of {}): can't connect", script.address)
    };
    assert!(error.to_string().contains(&from("the Location header", &script)), "{error}");
    assert_eq!(error.likely_cause(), Some(LikelyCause::GivenAddress), "{error}");

    let location = there.clone();
    let script = Script::new(move |_| Reply::new(307, &[("Location", &location)], "")).await;
    let error = get(&format!("{}/a", script.address), none()).await;
    assert!(error.to_string().contains(&from("a redirect", &script)), "{error}");

    let challenge = format!("Bearer realm={there}");
    let script = Script::all(move |_| Reply::new(401, &[("WWW-Authenticate", &challenge)], "")).await;
    let error = get(&format!("{}/a", script.address), none()).await;
    assert!(error.to_string().contains(&from("the login challenge", &script)), "{error}");

    // What a host says of itself needs no such words.
    let script = Script::new(|request| match request.path() {
        "/moved" => Reply::new(404, &[], ""),
        _ => Reply::new(307, &[("Location", "/moved")], ""),
    })
    .await;
    let (transport, _) = support::transport(none());
    let a = repository(script.address, "a");
    let found = transport.get_manifest(&a, &tag(), Access::Pull).await.unwrap();
    assert!(found.is_none());
}
