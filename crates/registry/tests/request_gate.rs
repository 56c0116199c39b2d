//! How many requests are in flight at one registry: a bounded number, fewer where it says 429; and each
//! answer makes room for the next.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use airlift_oci::{Digest, Repository};
use airlift_registry::{Access, HeadTrust, Lookup, Transport};
use airlift_testkit::scripted::{Answer, Gate, Script, ScriptedRegistry};
use support::{Bytes, content, options, transport};
use tokio::task::JoinSet;

/// How many requests a registry gets at first.
const FIRST: usize = 16;

/// Looks for so many blobs, all side by side.
fn look_for(transport: &Transport, registry: &ScriptedRegistry, count: usize) -> JoinSet<()> {
    let repository: Repository = format!("{}/team/app", registry.authority()).parse().unwrap();
    let look = |number: usize| {
        let (transport, repository) = (transport.clone(), repository.clone());
        async move {
            let blob = (Digest::sha256(&number.to_be_bytes()), 1);
            let found = transport.look_up_blob(&repository, blob, Access::Pull, HeadTrust::Always).await;
            assert!(matches!(found.unwrap(), Lookup::Absent));
        }
    };
    (0..count).map(look).collect()
}

/// Waits until so many HEADs have come, then a little more for one too many.
async fn wait_for_heads(registry: &ScriptedRegistry, count: usize) {
    while registry.count("HEAD", "/blobs/") < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(registry.count("HEAD", "/blobs/"), count);
}

fn is_head(request: &airlift_testkit::scripted::Request) -> bool {
    request.method == "HEAD" && request.path().contains("/blobs/")
}

#[tokio::test]
async fn a_bounded_number_is_in_flight_and_all_are_made() {
    let gate = Gate::new();
    let held = gate.clone();
    let registry = Script::empty()
        .on("GET", "/v2/", |_| Answer::status(200))
        .rule(move |request| is_head(request).then(|| Answer::status(404).after(&held)))
        .start();
    let (transport, _) = transport(options());
    let looks = look_for(&transport, &registry, 200);
    wait_for_heads(&registry, FIRST).await;
    gate.open();
    looks.join_all().await;
    assert_eq!(registry.count("HEAD", "/blobs/"), 200, "each is made once");
}

#[tokio::test]
async fn a_registry_that_has_enough_gets_half_as_many() {
    for status in [429, 503] {
        let (refusals, rest) = (Gate::new(), Gate::new());
        let (first, later, count) = (refusals.clone(), rest.clone(), AtomicUsize::new(0));
        let registry = Script::empty()
            .on("GET", "/v2/", |_| Answer::status(200))
            .rule(move |request| {
                is_head(request).then(|| match count.fetch_add(1, Ordering::SeqCst) {
                    0..FIRST => Answer::error(status, "TOOMANYREQUESTS", "slower").after(&first),
                    _ => Answer::status(404).after(&later),
                })
            })
            .start();
        let (transport, _) = transport(options());
        let looks = look_for(&transport, &registry, 60);
        wait_for_heads(&registry, FIRST).await;
        refusals.open();
        wait_for_heads(&registry, FIRST + FIRST / 2).await;
        rest.open();
        looks.join_all().await;
        let repeated = if status == 429 { FIRST } else { 0 };
        assert_eq!(registry.count("HEAD", "/blobs/"), 60 + repeated);
    }
}

/// Bodies of large blobs don't take the room of small requests, nor wait for it.
#[tokio::test]
async fn large_uploads_are_not_counted() {
    let (bodies, heads) = (Gate::new(), Gate::new());
    let (held, looked) = (bodies.clone(), heads.clone());
    let registry = Script::empty()
        .on("GET", "/v2/", |_| Answer::status(200))
        .rule(|request| {
            let location = "/v2/team/app/blobs/uploads/1";
            (request.method == "POST").then(|| Answer::status(202).header("Location", location))
        })
        .rule(move |request| (request.method == "PUT").then(|| Answer::status(201).after(&held)))
        .rule(move |request| is_head(request).then(|| Answer::status(404).after(&looked)))
        .start();
    let (transport, _) = transport(options());
    let repository: Repository = format!("{}/team/app", registry.authority()).parse().unwrap();
    let blob = Arc::new(content(1 << 20));
    let mut uploads = JoinSet::new();
    for _ in 0..FIRST / 2 {
        let (transport, repository, blob) = (transport.clone(), repository.clone(), Arc::clone(&blob));
        uploads.spawn(async move {
            let digest = Digest::sha256(&blob);
            transport.put_blob(&repository, &digest, 1 << 20, &Bytes(blob.to_vec())).await.unwrap();
        });
    }
    while registry.count("PUT", "/blobs/") < FIRST / 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let looks = look_for(&transport, &registry, 40);
    wait_for_heads(&registry, FIRST).await;
    heads.open();
    looks.join_all().await;
    bodies.open();
    uploads.join_all().await;
}
