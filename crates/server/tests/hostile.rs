//! What no well-behaved client sends, and slow ones.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end itself")]

mod common;

use std::time::Duration;

use airlift_oci::Digest;
use airlift_server::{Options, Server, StartError, samples};
use common::{PIECE, Registry, header, is, refused};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn paths_outside_the_grammar_are_refused_and_touch_nothing() {
    let registry = Registry::seeded().await;
    let digest = samples::all()[0].blobs[0].digest;
    let paths = [
        "/v2/../../etc/passwd".to_owned(),
        "/v2/%2e%2e/%2e%2e/manifests/1".to_owned(),
        "/v2/team/../team/web/manifests/1.27".to_owned(),
        "/v2/team%2Fweb/manifests/1.27".to_owned(),
        "/v2/team//web/manifests/1.27".to_owned(),
        "/v2/Team/Web/manifests/1.27".to_owned(),
        format!("/v2/team/web/blobs/{}", digest.to_string().replace(':', "%3a")),
        format!("/v2/team/web/blobs/{}", digest.to_string().to_uppercase()),
        "/v2/team/web/blobs/sha256:../../../etc/passwd".to_owned(),
        "/v2/team/web/blobs/uploads/../../../../etc/passwd".to_owned(),
        "/v2/team/web/manifests/..".to_owned(),
        "/v2/team/web/manifests/%00".to_owned(),
        "//v2/".to_owned(),
        "*".to_owned(),
    ];
    for path in paths {
        for method in ["GET", "PUT", "POST", "DELETE"] {
            let answer = registry.raw_path(method, &path).await;
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(matches!(status, "400" | "404" | "405"), "{method} {path}: {answer}");
        }
    }
    assert_eq!(registry.get("team/web/manifests/1.27").await.status(), StatusCode::OK);
    let folders: Vec<_> =
        std::fs::read_dir(registry.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(folders.len(), 2);
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let registry = Registry::seeded().await;
    let digest = Digest::sha256(b"");
    let cases = [
        ("/v2/".to_owned(), "DELETE", "GET, HEAD"),
        ("/v2/team/web/tags/list".to_owned(), "POST", "GET, HEAD"),
        (format!("/v2/team/web/referrers/{digest}"), "PUT", "GET, HEAD"),
        ("/v2/team/web/manifests/1".to_owned(), "PATCH", "GET, HEAD, PUT, DELETE"),
        (format!("/v2/team/web/blobs/{digest}"), "PUT", "GET, HEAD, DELETE"),
        ("/v2/team/web/blobs/uploads/".to_owned(), "GET", "POST"),
        ("/v2/team/web/manifests/1".to_owned(), "PROPFIND", "GET, HEAD, PUT, DELETE"),
        ("/v2/".to_owned(), "OPTIONS", "GET, HEAD"),
    ];
    for (path, method, allow) in cases {
        let answer = registry.send(method.parse().unwrap(), &path).await;
        assert_eq!(header(&answer, "allow"), allow, "{method} {path}");
        assert_eq!(refused(answer).await, is(405, "UNSUPPORTED"), "{method} {path}");
    }
    let requests = registry.server.requests();
    assert_eq!((requests.other, requests.total()), (2, 8));
}

#[tokio::test]
async fn requests_are_counted_by_method() {
    let registry = Registry::seeded().await;
    for method in [Method::HEAD, Method::HEAD, Method::GET, Method::DELETE] {
        registry.send(method, "team/web/manifests/nope").await;
    }
    let requests = registry.server.requests();
    assert_eq!((requests.head, requests.get, requests.delete, requests.put), (2, 1, 1, 0));
}

#[tokio::test]
async fn messages_escape_what_was_asked_for() {
    let registry = Registry::empty().await;
    let answer = registry.raw_path("GET", "/v2/a/manifests/x%1b[2J\u{9b}").await;
    assert!(!answer.contains('\u{9b}') && !answer.contains('\u{1b}'), "{answer:?}");
}

#[tokio::test]
async fn garbage_ends_the_connection_and_nothing_else() {
    let registry = Registry::empty().await;
    let long = format!("GET /v2/ HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    for garbage in ["\0\0\0\0\r\n\r\n", "GET /v2/ HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n", &long] {
        let mut stream = TcpStream::connect(registry.server.address()).await.unwrap();
        // The server may hang up before all of it is sent.
        let _ = stream.write_all(garbage.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"));
    }
    assert_eq!(registry.get("/v2/").await.status(), StatusCode::OK);
}

fn impatient() -> Options {
    Options { timeout: Duration::from_secs(1), ..Options::default() }
}

#[tokio::test]
async fn unfinished_headers_are_not_waited_for() {
    let registry = Registry::with(impatient()).await;
    // `raw` returns only when the server ends the connection.
    registry.raw(b"GET /v2/ HTTP/1.1\r\nhost:").await;
    registry.raw(b"").await;
}

#[tokio::test]
async fn a_stalled_body_is_given_up_and_what_came_is_kept() {
    let registry = Registry::with(impatient()).await;
    let location = registry.upload("a").await;
    let head = format!("PATCH {location} HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nabc");
    let answer = registry.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("SIZE_INVALID"), "{answer}");
    assert_eq!(header(&registry.get(&location).await, "range"), "0-2");
    let finish = format!("{location}?digest={}", Digest::sha256(b"abcdef"));
    let answer = registry.ask(Method::PUT, &finish).body("def").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn who_sends_all_before_reading_gets_the_answer_too() {
    let registry = Registry::empty().await;
    let size = 12 << 20;
    let mut request = format!(
        "PUT /v2/a/manifests/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n"
    )
    .into_bytes();
    request.resize(request.len() + size, b' ');
    let answer = registry.raw(&request).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("MANIFEST_INVALID"), "{answer}");
}

#[tokio::test]
async fn a_broken_connection_leaves_an_upload_that_can_be_gone_on_with() {
    let registry = Registry::empty().await;
    let location = registry.upload("a").await;
    let mut stream = TcpStream::connect(registry.server.address()).await.unwrap();
    let head = format!("PATCH {location} HTTP/1.1\r\nhost: x\r\ncontent-length: 600000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![1; 300_000]).await.unwrap();
    drop(stream);
    // Whole pieces are kept; how much of the last one is depends on when the server notices.
    let kept = async {
        loop {
            let status = registry.get(&location).await;
            let written = header(&status, "range").strip_prefix("0-").unwrap().parse::<usize>().unwrap() + 1;
            if written >= PIECE {
                break written;
            }
        }
    };
    let written = tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap();
    assert!(written <= 300_000, "{written}");
    let finish = format!("{location}?digest={}", Digest::sha256(&[1; 400_000]));
    let rest = vec![1; 400_000 - written];
    let request =
        registry.ask(Method::PUT, &finish).header("content-range", format!("{written}-399999")).body(rest);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_reader_that_sleeps_is_hung_up_on() {
    let registry = Registry::with(impatient()).await;
    let size = 64 << 20;
    let digest = registry.put_blob("a", &vec![0; size]).await;
    let mut stream = TcpStream::connect(registry.server.address()).await.unwrap();
    let request = format!("GET /v2/a/blobs/{digest} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // Never reading. The buffers fill up, and the write then waits for the server to close its end.
    let gave_up = async { while stream.write_all(&[b'x'; 65_536]).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), gave_up).await.expect("the server hangs up");
    assert_eq!(registry.get("/v2/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn stopping_ends_everything_at_once() {
    let registry = Registry::empty().await;
    let address = registry.server.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    assert_eq!(registry.get("/v2/").await.status(), StatusCode::OK);
    registry.server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_said() {
    let registry = Registry::empty().await;
    let taken = Options { listen: registry.server.address(), ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    let error = Server::start(folder.path(), taken).await.err().unwrap();
    assert!(matches!(error, StartError::Listen { address, .. } if address == registry.server.address()));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Server::start(&file, Options::default()).await.err().unwrap();
    assert!(matches!(error, StartError::Storage(_)));
}
