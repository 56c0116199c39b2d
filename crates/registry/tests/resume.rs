//! Uploads that break, and how they go on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use airlift_oci::Digest;
use airlift_registry::{BlobPieces, BlobSource, Error, Options};
use support::script::{Reply, Request, Script, Then};
use support::shop::{Cut, Cutting, Orders, Shop};
use support::{Bytes, Corrupt, Log, content, options, repository, transport};

/// A blob of several pieces.
const SIZE: usize = 3_000_000;

async fn put_from(
    shop: &Shop,
    bytes: &[u8],
    source: &dyn BlobSource,
    options: Options,
) -> (Result<u64, Error>, Arc<Log>) {
    let (transport, log) = transport(options);
    let repository = repository(shop.address, "a");
    let put = transport.put_blob(&repository, &Digest::sha256(bytes), bytes.len() as u64, source).await;
    let arrived = if put.is_ok() { bytes.len() as u64 } else { 0 };
    assert_eq!(log.progress(), arrived, "progress must be what is there, and nothing after a failure");
    (put.map(|put| put.uploaded), log)
}

async fn put(shop: &Shop, bytes: &[u8]) -> (Result<u64, Error>, Arc<Log>) {
    put_from(shop, bytes, &Bytes(bytes.to_vec()), options()).await
}

/// Cuts the first PUT of a blob after `bytes`.
fn first_put_cut(bytes: usize) -> Cutting {
    Box::new(move |request, _| match request.method.as_str() {
        "PUT" if request.before == 0 => Cut::Up(bytes),
        _ => Cut::Never,
    })
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_broke() {
    for (unit, locates) in [("", true), ("bytes=", false)] {
        let bytes = content(SIZE);
        let shop =
            Shop::open(Orders { cut: first_put_cut(1_000_000), unit, locates, ..Orders::default() }).await;
        let (result, log) = put(&shop, &bytes).await;
        result.unwrap();
        assert!(shop.holds(&bytes));
        assert_eq!(shop.methods(), ["POST", "PUT", "GET", "PATCH", "PUT"]);
        let requests = shop.requests();
        assert_eq!(requests[3].header("content-range"), Some("1000000-2999999"));
        assert_eq!(requests[3].header("content-length"), Some("2000000"));
        assert_eq!((requests[3].body.len(), requests[4].body.len()), (2_000_000, 0));
        assert_eq!(log.retries().len(), 1);
    }
}

#[tokio::test]
async fn an_upload_that_breaks_again_and_again_gets_there() {
    let cut = |request: &Request, _| match (request.method.as_str(), request.before) {
        ("PUT", 0) => Cut::Up(400_000),
        ("PATCH", 0 | 1) => Cut::Up(700_000),
        ("GET", 2) => Cut::AtOnce,
        ("PATCH", 2) => Cut::Unanswered,
        _ => Cut::Never,
    };
    let bytes = content(SIZE);
    let shop = Shop::open(Orders { cut: Box::new(cut), ..Orders::default() }).await;
    let (result, _) =
        put_from(&shop, &bytes, &Bytes(bytes.clone()), Options { retries: 5, ..options() }).await;
    result.unwrap();
    assert!(shop.holds(&bytes));
    let expected = ["POST", "PUT", "GET", "PATCH", "GET", "PATCH", "GET", "GET", "PATCH", "GET", "PUT"];
    assert_eq!(shop.methods(), expected);
    let sent: usize = shop.requests().iter().map(|request| request.body.len()).sum();
    assert_eq!(sent, SIZE, "no byte that the registry has is sent again");
}

#[tokio::test]
async fn a_large_blob_over_a_poor_line_gets_there_however_often_it_breaks() {
    let cut = |request: &Request, _| match request.method.as_str() {
        "PUT" | "PATCH" => Cut::Up(1_100_000),
        _ => Cut::Never,
    };
    let bytes = content(9_000_000);
    let shop = Shop::open(Orders { cut: Box::new(cut), ..Orders::default() }).await;
    let (result, log) = put(&shop, &bytes).await;
    result.unwrap();
    assert!(shop.holds(&bytes));
    assert!(log.retries().len() > 5, "{:?}", log.retries());
}

#[tokio::test]
async fn a_session_that_makes_no_sense_is_started_over() {
    let answers = [
        (404, None),
        (416, None),
        (401, None),
        (200, None),
        (202, Some("100-99999")),
        (204, None),
        (204, Some("0-0")),
        (204, Some("1-99999")),
        (204, Some("0-9999999")),
        (204, Some("0-18446744073709551615")),
        (204, Some("many")),
    ];
    for (status, range) in answers {
        let instead = move |request: &Request| {
            let asked = request.method == "GET" && request.path().contains("/uploads/");
            asked.then(|| match range {
                Some(range) => Reply::new(status, &[("Range", range)], ""),
                None => Reply::new(status, &[], ""),
            })
        };
        let bytes = content(SIZE);
        let orders =
            Orders { cut: first_put_cut(1_000_000), instead: Box::new(instead), ..Orders::default() };
        let shop = Shop::open(orders).await;
        let (result, log) = put(&shop, &bytes).await;
        result.unwrap_or_else(|error| panic!("{status} {range:?}: {error}"));
        assert!(shop.holds(&bytes));
        // Where sockets took all of it, a session that is gone is also a reason to look for the blob.
        let methods: Vec<_> = shop.methods().into_iter().filter(|method| method != "HEAD").collect();
        assert_eq!(methods, ["POST", "PUT", "GET", "POST", "PUT"], "{status} {range:?}");
        assert_eq!((shop.requests().pop().unwrap().body.len(), log.retries().len()), (SIZE, 1));
    }
}

/// Older registries answer a PATCH by 204, and a question for an upload by 200 or 202; what counts is the
/// range that they name.
#[tokio::test]
async fn an_upload_goes_on_whatever_status_says_so() {
    for (status, range) in [
        (200, "0-999999"),
        (202, "bytes=0-999999"),
        (204, "bytes 0-999999/3000000"),
        (204, "0-999999/*"),
        (200, "Bytes=0-999999"),
    ] {
        for (patch, reached) in [
            (204, "0-2999999"),
            (201, "bytes=0-2999999"),
            (200, "0-3000000"),
            (202, "1000000-2999999"),
            (204, "bytes 0-2999999/3000000"),
        ] {
            let instead = move |request: &Request| match request.method.as_str() {
                "GET" => Some(Reply::new(status, &[("Range", range)], "")),
                "PATCH" => Some(Reply::new(patch, &[("Range", reached)], "")),
                "PUT" if request.before > 0 => Some(Reply::new(201, &[], "")),
                _ => None,
            };
            let bytes = content(SIZE);
            let orders =
                Orders { cut: first_put_cut(1_000_000), instead: Box::new(instead), ..Orders::default() };
            let shop = Shop::open(orders).await;
            let (result, _) = put(&shop, &bytes).await;
            result.unwrap_or_else(|error| panic!("{status} {range} {patch} {reached}: {error}"));
            assert_eq!(shop.methods(), ["POST", "PUT", "GET", "PATCH", "PUT"], "{status} {patch} {reached}");
        }
    }
}

/// Replicas that don't know each other's sessions, and registries that purge them.
#[tokio::test]
async fn a_session_that_is_forgotten_is_opened_anew() {
    let forgotten: [fn() -> Reply; 9] = [
        || Reply::new(404, &[], r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#),
        || Reply::new(400, &[], r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}"#),
        || Reply::new(400, &[], r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#),
        || Reply::new(404, &[], ""),
        || Reply::new(404, &[("Content-Type", "text/html")], "<html>"),
        || Reply::new(410, &[], ""),
        || Reply::new(404, &[], r#"{"errors":[{"code":"NOT_FOUND"}]}"#),
        || Reply::new(416, &[], r#"{"errors":[{"code":"RANGE_INVALID"}]}"#),
        || Reply::new(416, &[("Range", "0-0")], ""),
    ];
    for answer in forgotten {
        let bytes = content(SIZE);
        let instead = move |request: &Request| (request.method == "PUT" && request.before < 2).then(answer);
        let shop = Shop::open(Orders { instead: Box::new(instead), ..Orders::default() }).await;
        let (result, log) = put(&shop, &bytes).await;
        assert_eq!(result.unwrap(), 3 * SIZE as u64);
        assert!(shop.holds(&bytes));
        assert_eq!(shop.methods(), ["POST", "PUT", "POST", "PUT", "POST", "PUT"]);
        assert_eq!(log.retries().len(), 2);
        // Always: it is given up after the retries.
        let instead = move |request: &Request| (request.method == "PUT").then(answer);
        let shop = Shop::open(Orders { instead: Box::new(instead), ..Orders::default() }).await;
        let error = put(&shop, &bytes).await.0.unwrap_err();
        assert_eq!((error.attempts(), shop.methods().len()), (4, 8), "{error}");
    }
    // A repository that isn't there is no session that is forgotten.
    let unknown = |request: &Request| {
        let body = r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#;
        (request.method == "PUT").then(|| Reply::new(404, &[], body))
    };
    let shop = Shop::open(Orders { instead: Box::new(unknown), ..Orders::default() }).await;
    assert!(put(&shop, &content(SIZE)).await.0.is_err());
    assert_eq!(shop.methods(), ["POST", "PUT"]);
}

/// The last answer is a 5xx, and the blob is there all the same.
#[tokio::test]
async fn a_blob_whose_end_was_answered_by_an_error_is_looked_for() {
    for (put_status, session) in [(500, 404), (500, 405), (500, 500), (502, 404), (504, 410)] {
        for stored in [true, false] {
            let bytes = content(SIZE);
            let instead = move |request: &Request| match (request.method.as_str(), request.before) {
                ("PUT", 0) => Some(Reply::new(put_status, &[], "")),
                ("GET", 0) if request.target != "/v2/" => Some(Reply::new(session, &[], "")),
                ("HEAD", _) if stored => Some(Reply::raw(200, &[("Content-Length", "3000000")], "")),
                _ => None,
            };
            let shop = Shop::open(Orders { instead: Box::new(instead), ..Orders::default() }).await;
            let (result, _) = put(&shop, &bytes).await;
            result.unwrap_or_else(|error| panic!("{put_status} {session} {stored}: {error}"));
            let puts = shop.methods().into_iter().filter(|method| method == "PUT").count();
            assert_eq!(puts == 1, stored, "{put_status} {session} {stored}");
        }
    }
}

#[tokio::test]
async fn a_registry_that_refuses_to_go_on_gets_it_whole() {
    for status in [400, 404, 405, 416, 501] {
        let instead =
            move |request: &Request| (request.method == "PATCH").then(|| Reply::new(status, &[], ""));
        let bytes = content(SIZE);
        let orders =
            Orders { cut: first_put_cut(1_000_000), instead: Box::new(instead), ..Orders::default() };
        let shop = Shop::open(orders).await;
        let (result, log) = put(&shop, &bytes).await;
        result.unwrap_or_else(|error| panic!("{status}: {error}"));
        assert!(shop.holds(&bytes));
        assert_eq!(shop.methods(), ["POST", "PUT", "GET", "PATCH", "POST", "PUT"], "{status}");
        assert_eq!(log.retries().len(), 1);
    }
}

#[tokio::test]
async fn parts_that_dont_fit_are_sent_once_more_as_a_whole() {
    // It says that it has more than it kept.
    let instead = |request: &Request| match (request.method.as_str(), request.before) {
        ("GET", 0) => Some(Reply::new(204, &[("Range", "0-899999")], "")),
        ("PATCH", 0) => Some(Reply::new(202, &[], "")),
        _ => None,
    };
    let bytes = content(SIZE);
    let orders = Orders { cut: first_put_cut(1_000_000), instead: Box::new(instead), ..Orders::default() };
    let shop = Shop::open(orders).await;
    let (result, _) = put(&shop, &bytes).await;
    result.unwrap();
    assert!(shop.holds(&bytes));
    assert_eq!(shop.methods(), ["POST", "PUT", "GET", "PATCH", "PUT", "POST", "PUT"]);
    // A registry that never gets it right is given up.
    let wrong = |request: &Request| {
        let ends = request.method == "PUT" && request.before > 0;
        ends.then(|| Reply::new(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#))
    };
    let orders = Orders { cut: first_put_cut(1_000_000), instead: Box::new(wrong), ..Orders::default() };
    let shop = Shop::open(orders).await;
    let error = put(&shop, &bytes).await.0.unwrap_err();
    assert!(matches!(&error, Error::Refused(refusal) if refusal.has("DIGEST_INVALID")), "{error}");
    assert_eq!(shop.methods(), ["POST", "PUT", "GET", "PATCH", "PUT", "POST", "PUT"]);
}

#[tokio::test]
async fn a_blob_whose_acknowledgement_was_lost_is_not_sent_again() {
    let cut = |request: &Request, _| match (request.method.as_str(), request.before) {
        ("PUT", 0) => Cut::Unanswered,
        _ => Cut::Never,
    };
    let bytes = content(SIZE);
    let shop = Shop::open(Orders { cut: Box::new(cut), ..Orders::default() }).await;
    let (result, _) = put(&shop, &bytes).await;
    assert_eq!(result.unwrap(), SIZE as u64);
    assert_eq!(shop.methods(), ["POST", "PUT", "GET", "HEAD"]);
    // The same, but it was lost, too.
    let instead = |request: &Request| (request.method == "HEAD").then(|| Reply::new(404, &[], ""));
    let shop =
        Shop::open(Orders { cut: Box::new(cut), instead: Box::new(instead), ..Orders::default() }).await;
    let (result, _) = put(&shop, &bytes).await;
    assert_eq!(result.unwrap(), 2 * SIZE as u64);
    assert_eq!(shop.methods(), ["POST", "PUT", "GET", "HEAD", "POST", "PUT"]);
}

#[tokio::test]
async fn an_upload_that_has_everything_is_only_ended() {
    let bytes = content(SIZE);
    let script = Script::new(move |request| match (request.method.as_str(), request.path()) {
        ("POST", _) => Reply::new(202, &[("Location", "/v2/a/up?state=0")], ""),
        ("PUT", "/v2/a/up") if request.target.contains("state=0") => Reply::new(503, &[], ""),
        ("GET", _) => Reply::new(204, &[("Range", "0-2999999"), ("Location", "/v2/a/up?state=1")], ""),
        _ => Reply::new(201, &[], ""),
    })
    .await;
    let (transport, _) = transport(options());
    let digest = Digest::sha256(&bytes);
    let target = repository(script.address, "a");
    transport.put_blob(&target, &digest, SIZE as u64, &Bytes(bytes.clone())).await.unwrap();
    let last = script.requests().pop().unwrap();
    assert_eq!(last.target, format!("/v2/a/up?state=1&digest={digest}"), "the newest location counts");
    assert_eq!((last.body.len(), last.header("content-length")), (0, Some("0")));
}

#[tokio::test]
async fn a_source_that_turns_out_corrupt_is_not_ended_after_a_break() {
    // More than sockets hold, so that the break comes first.
    let bytes = content(20_000_000);
    for cut in [1_000_000, 2_500_000] {
        let shop = Shop::open(Orders { cut: first_put_cut(cut), ..Orders::default() }).await;
        let (result, _) = put_from(&shop, &bytes, &Corrupt(bytes.clone()), options()).await;
        assert!(matches!(result, Err(Error::Source { .. })), "{result:?}");
        let requests = shop.requests();
        assert_eq!(shop.methods(), ["POST", "PUT", "GET", "PATCH"]);
        let sent: usize = requests.iter().map(|request| request.body.len()).sum();
        assert!(sent < bytes.len(), "{sent}");
    }
}

#[tokio::test]
async fn a_session_at_another_origin_is_asked_without_credentials() {
    let bytes = content(SIZE);
    let storage = Shop::open(Orders { cut: first_put_cut(1_000_000), ..Orders::default() }).await;
    storage.stock.lock().unwrap().uploads.insert("/v2/x/blobs/uploads/7".to_owned(), Vec::new());
    let location = format!("http://{}/v2/x/blobs/uploads/7", storage.address);
    let script = Script::all(move |request| match request.header("authorization") {
        Some(_) => Reply::new(202, &[("Location", &location)], ""),
        None => Reply::new(401, &[("WWW-Authenticate", "Basic realm=x")], ""),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.json");
    let entry = format!(r#"{{"auths":{{"{}":{{"username":"us","password":"pw"}}}}}}"#, script.address);
    std::fs::write(&file, entry).unwrap();
    let (transport, _) = transport(Options { auth_file: Some(file), ..options() });
    let target = repository(script.address, "a");
    transport.put_blob(&target, &Digest::sha256(&bytes), SIZE as u64, &Bytes(bytes.clone())).await.unwrap();
    assert!(storage.holds(&bytes));
    assert_eq!(storage.methods(), ["PUT", "GET", "PATCH", "PUT"]);
    assert!(storage.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_goes_on_in_the_same_session() {
    // Tokens are good for one upload request each.
    let bytes = content(SIZE);
    let script = Script::all(|request| {
        let host = request.header("host").unwrap_or_default();
        let challenge = format!(r#"Bearer realm="http://{host}/token""#);
        let token = request.header("authorization").unwrap_or_default();
        match (request.method.as_str(), request.path(), token) {
            (_, "/token", _) => Reply::new(200, &[], format!(r#"{{"token":"t{}"}}"#, request.before)),
            ("POST", _, "Bearer t0") => Reply::new(202, &[("Location", "/v2/up/1")], ""),
            ("GET", "/v2/up/1", "Bearer t1") => Reply::new(204, &[("Range", "0-999999")], ""),
            ("PATCH", _, "Bearer t1") => Reply::new(202, &[("Location", "/v2/up/2")], ""),
            ("PUT", "/v2/up/2", "Bearer t1") => Reply::new(201, &[], ""),
            _ => Reply::new(401, &[("WWW-Authenticate", &challenge)], ""),
        }
    })
    .await;
    let (transport, _) = transport(options());
    let target = repository(script.address, "a");
    transport.put_blob(&target, &Digest::sha256(&bytes), SIZE as u64, &Bytes(bytes.clone())).await.unwrap();
    let patch = script.requests().into_iter().find(|request| request.method == "PATCH").unwrap();
    assert_eq!(patch.body.len(), 2_000_000);
    assert_eq!(script.lines().iter().filter(|line| line.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn a_stalled_upload_goes_on() {
    let bytes = content(30_000_000);
    let script = Script::new(|request| match (request.method.as_str(), request.before) {
        ("POST", _) => Reply::new(202, &[("Location", "/v2/up")], ""),
        ("PUT", 0) => Reply::raw(100, &[], "").without_reading().then(Then::Hang),
        ("GET", _) => Reply::new(204, &[("Range", "0-49999")], ""),
        ("PATCH", _) => Reply::new(202, &[], ""),
        _ => Reply::new(201, &[], ""),
    })
    .await;
    let quick = Options { idle_timeout: std::time::Duration::from_millis(150), ..options() };
    let (transport, log) = transport(quick);
    let target = repository(script.address, "a");
    let digest = Digest::sha256(&bytes);
    transport.put_blob(&target, &digest, bytes.len() as u64, &Bytes(bytes.clone())).await.unwrap();
    assert!(log.retries()[0].0.contains("no byte went"), "{:?}", log.retries());
    let patch = script.requests().into_iter().find(|request| request.method == "PATCH").unwrap();
    assert_eq!(patch.header("content-range"), Some("50000-29999999"));
    assert!(patch.body == bytes[50_000..]);
}

/// Its first half, then nothing for longer than a registry may be silent, then the rest.
struct Slow(Vec<u8>);

impl BlobSource for Slow {
    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        let (first, rest) = self.0.split_at(self.0.len() / 2);
        let [first, rest] = [first, rest].map(bytes::Bytes::copy_from_slice);
        Ok(Box::new(Halves { first, rest, has_paused: false }))
    }
}

struct Halves {
    first: bytes::Bytes,
    rest: bytes::Bytes,
    has_paused: bool,
}

impl BlobPieces for Halves {
    fn next_piece(&mut self, most: usize) -> io::Result<bytes::Bytes> {
        if !self.first.is_empty() {
            return self.first.next_piece(most);
        }
        if !std::mem::replace(&mut self.has_paused, true) {
            std::thread::sleep(Duration::from_millis(600));
        }
        self.rest.next_piece(most)
    }
}

#[tokio::test]
async fn a_source_that_makes_a_pause_is_no_fault_of_the_registry() {
    let bytes = content(SIZE);
    let shop = Shop::open(Orders::default()).await;
    let impatient = Options { idle_timeout: Duration::from_millis(200), ..options() };
    let (result, log) = put_from(&shop, &bytes, &Slow(bytes.clone()), impatient).await;
    result.unwrap();
    assert!(shop.holds(&bytes) && log.retries().is_empty(), "{:?}", log.retries());
}
