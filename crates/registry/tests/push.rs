//! Sending to a registry that is slow, broken, or lies.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use airlift_oci::{Digest, Repository, Selector, media_type};
use airlift_registry::{BlobPieces, BlobSource, ContentFault, Effort, Error, Mount, Options, UploadPermit};
use airlift_testkit::scripted::{self, Answer, Gate};
use futures::FutureExt;
use futures::future::BoxFuture;
use support::script::{Reply, Request, Script, Then};
use support::{Bytes, Corrupt, Log, content, options, repository, told, transport};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Opens sessions at a relative location with a state in its query, and takes what comes.
fn accepting(request: &Request) -> Reply {
    match request.method.as_str() {
        "POST" => Reply::new(202, &[("Location", "/v2/a/blobs/uploads/1?_state=a%2Bb%3D")], ""),
        _ => Reply::new(201, &[], ""),
    }
}

async fn put(script: &Script, bytes: &[u8], options: Options) -> (Result<u64, Error>, std::sync::Arc<Log>) {
    let (transport, log) = transport(options);
    let digest = Digest::sha256(bytes);
    let repository = repository(script.address, "a");
    let result = transport.put_blob(&repository, &digest, bytes.len() as u64, &Bytes(bytes.to_vec())).await;
    (result.map(|put| put.uploaded), log)
}

fn fault(error: &Error) -> Option<&ContentFault> {
    match error {
        Error::Content { fault, .. } => Some(fault),
        _ => None,
    }
}

#[tokio::test]
async fn a_blob_goes_up_by_post_and_one_put() {
    for size in [0, 1, 262_144, 1_000_000] {
        let bytes = content(size);
        let script = Script::new(accepting).await;
        let (result, log) = put(&script, &bytes, options()).await;
        assert_eq!((result.unwrap(), log.progress()), (size as u64, size as u64));
        let requests = script.requests();
        assert_eq!(script.lines(), ["POST /v2/a/blobs/uploads/", "PUT /v2/a/blobs/uploads/1"]);
        assert_eq!(requests[0].header("content-length"), Some("0"));
        let expected = format!("/v2/a/blobs/uploads/1?_state=a%2Bb%3D&digest={}", Digest::sha256(&bytes));
        assert_eq!(requests[1].target, expected, "the location's own query must stay as it is");
        assert_eq!(requests[1].header("content-length"), Some(&*size.to_string()));
        assert_eq!(requests[1].header("transfer-encoding"), None);
        assert!(requests[1].body == bytes);
    }
}

/// A source that is read by a permit. The permits are counted.
struct Counted {
    content: Bytes,
    permits: Arc<Semaphore>,
    permit: fn(OwnedSemaphorePermit) -> UploadPermit,
}

impl BlobSource for Counted {
    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        self.content.open()
    }

    fn permit(&self) -> BoxFuture<'_, UploadPermit> {
        let permits = Arc::clone(&self.permits);
        async move { (self.permit)(permits.acquire_owned().await.unwrap()) }.boxed()
    }
}

/// A registry that opens uploads, and answers each when the gate is open.
fn slow_to_answer(gate: &Gate) -> scripted::ScriptedRegistry {
    let gate = gate.clone();
    scripted::Script::empty()
        .on("GET", "/v2/", |_| Answer::status(200))
        .on("POST", "/v2/a/blobs/uploads/", |_| {
            Answer::status(202).header("Location", "/v2/a/blobs/uploads/1")
        })
        .rule(move |request| (request.method == "PUT").then(|| Answer::status(201).after(&gate)))
        .start()
}

#[tokio::test]
async fn a_permit_is_wanted_by_an_open_session_and_given_back_before_the_answer() {
    let gate = Gate::new();
    let registry = slow_to_answer(&gate);
    let (transport, _) = transport(options());
    let repository: Repository = format!("{}/a", registry.authority()).parse().unwrap();
    let permits = Arc::new(Semaphore::new(1));
    let only = Arc::clone(&permits).acquire_owned().await.unwrap();
    let put = |number: u8| {
        let (transport, repository, permits) = (transport.clone(), repository.clone(), Arc::clone(&permits));
        async move {
            let bytes = vec![number; 1_200_000];
            let source = Counted { content: Bytes(bytes.clone()), permits, permit: UploadPermit::until_sent };
            transport.put_blob(&repository, &Digest::sha256(&bytes), 1_200_000, &source).await.unwrap();
        }
    };
    let puts: JoinSet<()> = (0..3).map(put).collect();
    let wait = |method, count| {
        let registry = &registry;
        async move {
            while registry.count(method, "/blobs/") < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    wait("POST", 3).await;
    assert_eq!(registry.count("PUT", "/blobs/"), 0, "there is no permit");
    drop(only);
    // One permit is enough for three requests that have no answer yet.
    wait("PUT", 3).await;
    gate.open();
    puts.join_all().await;
    assert_eq!(permits.available_permits(), 1);
}

/// What was sent may still be in the system's buffers.
#[tokio::test]
async fn a_permit_may_last_until_the_answer() {
    let gate = Gate::new();
    let registry = slow_to_answer(&gate);
    let (transport, _) = transport(options());
    let repository: Repository = format!("{}/a", registry.authority()).parse().unwrap();
    let permits = Arc::new(Semaphore::new(1));
    let bytes = vec![7; 1000];
    let (content, permit) = (Bytes(bytes.clone()), UploadPermit::until_answered);
    let source = Counted { content, permits: Arc::clone(&permits), permit };
    let digest = Digest::sha256(&bytes);
    let put = transport.put_blob(&repository, &digest, 1000, &source);
    let watch = async {
        while !registry.requests().iter().any(|request| request.body == bytes) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(permits.available_permits(), 0, "all is sent, and nothing is answered");
        gate.open();
    };
    let (put, ()) = futures::join!(put, watch);
    put.unwrap();
    assert_eq!(permits.available_permits(), 1);
}

#[tokio::test]
async fn a_broken_upload_starts_over_in_a_new_session() {
    let bytes = content(3_000_000);
    let script = Script::new(|request| match (request.method.as_str(), request.before) {
        ("PUT", 0) => Reply::new(500, &[], "").without_reading().then(Then::Reset),
        ("PUT", 1) => Reply::new(503, &[], ""),
        _ => accepting(request),
    })
    .await;
    let (result, log) = put(&script, &bytes, options()).await;
    assert!(result.unwrap() >= 6_000_000);
    assert_eq!(log.progress(), 3_000_000);
    assert_eq!(log.retries().len(), 2);
    assert_eq!(script.lines().iter().filter(|line| line.starts_with("POST")).count(), 3);
    assert!(script.requests().last().unwrap().body == bytes);
}

#[tokio::test]
async fn a_source_that_turns_out_corrupt_is_never_sent_whole() {
    for size in [0, 1, 300_000, 1_048_576] {
        let bytes = content(size);
        let script = Script::new(accepting).await;
        let (transport, log) = transport(options());
        let repository = repository(script.address, "a");
        let result =
            transport.put_blob(&repository, &Digest::sha256(b""), size as u64, &Corrupt(bytes)).await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Source { .. }) && error.is_local(), "{error}");
        assert!(told(&error).contains("another digest"), "{}", told(&error));
        assert!(log.retries().is_empty());
        let sent = script.requests().iter().filter(|r| r.method == "PUT").map(|r| r.body.len()).max();
        assert!(sent.is_none_or(|sent| sent < size.max(1)), "{sent:?} of {size}");
    }
}

#[tokio::test]
async fn a_source_of_another_size_is_an_error_of_ours() {
    for (has, says) in [(1000, 1001), (1001, 1000), (0, 1), (1, 0)] {
        let script = Script::new(accepting).await;
        let (transport, _) = transport(options());
        let repository = repository(script.address, "a");
        let result = transport.put_blob(&repository, &Digest::sha256(b""), says, &Bytes(content(has))).await;
        assert!(matches!(result, Err(Error::Source { .. })), "{has} for {says}: {result:?}");
    }
}

#[tokio::test]
async fn an_acknowledgement_before_the_last_byte_is_not_believed() {
    let bytes = content(30_000_000);
    let script = Script::new(|request| match request.method.as_str() {
        "PUT" => Reply::new(201, &[], "").without_reading().then(Then::Hang),
        _ => accepting(request),
    })
    .await;
    let (result, _) = put(&script, &bytes, options()).await;
    let error = result.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::EarlyAnswer)), "{error}");
}

#[tokio::test]
async fn stalls_are_noticed_while_sending_and_while_waiting() {
    let quick = || Options {
        idle_timeout: Duration::from_millis(150),
        answer_timeout: Duration::from_millis(250),
        retries: 1,
        ..options()
    };
    let deaf = Script::new(|request| match request.method.as_str() {
        "PUT" => Reply::raw(100, &[], "").without_reading().then(Then::Hang),
        _ => accepting(request),
    })
    .await;
    let error = put(&deaf, &content(30_000_000), quick()).await.0.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TimedOut { waiting_for: "no byte went", effort: Effort { attempts: 2, .. }, .. }
        ),
        "{error}"
    );
    let mute = Script::new(|request| match request.method.as_str() {
        "PUT" => Reply::raw(100, &[], "").then(Then::Hang),
        _ => accepting(request),
    })
    .await;
    let error = put(&mute, &content(1000), quick()).await.0.unwrap_err();
    assert!(matches!(error, Error::TimedOut { waiting_for: "no answer to the upload", .. }), "{error}");
}

#[tokio::test]
async fn refusals_of_an_upload() {
    for (status, location) in [(202, None), (201, Some("/x"))] {
        let script = Script::new(move |_| match location {
            Some(location) => Reply::new(status, &[("Location", location)], ""),
            None => Reply::new(status, &[], ""),
        })
        .await;
        let error = put(&script, b"x", options()).await.0.unwrap_err();
        assert!(matches!(fault(&error), Some(ContentFault::Location | ContentFault::Status(201))), "{error}");
    }
    let script = Script::new(|request| match request.method.as_str() {
        "PUT" => Reply::new(413, &[("Content-Type", "text/html")], "<html>nginx</html>"),
        _ => accepting(request),
    })
    .await;
    let error = put(&script, &content(1000), options()).await.0.unwrap_err();
    assert!(matches!(&error, Error::Refused(refusal) if refusal.status == 413), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("an HTML page") && text.contains("/uploads/1?…") && !text.contains("_state"),
        "{text}"
    );
    let other = Digest::sha256(b"other").to_string();
    let script = Script::new(move |request| match request.method.as_str() {
        "PUT" => Reply::new(201, &[("Docker-Content-Digest", &other)], ""),
        _ => accepting(request),
    })
    .await;
    let error = put(&script, b"x", options()).await.0.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Header { .. })), "{error}");
}

#[tokio::test]
async fn a_blob_is_mounted_or_it_is_not() {
    let mount = async |status: u16| {
        let script = Script::new(move |request| match request.method.as_str() {
            "POST" => Reply::new(status, &[("Location", "/v2/a/blobs/uploads/9?s=1")], ""),
            _ => Reply::new(204, &[], ""),
        })
        .await;
        let (transport, _) = transport(options());
        let (to, from) = (repository(script.address, "a"), repository(script.address, "b/c"));
        let mounted = transport.mount_blob(&to, &Digest::sha256(b""), &from).await;
        (mounted, script)
    };
    let (mounted, script) = mount(201).await;
    assert_eq!(mounted.unwrap(), Mount::Mounted);
    let expected = format!("/v2/a/blobs/uploads/?mount={}&from=b/c", Digest::sha256(b""));
    assert_eq!(script.requests()[0].target, expected);
    let (mounted, script) = mount(202).await;
    assert_eq!(mounted.unwrap(), Mount::NotMounted);
    assert_eq!(script.requests()[1].method, "DELETE");
    assert_eq!(script.requests()[1].target, "/v2/a/blobs/uploads/9?s=1");
    for status in [200, 400, 401, 403, 404, 405] {
        assert_eq!(mount(status).await.0.unwrap(), Mount::NotMounted, "{status}");
    }
    assert!(matches!(mount(503).await.0, Err(Error::Server(_))));
    // From another registry: not even asked.
    let (transport, _) = transport(options());
    let other = "other.invalid/b".parse().unwrap();
    let to = repository("127.0.0.1:1".parse().unwrap(), "a");
    assert_eq!(transport.mount_blob(&to, &Digest::sha256(b""), &other).await.unwrap(), Mount::NotMounted);
}

#[tokio::test]
async fn a_manifest_is_sent_as_its_bytes() {
    let manifest = b"{ \"odd\" :  1}\n";
    let digest = Digest::sha256(manifest).to_string();
    let script = Script::new(move |request| match request.before {
        0 => Reply::new(503, &[], ""),
        _ => Reply::new(201, &[("Docker-Content-Digest", &digest), ("OCI-Subject", "sha256:00")], ""),
    })
    .await;
    let (transport, _) = transport(options());
    let repository = repository(script.address, "a");
    let tag = Selector::Tag("1".parse().unwrap());
    let bytes = bytes::Bytes::from_static(manifest);
    let put =
        transport.put_manifest(&repository, &tag, media_type::OCI_MANIFEST, bytes.clone()).await.unwrap();
    assert_eq!(put.digest_header, Some(Digest::sha256(manifest)));
    assert_eq!(put.subject_header.as_deref(), Some("sha256:00"));
    let last = script.requests().pop().unwrap();
    assert_eq!(last.line(), "PUT /v2/a/manifests/1");
    assert_eq!(last.header("content-type"), Some(media_type::OCI_MANIFEST));
    assert_eq!(last.body, manifest);
}

/// An answer that says nothing of whether it was stored: then that is asked, and it is sent again only if it
/// is not there.
#[tokio::test]
async fn a_manifest_that_may_have_been_stored_is_looked_for() {
    const MANIFEST: &[u8] = b"{ \"odd\" :  1}\n";
    let answers: [fn() -> Reply; 5] = [
        || Reply::new(500, &[], ""),
        || Reply::new(502, &[], ""),
        || Reply::new(504, &[], ""),
        || Reply::bytes("", "").then(Then::Reset),
        || Reply::bytes("", "").then(Then::Close),
    ];
    for answer in answers {
        for stored in [true, false] {
            let script = Script::new(move |request| match (request.method.as_str(), request.before) {
                ("PUT", 0) => answer(),
                // As registries do whose tags may not be moved.
                ("PUT", _) if stored => Reply::new(409, &[], ""),
                ("PUT", _) => Reply::new(201, &[], ""),
                _ if stored => Reply::new(200, &[], MANIFEST),
                _ => Reply::new(200, &[], "{\"another\":1}"),
            })
            .await;
            let (transport, _) = transport(options());
            let (target, tag) = (repository(script.address, "a"), Selector::Tag("1".parse().unwrap()));
            let bytes = bytes::Bytes::from_static(MANIFEST);
            transport.put_manifest(&target, &tag, media_type::OCI_MANIFEST, bytes).await.unwrap();
            let methods: Vec<_> = script.requests().into_iter().map(|request| request.method).collect();
            let expected: &[&str] = if stored { &["PUT", "GET"] } else { &["PUT", "GET", "PUT"] };
            assert_eq!(methods, expected);
        }
    }
}

#[tokio::test]
async fn refusals_of_a_manifest() {
    let put = async |reply: Reply| {
        let script = Script::new(move |_| reply.clone()).await;
        let (transport, _) = transport(options());
        let tag = Selector::Tag("1".parse().unwrap());
        let bytes = bytes::Bytes::from_static(b"{}");
        let result = transport.put_manifest(&repository(script.address, "a"), &tag, "x/y", bytes).await;
        (result.unwrap_err(), script.requests().len())
    };
    let body = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":"sha256:01"},
        {"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":"sha256:02"}]}"#;
    let (error, asked) = put(Reply::new(400, &[], body)).await;
    let refusal = error.refusal().unwrap();
    assert!(matches!(error, Error::Refused(_)) && refusal.has("MANIFEST_BLOB_UNKNOWN") && asked == 1);
    let details: Vec<_> = refusal.errors.iter().map(|error| error.detail.clone().unwrap()).collect();
    assert_eq!(details, ["sha256:01", "sha256:02"]);
    // Nobody knows what a 500 means here, so it is repeated once. Each time it is asked whether it was
    // stored.
    let (error, asked) = put(Reply::new(500, &[], "")).await;
    assert!(matches!(error, Error::Server(_)) && asked == 4);
    let (error, asked) = put(Reply::new(502, &[], "")).await;
    assert!(matches!(error, Error::Server(_)) && asked == 8);
    let other = Digest::sha256(b"other").to_string();
    let (error, _) = put(Reply::new(201, &[("Docker-Content-Digest", &other)], "")).await;
    assert!(matches!(fault(&error), Some(ContentFault::Header { .. })), "{error}");
    let (error, _) = put(Reply::new(200, &[("Content-Type", "text/html")], "<html>")).await;
    assert!(matches!(fault(&error), Some(ContentFault::Html)), "{error}");
}

#[tokio::test]
async fn nothing_is_deleted_but_the_upload_that_was_opened() {
    let victim = Script::new(|_: &Request| Reply::new(202, &[], "")).await;
    let there = format!("http://{}/v2/victim/manifests/latest", victim.address);
    // Another registry, another repository, a manifest; and an upload that leads on to another registry.
    for location in [&*there, "/v2/victim/blobs/uploads/1", "/v2/a/manifests/latest", "/v2/a/blobs/uploads/1"]
    {
        let (location, elsewhere) = (location.to_owned(), there.clone());
        let script = Script::new(move |request: &Request| match request.method.as_str() {
            "POST" => Reply::new(202, &[("Location", &location)], ""),
            "DELETE" => Reply::new(307, &[("Location", &elsewhere)], ""),
            _ => Reply::new(200, &[], "{}"),
        })
        .await;
        let (transport, _) = transport(options());
        let target = repository(script.address, "a");
        transport.try_upload(&target).await.unwrap();
        let mount =
            transport.mount_blob(&target, &Digest::sha256(b""), &repository(script.address, "b")).await;
        assert_eq!(mount.unwrap(), Mount::NotMounted);
        let deleted = script.requests().into_iter().filter(|request| request.method == "DELETE");
        let paths: Vec<String> = deleted.map(|request| request.path().to_owned()).collect();
        assert!(paths.iter().all(|path| path == "/v2/a/blobs/uploads/1"), "{paths:?}");
    }
    assert!(victim.requests().is_empty(), "{:?}", victim.requests().len());
}
