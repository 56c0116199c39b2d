//! Fetching blobs from a registry that is slow, broken, or lies.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::time::Duration;

use airlift_oci::{Digest, Selector};
use airlift_registry::{Access, ContentFault, Error, HeadTrust, Options, Transport};
use support::script::{Reply, Request, Script, Then};
use support::{Memory, content, descriptor, options, repository, transport};

fn tag() -> Selector {
    Selector::Tag("1".parse().unwrap())
}

fn fault(error: &Error) -> Option<&ContentFault> {
    match error {
        Error::Content { fault, .. } => Some(fault),
        _ => None,
    }
}

/// Fetches a blob; gives what the sink has, how often it began again, and how much came.
async fn blob(
    script: &Script,
    blob: &[u8],
    options: Options,
) -> (Result<u64, Error>, Memory, Vec<(String, u32, u64)>) {
    let (transport, log) = transport(options);
    let mut sink = Memory::default();
    let repository = repository(script.address, "a/b");
    let result = transport.fetch_blob(&repository, &descriptor(blob), &mut sink).await;
    let arrived = if result.is_ok() { blob.len() as u64 } else { 0 };
    assert_eq!(log.progress(), arrived, "progress must be what was proven, and nothing after a failure");
    (result.map(|fetched| fetched.downloaded), sink, log.retries())
}

/// `bytes=N-` of a request.
fn range(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// A part from `start` on, with a right `Content-Range`.
fn part(blob: &[u8], start: usize) -> Reply {
    let range = format!("bytes {start}-{}/{}", blob.len() - 1, blob.len());
    Reply::new(206, &[("Content-Range", &range)], &blob[start..])
}

/// Announces all of `blob` and breaks off after `sent` bytes.
fn broken(blob: &[u8], sent: usize, then: Then) -> Reply {
    Reply::raw(200, &[("Content-Length", &blob.len().to_string())], &blob[..sent]).then(then)
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    for then in [Then::Close, Then::Reset] {
        let bytes = content(300_000);
        let expected = bytes.clone();
        let script = Script::new(move |request| match (request.before, range(request)) {
            (0, None) => broken(&bytes, 100_000, then),
            (_, Some(start)) => part(&bytes, start),
            _ => Reply::new(400, &[], "a range was expected"),
        })
        .await;
        let (result, sink, retries) = blob(&script, &expected, options()).await;
        assert_eq!(result.unwrap(), 300_000, "what came before the break must not come again");
        assert_eq!((sink.bytes == expected, sink.restarts, retries.len()), (true, 0, 1));
        assert_eq!(script.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_registry_without_ranges_sends_it_all_again() {
    let bytes = content(200_000);
    let expected = bytes.clone();
    let script = Script::new(move |request| match request.before {
        0 => broken(&bytes, 150_000, Then::Close),
        _ => Reply::new(200, &[], &*bytes),
    })
    .await;
    let (result, sink, _) = blob(&script, &expected, options()).await;
    assert_eq!(result.unwrap(), 350_000);
    assert_eq!((sink.bytes == expected, sink.restarts), (true, 1));
}

/// Breaks off the first answer, gives `other` for a part, and all of it where no part is asked for.
async fn with_parts_answered_by(other: impl Fn(&[u8]) -> Reply + Send + Sync + 'static) {
    let bytes = content(200_000);
    let expected = bytes.clone();
    let script = Script::new(move |request| match (request.before, range(request)) {
        (0, _) => broken(&bytes, 100_000, Then::Close),
        (_, Some(_)) => other(&bytes),
        // Where a part was refused once, it isn't asked for again, even if this breaks off.
        (2, None) => broken(&bytes, 150_000, Then::Close),
        (_, None) => Reply::new(200, &[], &*bytes),
    })
    .await;
    let (result, sink, _) = blob(&script, &expected, options()).await;
    assert_eq!(result.unwrap(), 450_000);
    assert!(sink.bytes == expected);
    let asked: Vec<_> = script.requests().iter().map(range).collect();
    assert_eq!(asked, [None, Some(100_000), None, None]);
}

#[tokio::test]
async fn where_a_part_is_refused_all_is_fetched() {
    for status in [400, 403, 405, 412, 416, 501, 505, 520] {
        with_parts_answered_by(move |_| Reply::new(status, &[], "")).await;
    }
    // The rest, called the whole.
    with_parts_answered_by(|bytes| Reply::new(200, &[], &bytes[100_000..])).await;
}

#[tokio::test]
async fn what_no_whole_can_replace_keeps_what_came() {
    for status in [401, 404] {
        let bytes = content(200_000);
        let expected = bytes.clone();
        let script = Script::new(move |request| match request.before {
            0 => broken(&bytes, 100_000, Then::Close),
            _ => Reply::new(status, &[], ""),
        })
        .await;
        let (result, sink, _) = blob(&script, &expected, options()).await;
        result.unwrap_err();
        assert_eq!((sink.bytes.len(), script.requests().len()), (100_000, 2), "{status}");
    }
}

#[tokio::test]
async fn the_unit_of_a_content_range_may_be_written_in_other_ways() {
    for unit in ["Bytes ", "bytes  ", "bytes="] {
        let bytes = content(200_000);
        let expected = bytes.clone();
        let script = Script::new(move |request| match request.before {
            0 => broken(&bytes, 100_000, Then::Close),
            _ => {
                let range = format!("{unit}100000-199999/200000");
                Reply::new(206, &[("Content-Range", &range)], &bytes[100_000..])
            }
        })
        .await;
        assert_eq!(blob(&script, &expected, options()).await.0.unwrap(), 200_000, "{unit}");
    }
}

#[tokio::test]
async fn a_wrong_content_range_is_refused() {
    for wrong in [
        "bytes 0-199999/200000",
        "bytes 100000-199998/200000",
        "bytes 100000-199999/200001",
        "items 100000-199999/200000",
        "",
        "bytes */200000",
    ] {
        with_parts_answered_by(move |bytes| Reply::new(206, &[("Content-Range", wrong)], &bytes[100_000..]))
            .await;
    }
    // A part that nobody asked for.
    let bytes = content(1000);
    let expected = bytes.clone();
    let script = Script::new(move |_| part(&bytes, 0)).await;
    let error = blob(&script, &expected, options()).await.0.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Status(206))), "{error}");
}

#[tokio::test]
async fn parts_that_dont_fit_are_thrown_away_and_all_is_fetched_once_more() {
    let bytes = content(200_000);
    let expected = bytes.clone();
    let script = Script::new(move |request| {
        let mut flipped = bytes.clone();
        flipped[10] ^= 1;
        match request.before {
            0 => broken(&flipped, 100_000, Then::Close),
            1 => part(&bytes, 100_000),
            _ => Reply::new(200, &[], &*bytes),
        }
    })
    .await;
    let (result, sink, _) = blob(&script, &expected, options()).await;
    assert_eq!(result.unwrap(), 400_000);
    assert_eq!((sink.bytes == expected, sink.restarts), (true, 1));
    assert_eq!(range(&script.requests()[2]), None);
}

#[tokio::test]
async fn other_bytes_are_refused_without_asking_again() {
    let script =
        Script::new(|_| Reply::new(200, &[], content(1000).into_iter().rev().collect::<Vec<_>>())).await;
    let (result, _, retries) = blob(&script, &content(1000), options()).await;
    let error = result.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Digest { .. })), "{error}");
    assert_eq!((script.requests().len(), retries.len()), (1, 0));
}

#[tokio::test]
async fn no_more_than_the_size_is_ever_taken() {
    let bytes = content(1000);
    let longer = content(5000);
    let announced = Script::new({
        let longer = longer.clone();
        move |_| Reply::new(200, &[], &*longer)
    })
    .await;
    let (result, sink, _) = blob(&announced, &bytes, options()).await;
    let error = result.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Size { expected: 1000, actual: 5000 })), "{error}");
    assert!(sink.bytes.is_empty());
    let endless = Script::new(move |_| Reply::raw(200, &[], &*longer).then(Then::Hang)).await;
    let (result, sink, _) = blob(&endless, &bytes, options()).await;
    let error = result.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Overlong { expected: 1000 })), "{error}");
    assert!(sink.bytes.len() <= 1000);
}

#[tokio::test]
async fn a_blob_that_stays_short_is_given_up() {
    let script = Script::new(|request| match range(request) {
        None => Reply::raw(200, &[], &content(1000)[..400]),
        Some(start) => {
            let range = format!("bytes {start}-999/1000");
            Reply::raw(206, &[("Content-Range", &range)], "")
        }
    })
    .await;
    let (result, sink, _) = blob(&script, &content(1000), options()).await;
    let error = result.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Short { expected: 1000, received: 400 })), "{error}");
    assert_eq!((error.attempts(), sink.bytes.len()), (4, 400));
    let announced = Script::new(|_| Reply::new(200, &[], &content(1000)[..400])).await;
    let error = blob(&announced, &content(1000), options()).await.0.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Size { expected: 1000, actual: 400 })), "{error}");
}

#[tokio::test]
async fn web_pages_are_refused() {
    let script = Script::new(|_| Reply::new(200, &[("Content-Type", "text/html")], "<html>")).await;
    let error = blob(&script, &content(1000), options()).await.0.unwrap_err();
    assert!(matches!(fault(&error), Some(ContentFault::Html)), "{error}");
}

#[tokio::test]
async fn a_stall_is_noticed_and_the_transfer_goes_on() {
    let bytes = content(200_000);
    let expected = bytes.clone();
    let script = Script::new(move |request| match range(request) {
        None => broken(&bytes, 100_000, Then::Hang),
        Some(start) => part(&bytes, start),
    })
    .await;
    let quick = Options { idle_timeout: Duration::from_millis(100), ..options() };
    let (result, sink, retries) = blob(&script, &expected, quick).await;
    assert_eq!(result.unwrap(), 200_000);
    assert_eq!(sink.bytes, expected);
    assert!(retries[0].0.contains("no byte came"), "{retries:?}");
}

#[tokio::test]
async fn progress_starts_the_count_of_retries_anew() {
    const PART: usize = 1024 * 1024 + 1;
    let bytes = content(8 * PART);
    let expected = bytes.clone();
    let script = Script::new(move |request| {
        let start = range(request).unwrap_or(0);
        let end = (start + PART).min(bytes.len());
        let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
        let length = (bytes.len() - start).to_string();
        let status = if start == 0 { 200 } else { 206 };
        Reply::raw(status, &[("Content-Range", &range), ("Content-Length", &length)], &bytes[start..end])
    })
    .await;
    let (result, sink, retries) = blob(&script, &expected, options()).await;
    assert_eq!(result.unwrap(), expected.len() as u64);
    assert!(sink.bytes == expected && retries.len() > 3, "{retries:?}");
}

#[tokio::test]
async fn a_registry_that_breaks_off_and_begins_anew_is_given_up() {
    let bytes = content(3 << 20);
    let expected = bytes.clone();
    let script = Script::new(move |_| broken(&bytes, 2 << 20, Then::Reset)).await;
    let (result, _, _) = blob(&script, &expected, options()).await;
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!((error.attempts(), script.requests().len()), (4, 4), "no attempt got further than the first");
}

#[tokio::test]
async fn empty_blobs_and_sha512() {
    let script = Script::new(|request| match request.path().contains("sha512") {
        true => Reply::new(200, &[], "sha512"),
        false => Reply::new(200, &[], ""),
    })
    .await;
    let (result, sink, _) = blob(&script, b"", options()).await;
    assert_eq!((result.unwrap(), sink.bytes.len()), (0, 0));
    let (transport, _) = transport(options());
    let digest = Digest::of(airlift_oci::Algorithm::Sha512, b"sha512");
    let wanted = airlift_oci::Descriptor::new("", digest, 6);
    let mut sink = Memory::default();
    transport.fetch_blob(&repository(script.address, "a"), &wanted, &mut sink).await.unwrap();
    assert_eq!(sink.bytes, b"sha512");
}

#[tokio::test]
async fn a_full_sink_ends_the_transfer_as_its_own_error() {
    struct Full;
    impl airlift_registry::BlobSink for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn restart(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let script = Script::new(|_| Reply::new(200, &[], content(1000))).await;
    let (transport, log) = transport(options());
    let result =
        transport.fetch_blob(&repository(script.address, "a"), &descriptor(&content(1000)), &mut Full).await;
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::Sink { source, .. } if source.kind() == std::io::ErrorKind::StorageFull));
    assert!(error.is_local() && log.retries().is_empty());
}

#[tokio::test]
async fn the_rate_is_kept_for_all_blobs_together() {
    let script = Script::new(|_| Reply::new(200, &[], content(30_000))).await;
    let limited = Options { limit_rate: Some(200_000), ..options() };
    let (transport, _) = transport(limited);
    let repository = repository(script.address, "a");
    let fetch = async || {
        transport
            .fetch_blob(&repository, &descriptor(&content(30_000)), &mut Memory::default())
            .await
            .unwrap();
    };
    let start = std::time::Instant::now();
    futures::join!(fetch(), fetch());
    // 60,000 bytes at 200,000 a second, less the burst.
    assert!(start.elapsed() >= Duration::from_millis(190), "{:?}", start.elapsed());
}

#[test]
fn the_work_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    let work = |transport: Transport, repository: airlift_oci::Repository| async move {
        let mut sink = Memory::default();
        let blob = descriptor(b"");
        let _ = transport.fetch_blob(&repository, &blob, &mut sink).await;
        let _ = transport.get_manifest(&repository, &tag(), Access::Pull).await;
        let _ = transport
            .look_up_blob(&repository, (blob.digest, blob.size), Access::Pull, HeadTrust::IfFound)
            .await;
        let _ = transport.mount_blob(&repository, &blob.digest, &repository).await;
        let _ = transport.put_blob(&repository, &blob.digest, 0, &support::Bytes(Vec::new())).await;
        let _ = transport.put_manifest(&repository, &tag(), "", bytes::Bytes::new()).await;
    };
    let (transport, _) = transport(options());
    is_send(&work(transport, "localhost/x".parse().unwrap()));
}
