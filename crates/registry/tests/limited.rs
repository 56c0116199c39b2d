//! Uploads that are too large for something on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use airlift_oci::Digest;
use airlift_registry::{BlobPieces, BlobSource, Error, Options, PutBlob, Transport};
use support::script::{Reply, Request, Script, Then};
use support::shop::{Cut, Orders, Shop};
use support::{Bytes, Corrupt, content, options, repository, transport};

const MIB: usize = 1024 * 1024;

fn length(request: &Request) -> usize {
    request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn is_too_large(request: &Request, limit: usize) -> bool {
    matches!(request.method.as_str(), "PUT" | "PATCH") && length(request) > limit
}

fn nginx() -> Reply {
    let page = "<html><head><title>413 Request Entity Too Large</title></head></html>";
    Reply::new(413, &[("Content-Type", "text/html")], page)
}

/// A registry behind something that takes bodies of so many bytes.
async fn behind(limit: usize, refuse: fn() -> Reply) -> Shop {
    let instead = move |request: &Request| is_too_large(request, limit).then(refuse);
    Shop::open(Orders { instead: Box::new(instead), ..Orders::default() }).await
}

async fn put(transport: &Transport, address: SocketAddr, bytes: &[u8]) -> Result<PutBlob, Error> {
    let (target, source) = (repository(address, "a"), Bytes(bytes.to_vec()));
    transport.put_blob(&target, &Digest::sha256(bytes), bytes.len() as u64, &source).await
}

fn pieces(shop: &Shop) -> Vec<usize> {
    let patches = shop.requests().into_iter().filter(|request| request.method == "PATCH");
    patches.map(|request| length(&request)).collect()
}

#[tokio::test]
async fn a_blob_that_is_too_large_for_one_request_goes_in_pieces() {
    let refusals: [fn() -> Reply; 3] = [
        nginx,
        || Reply::new(413, &[], ""),
        || Reply::new(413, &[], r#"{"errors":[{"code":"SIZE_INVALID"}]}"#),
    ];
    for refuse in refusals {
        let (first, second) = (content(3 * MIB + 500_000), content(2 * MIB + 7));
        let shop = behind(MIB, refuse).await;
        let (transport, log) = transport(options());
        let target = repository(shop.address, "a");
        let put = async |bytes: &[u8]| {
            let source = Bytes(bytes.to_vec());
            transport.put_blob(&target, &Digest::sha256(bytes), bytes.len() as u64, &source).await.unwrap()
        };
        put(&first).await;
        assert!(shop.holds(&first));
        // The whole, then halves that shrink to what fits.
        assert_eq!(pieces(&shop), [2 * MIB, MIB, MIB, MIB, 500_000]);
        let ranges: Vec<_> =
            shop.requests().iter().filter_map(|r| r.header("content-range").map(str::to_owned)).collect();
        assert_eq!(ranges[1..3], ["0-1048575", "1048576-2097151"]);
        // What has shown counts for the next blob, and small ones go in one request.
        let before = shop.methods().len();
        assert_eq!(put(&second).await.uploaded, second.len() as u64);
        assert!(shop.holds(&second));
        assert_eq!(shop.methods()[before..], ["POST", "PATCH", "PATCH", "PATCH", "PUT"]);
        let small = content(MIB);
        put(&small).await;
        assert_eq!(shop.methods()[before + 5..], ["POST", "PUT"]);
        assert_eq!(log.progress(), (first.len() + second.len() + small.len()) as u64);
        assert!(log.retries().is_empty(), "{:?}", log.retries());
    }
}

/// The answer comes before the body, and the connection closes: with some luck the answer is read.
#[tokio::test]
async fn a_limit_that_closes_the_connection_is_found_out() {
    for then in [Then::Close, Then::Reset] {
        for silent in [false, true] {
            let bytes = content(12 * MIB);
            let script = Script::new(move |request| match request.method.as_str() {
                "POST" => Reply::new(202, &[("Location", "/v2/up/1")], ""),
                _ if is_too_large(request, MIB) => {
                    let refusal = if silent { Reply::bytes("", "") } else { nginx() };
                    refusal.without_reading().then(then)
                }
                "GET" => Reply::new(404, &[], ""),
                "PATCH" => Reply::new(202, &[], ""),
                _ => Reply::new(201, &[], ""),
            })
            .await;
            let (transport, _) = transport(Options { retries: 5, ..options() });
            put(&transport, script.address, &bytes).await.unwrap();
            let patches = script.requests().into_iter().filter(|request| request.method == "PATCH");
            let sent: Vec<u8> = patches.flat_map(|request| request.body).collect();
            assert!(sent == bytes, "{then:?} {silent}");
        }
    }
}

#[tokio::test]
async fn an_upload_that_always_breaks_off_is_tried_in_small_requests() {
    let cut = |request: &Request, _: usize| match request.method.as_str() {
        "PUT" | "PATCH" if length(request) > MIB => Cut::AtOnce,
        _ => Cut::Never,
    };
    let instead = |request: &Request| {
        // Nothing is kept of what broke.
        (request.method == "GET" && request.path().contains("/uploads/")).then(|| Reply::new(404, &[], ""))
    };
    let shop =
        Shop::open(Orders { cut: Box::new(cut), instead: Box::new(instead), ..Orders::default() }).await;
    let (transport, log) = transport(options());
    let bytes = content(12 * MIB);
    put(&transport, shop.address, &bytes).await.unwrap();
    assert!(shop.holds(&bytes));
    assert_eq!((pieces(&shop), log.retries().len()), (vec![MIB; 12], 2));
    assert_eq!(log.progress(), bytes.len() as u64);
    // The next one begins so.
    let (next, before) = (content(3 * MIB), shop.methods().len());
    put(&transport, shop.address, &next).await.unwrap();
    assert_eq!(shop.methods()[before..], ["POST", "PATCH", "PATCH", "PATCH", "PUT"]);
}

#[tokio::test]
async fn a_limit_that_nothing_helps_against_is_explained() {
    let put = async |answer: fn(&Request) -> Option<Reply>, least: &'static str| {
        let bytes = content(3 * MIB);
        let script = Script::new(move |request| match answer(request) {
            Some(reply) => reply,
            None if request.method == "POST" => {
                Reply::new(202, &[("Location", "/v2/up/1"), ("OCI-Chunk-Min-Length", least)], "")
            }
            None => Reply::new(201, &[], ""),
        })
        .await;
        let (transport, log) = transport(options());
        let target = repository(script.address, "a");
        let source = Bytes(bytes.clone());
        let put = transport.put_blob(&target, &Digest::sha256(&bytes), bytes.len() as u64, &source).await;
        assert_eq!(log.progress(), 0);
        (put.unwrap_err(), script.requests().len())
    };
    let explains = |error: &Error| {
        let text = error.to_string();
        assert!(text.contains("413") && text.contains("client_max_body_size"), "{text}");
        text
    };
    // Pieces are refused for their size down to the smallest; the registry takes no pieces; it wants larger
    // ones than fit.
    let (error, asked) = put(|request| is_too_large(request, 1000).then(nginx), "0").await;
    assert!(explains(&error).contains("pieces (PATCH) did not work"), "{error}");
    assert!(asked <= 2 * 8, "{asked}");
    let no_pieces = |request: &Request| match request.method.as_str() {
        "PATCH" => Some(Reply::new(405, &[], "")),
        _ => is_too_large(request, MIB).then(nginx),
    };
    let (error, asked) = put(no_pieces, "0").await;
    assert!(explains(&error).contains("405"), "{error}");
    assert_eq!(asked, 4);
    let (error, asked) = put(|request| is_too_large(request, MIB).then(nginx), "2500000").await;
    explains(&error);
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn what_an_answer_to_a_piece_says_is_where_it_goes_on() {
    // It takes no more than 700,000 bytes of each piece, and says so; each location is another.
    let taken = std::sync::Arc::new(AtomicUsize::new(0));
    let seen = std::sync::Arc::clone(&taken);
    let script = Script::new(move |request| match request.method.as_str() {
        "POST" => Reply::new(202, &[("Location", "/v2/up/0"), ("OCI-Chunk-Min-Length", "1048576")], ""),
        _ if is_too_large(request, 2 * MIB) => nginx(),
        "PATCH" => {
            let start = seen.load(Ordering::SeqCst);
            let claimed = request.header("content-range").unwrap().split('-').next().unwrap().to_owned();
            assert_eq!((claimed, request.path()), (start.to_string(), &*format!("/v2/up/{start}")));
            let now = start + length(request).min(if start == 0 { 700_000 } else { usize::MAX });
            seen.store(now, Ordering::SeqCst);
            let range = format!("0-{}", now - 1);
            Reply::new(202, &[("Location", &format!("/v2/up/{now}")), ("Range", &range)], "")
        }
        _ => Reply::new(201, &[], ""),
    })
    .await;
    let bytes = content(3 * MIB);
    let (transport, log) = transport(options());
    put(&transport, script.address, &bytes).await.unwrap();
    assert_eq!((log.progress(), taken.load(Ordering::SeqCst)), (bytes.len() as u64, bytes.len()));
    let last = script.requests().pop().unwrap();
    assert_eq!(last.target, format!("/v2/up/{}?digest={}", bytes.len(), Digest::sha256(&bytes)));
    let sent: Vec<u8> =
        script.requests().into_iter().filter(|r| r.method == "PATCH").flat_map(|r| r.body).collect();
    assert!(sent[2 * MIB..] == bytes[700_000..], "behind what was taken comes the rest");
}

#[tokio::test]
async fn a_source_is_read_once_for_all_pieces_and_proven_before_the_last() {
    struct Counted(Vec<u8>, AtomicUsize);
    impl BlobSource for Counted {
        fn open(&self) -> std::io::Result<Box<dyn BlobPieces>> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Bytes(self.0.clone()).open()
        }
    }
    let bytes = content(6 * MIB);
    let shop = behind(MIB, nginx).await;
    let (transport, _) = transport(options());
    let target = repository(shop.address, "a");
    let source = Counted(bytes.clone(), AtomicUsize::new(0));
    let put = async |source: &dyn BlobSource| {
        transport.put_blob(&target, &Digest::sha256(&bytes), bytes.len() as u64, source).await
    };
    put(&source).await.unwrap();
    // For the whole, for pieces of 4 and 2 MiB that were refused, and for all that fit.
    assert_eq!(source.1.load(Ordering::SeqCst), 4);
    let before = shop.requests().len();
    let error = put(&Corrupt(bytes.clone())).await.unwrap_err();
    assert!(matches!(error, Error::Source { .. }), "{error}");
    let requests = shop.requests().split_off(before);
    let sent: usize = requests.iter().map(|request| request.body.len()).sum();
    assert!(sent < bytes.len() && requests.iter().all(|request| request.method != "PUT"), "{sent}");
}

/// Pieces are what a poor line needs, too: each is kept.
#[tokio::test]
async fn pieces_that_break_go_on_behind_the_last_that_arrived() {
    let cut = |request: &Request, _: usize| match (request.method.as_str(), request.before) {
        ("PATCH", 3) => Cut::Up(300_000),
        _ => Cut::Never,
    };
    let instead = |request: &Request| is_too_large(request, MIB).then(nginx);
    let shop =
        Shop::open(Orders { cut: Box::new(cut), instead: Box::new(instead), ..Orders::default() }).await;
    let (transport, log) = transport(options());
    let bytes = content(4 * MIB);
    put(&transport, shop.address, &bytes).await.unwrap();
    assert!(shop.holds(&bytes));
    assert_eq!(log.progress(), bytes.len() as u64);
    // 2 MiB are refused; the third piece breaks, and it goes on within it.
    let ranges: Vec<_> =
        shop.requests().iter().filter_map(|r| r.header("content-range").map(str::to_owned)).collect();
    assert_eq!(ranges[4], format!("{}-{}", 2 * MIB + 300_000, 3 * MIB + 300_000 - 1));
}
