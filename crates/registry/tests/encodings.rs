//! `Content-Encoding`: a claim about bytes that are proven otherwise, or the cause of bytes that are wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use airlift_oci::{Digest, Selector};
use airlift_registry::{Access, ContentFault, Error, HeadTrust, Lookup};
use support::script::{Reply, Request, Script, Then};
use support::{Log, Memory, content, descriptor, options, repository, transport};

const MANIFEST: &str = r#"{"schemaVersion":2}"#;

fn claims(encoding: &str) -> (&'static str, String) {
    ("Content-Encoding", encoding.to_owned())
}

fn range(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn fault(error: &Error) -> &ContentFault {
    match error {
        Error::Content { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

async fn blob(script: &Script, bytes: &[u8]) -> (Result<Vec<u8>, Error>, std::sync::Arc<Log>) {
    let (transport, log) = transport(options());
    let mut sink = Memory::default();
    let result = transport.fetch_blob(&repository(script.address, "a"), &descriptor(bytes), &mut sink).await;
    (result.map(|_| sink.bytes), log)
}

async fn manifest(selector: Selector, reply: Reply) -> Result<Vec<u8>, Error> {
    let script = Script::new(move |_| reply.clone()).await;
    let (transport, _) = transport(options());
    let fetched = transport.get_manifest(&repository(script.address, "a"), &selector, Access::Pull).await?;
    Ok(fetched.unwrap().bytes.to_vec())
}

fn tag() -> Selector {
    Selector::Tag("1".parse().unwrap())
}

fn by_digest() -> Selector {
    Selector::Digest(Digest::sha256(MANIFEST.as_bytes()))
}

#[tokio::test]
async fn a_blob_with_the_right_bytes_is_right_whatever_the_header_says() {
    let bytes = content(1000);
    for encoding in ["gzip", "x-gzip", "br", "zstd", "deflate, gzip", "aws-chunked"] {
        let (served, header) = (bytes.clone(), claims(encoding));
        let script = Script::new(move |_| Reply::new(200, &[(header.0, &header.1)], served.clone())).await;
        assert_eq!(blob(&script, &bytes).await.0.unwrap(), bytes, "{encoding}");
        assert_eq!(script.requests()[0].header("accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn such_a_blob_is_gone_on_with_where_it_broke() {
    let bytes = content(1000);
    let served = bytes.clone();
    let script = Script::new(move |request| match range(request) {
        None => {
            let headers = [("Content-Encoding", "gzip"), ("Content-Length", "1000")];
            Reply::raw(200, &headers, &served[..400]).then(Then::Reset)
        }
        Some(start) => {
            let range = format!("bytes {start}-999/1000");
            Reply::new(206, &[("Content-Encoding", "gzip"), ("Content-Range", &range)], &served[start..])
        }
    })
    .await;
    let (result, log) = blob(&script, &bytes).await;
    assert_eq!((result.unwrap(), log.retries().len()), (bytes, 1));
}

#[tokio::test]
async fn where_the_bytes_are_wrong_the_encoding_is_named() {
    let bytes = content(1000);
    let headers: [(&str, &str); 1] = [("Content-Encoding", "gzip")];
    let other: Vec<u8> = bytes.iter().rev().copied().collect();
    let short = bytes[..400].to_vec();
    let mut long = bytes.clone();
    long.push(0);
    let chunked = |body: &[u8]| {
        let head = "HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut chunks = format!("{:x}\r\n", body.len()).into_bytes();
        chunks.extend_from_slice(body);
        chunks.extend_from_slice(b"\r\n0\r\n\r\n");
        Reply::bytes(head, chunks)
    };
    for reply in [
        Reply::new(200, &headers, other),
        Reply::new(200, &headers, short.clone()),
        Reply::raw(200, &headers, long.clone()),
        chunked(&short),
        chunked(&long),
    ] {
        let script = Script::new(move |_| reply.clone()).await;
        let (result, log) = blob(&script, &bytes).await;
        let error = result.unwrap_err();
        assert!(error.to_string().contains("Content-Encoding 'gzip'"), "{error}");
        assert!(log.retries().is_empty(), "{error}");
    }
    // Without the header nothing is said of it.
    let script = Script::new(|_| Reply::new(200, &[], content(999))).await;
    let error = blob(&script, &bytes).await.0.unwrap_err();
    assert!(!error.to_string().contains("Encoding"), "{error}");
}

#[tokio::test]
async fn a_manifest_counts_where_a_digest_proves_it() {
    let digest = Digest::sha256(MANIFEST.as_bytes()).to_string();
    let bare = Reply::new(200, &[("Content-Encoding", "gzip")], MANIFEST);
    let named =
        Reply::new(200, &[("Content-Encoding", "gzip"), ("Docker-Content-Digest", &digest)], MANIFEST);
    assert_eq!(manifest(by_digest(), bare.clone()).await.unwrap(), MANIFEST.as_bytes());
    assert_eq!(manifest(tag(), named.clone()).await.unwrap(), MANIFEST.as_bytes());
    // Nothing says what a tag's bytes should be.
    let error = manifest(tag(), bare).await.unwrap_err();
    assert!(matches!(fault(&error), ContentFault::Encoding(encoding) if encoding == "gzip"), "{error}");
    let packed =
        Reply::new(200, &[("Content-Encoding", "gzip"), ("Docker-Content-Digest", &digest)], "\u{1f}packed");
    for selector in [by_digest(), tag()] {
        let error = manifest(selector, packed.clone()).await.unwrap_err();
        assert!(
            matches!(fault(&error), ContentFault::Digest { .. } | ContentFault::Header { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("Content-Encoding 'gzip'"), "{error}");
    }
}

#[tokio::test]
async fn the_length_of_an_encoding_is_no_size() {
    let digest = Digest::sha256(MANIFEST.as_bytes());
    let text = digest.to_string();
    let script = Script::new(move |_| {
        let named = ("Docker-Content-Digest", text.as_str());
        Reply::raw(200, &[("Content-Encoding", "gzip"), named, ("Content-Length", "7")], "")
    })
    .await;
    let (transport, _) = transport(options());
    let repository = repository(script.address, "a");
    let found = transport.look_up(&repository, &tag(), Access::Pull, HeadTrust::IfFound).await.unwrap();
    let head = found.there().unwrap();
    assert_eq!((head.digest, head.size), (Some(digest), None));
    // A length that is no size speaks against nothing.
    let blob = (digest, MANIFEST.len() as u64);
    let found = transport.look_up_blob(&repository, blob, Access::Pull, HeadTrust::IfFound).await.unwrap();
    assert_eq!((found, script.requests().len()), (Lookup::There(()), 2));
}

#[tokio::test]
async fn what_no_digest_proves_is_refused() {
    let list = r#"{"schemaVersion":2,"manifests":[]}"#;
    let script = Script::all(move |request| match request.path() {
        "/token" => Reply::new(200, &[("Content-Encoding", "gzip")], r#"{"token":"t"}"#),
        path if path.contains("/referrers/") => Reply::new(200, &[("Content-Encoding", "br")], list),
        path if path.contains("/wants-login/") => {
            let host = request.header("host").unwrap_or_default();
            Reply::new(401, &[("WWW-Authenticate", &format!("Bearer realm=http://{host}/token"))], "")
        }
        _ => Reply::new(200, &[], "{}"),
    })
    .await;
    let (transport, _) = transport(options());
    let a = repository(script.address, "a");
    let error = transport.referrers(&a, &Digest::sha256(b"x"), Access::Pull).await.unwrap_err();
    assert!(matches!(fault(&error), ContentFault::Encoding(encoding) if encoding == "br"), "{error}");
    let login = repository(script.address, "wants-login");
    let error = transport.get_manifest(&login, &tag(), Access::Pull).await.unwrap_err();
    assert!(matches!(fault(&error), ContentFault::Encoding(encoding) if encoding == "gzip"), "{error}");
}
