//! Receipts that a push wrote, and those that people edited, cut off or made up.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use airlift_lists::ReceiptFile;
use airlift_lists::receipt::{ReceiptStatus, TagMove};
use airlift_oci::Digest;
use serde_json::{Value, json};

fn digest(content: &str) -> Digest {
    Digest::sha256(content.as_bytes())
}

/// A receipt of two images, as a push writes one.
fn document() -> Value {
    json!({
        "schema": "airlift.receipt/v1",
        "bundle": digest("bundle"),
        "target": "registry.example/mirror",
        "ok": true,
        "at": "2026-05-04T10:00:00Z",
        "images": [
            {
                "source": "docker.io/library/nginx:1.27",
                "target": "registry.example/mirror/library/nginx:1.27",
                "digest": digest("nginx"),
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "omittedPlatforms": ["linux/s390x"],
                "status": "pushed",
                "ok": true,
                "digestResolves": true,
                "tag": {"from": digest("old"), "to": digest("nginx")},
                "at": "2026-05-04T09:59:00Z",
                "children": [digest("amd64"), digest("arm64")],
                "referrers": [digest("signature")],
                "fallbackTags": [{"target": format!("registry.example/mirror/library/nginx:{}", "sha256-ab"), "digest": digest("list")}],
                "referrerTags": [{"target": "registry.example/mirror/library/nginx:sha256-ab.sig", "digest": digest("signature")}],
                "uploaded": 1, "mounted": 0, "skipped": 0,
            },
            {
                "source": "docker.io/library/redis:7",
                "target": "registry.example/mirror/library/redis:7",
                "digest": digest("redis"),
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "omittedPlatforms": [],
                "status": "failed",
                "ok": false,
                "digestResolves": false,
                "children": [], "referrers": [],
                "uploaded": 0, "mounted": 0, "skipped": 0,
                "error": "the registry is full",
            },
        ],
    })
}

fn text() -> String {
    serde_json::to_string_pretty(&document()).unwrap()
}

fn parse(text: &str) -> ReceiptFile {
    ReceiptFile::parse("r.json", text.as_bytes()).unwrap()
}

/// The errors of a text, each as it is printed.
fn errors(text: &str) -> Vec<String> {
    let errors = ReceiptFile::parse("r.json", text.as_bytes()).expect_err(text);
    errors.iter().map(ToString::to_string).collect()
}

/// The one error of a document after a change.
fn error_after(change: impl FnOnce(&mut Value)) -> String {
    let mut changed = document();
    change(&mut changed);
    let mut errors = errors(&serde_json::to_string_pretty(&changed).unwrap());
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[test]
fn a_receipt_is_read_with_all_that_proves_a_push() {
    let receipt = parse(&text());
    assert_eq!((receipt.bundle, receipt.interrupted), (Some(digest("bundle")), false));
    assert_eq!(receipt.target, "registry.example/mirror");
    assert_eq!(receipt.at.unwrap().to_string(), "2026-05-04T10:00:00Z");
    let [nginx, redis] = &receipt.images[..] else { panic!("{receipt:?}") };
    assert_eq!(nginx.source, "docker.io/library/nginx:1.27");
    assert_eq!(nginx.target.to_string(), "registry.example/mirror/library/nginx:1.27");
    assert_eq!((nginx.digest, nginx.status), (digest("nginx"), ReceiptStatus::Pushed));
    assert_eq!(nginx.omitted_platforms, ["linux/s390x"]);
    assert_eq!(nginx.children, [digest("amd64"), digest("arm64")]);
    assert_eq!(nginx.referrers, [digest("signature")]);
    assert_eq!(nginx.tag, Some(TagMove { from: Some(digest("old")), to: digest("nginx") }));
    assert_eq!(nginx.fallback_tags[0].digest, digest("list"));
    assert_eq!(nginx.referrer_tags[0].target.tag(), Some("sha256-ab.sig"));
    assert_eq!(nginx.referrer_tags[0].digest, digest("signature"));
    assert_eq!((redis.status, redis.status.is_there()), (ReceiptStatus::Failed, false));
    assert_eq!((redis.tag, redis.at), (None, None));
}

#[test]
fn receipts_that_say_less_or_more_are_read() {
    let mut old = document();
    for member in ["at", "bundle", "ok"] {
        old.as_object_mut().unwrap().remove(member);
    }
    for image in old["images"].as_array_mut().unwrap() {
        for member in ["tag", "at", "fallbackTags", "referrerTags", "omittedPlatforms", "error", "uploaded"] {
            image.as_object_mut().unwrap().remove(member);
        }
        image["weather"] = json!({"sky": ["blue"]});
    }
    old["signedBy"] = json!([1, 2]);
    old["interrupted"] = json!(true);
    let receipt = parse(&old.to_string());
    assert_eq!((receipt.at, receipt.bundle, receipt.interrupted), (None, None, true));
    assert!(receipt.images.iter().all(|image| image.tag.is_none() && image.fallback_tags.is_empty()));
    let mut first = document();
    first["images"][0]["tag"] = json!({"to": digest("nginx")});
    assert_eq!(parse(&first.to_string()).images[0].tag, Some(TagMove { from: None, to: digest("nginx") }));
    let reference = format!("registry.example/mirror/a@{}", digest("a"));
    first["images"][0]["target"] = json!(reference);
    first["images"][0]["digest"] = json!(digest("a"));
    assert_eq!(parse(&first.to_string()).images[0].target.to_string(), reference);
    assert_eq!(parse(&format!("\u{feff}{}\r\n", text().replace('\n', "\r\n"))), parse(&text()));
}

#[test]
fn what_was_edited_by_hand_is_named_at_its_place() {
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 14] = [
        (|it| it["images"][0]["digest"] = json!("sha256:ab"), "'sha256:ab' is not a sha256 digest"),
        (|it| it["images"][0]["digest"] = json!("latest"), "'latest' is not a digest"),
        (|it| it["images"][0]["digest"] = json!(7), "invalid type: integer `7`"),
        (|it| it["images"][0]["children"][1] = json!("sha256:ab"), "'sha256:ab' is not a sha256 digest"),
        (|it| it["images"][0]["status"] = json!("done"), "'status' is one of 'pushed', 'present', 'failed'"),
        (|it| it["images"][0]["status"] = json!("Pushed"), "'status' is one of"),
        (|it| it["images"][0]["target"] = json!("registry.example/A:1"), "registry.example/A:1"),
        (|it| it["images"][0]["tag"] = json!({"from": digest("x")}), "the member 'to' is missing"),
        (|it| it["images"][0]["at"] = json!("yesterday"), "'yesterday' is not a time in UTC"),
        (|it| it["bundle"] = json!("x"), "'x' is not a digest"),
        (|it| it["target"] = json!(""), "this is empty"),
        (
            |it| drop(it["images"][1].as_object_mut().unwrap().remove("digest")),
            "the member 'digest' is missing",
        ),
        (|it| drop(it.as_object_mut().unwrap().remove("target")), "the member 'target' is missing"),
        (|it| it["images"] = json!({}), "invalid type: map, expected a sequence"),
    ];
    for (change, wanted) in changes {
        let error = error_after(change);
        assert!(error.starts_with("r.json:") && error.contains(wanted), "{wanted}: {error}");
    }
    let error = errors(&text().replacen("\"status\": \"pushed\"", "\"status\": \"done\"", 1));
    let line = text().lines().position(|line| line.contains("\"pushed\"")).unwrap() + 1;
    assert!(error[0].starts_with(&format!("r.json:{line}:17: ")), "{error:?}");
    let pinned = format!("registry.example/a@{}", digest("other"));
    let error = error_after(|it| it["images"][0]["target"] = json!(pinned));
    assert!(error.contains("another digest than 'digest'"), "{error}");
}

#[test]
fn one_name_has_one_digest() {
    let copy = |digest: Digest| {
        let mut changed = document();
        let mut again = changed["images"][0].clone();
        again["digest"] = json!(digest);
        changed["images"].as_array_mut().unwrap().push(again);
        serde_json::to_string_pretty(&changed).unwrap()
    };
    let error = errors(&copy(digest("other")));
    assert!(error[0].contains("nginx:1.27 is there twice, with two digests: line "), "{error:?}");
    assert_eq!(parse(&copy(digest("nginx"))).images.len(), 3, "two sources may have one target");
    let twice =
        text().replacen("\"status\": \"pushed\"", "\"status\": \"pushed\", \"status\": \"failed\"", 1);
    assert!(errors(&twice)[0].contains("the member 'status' is there twice"));
}

#[test]
fn what_is_no_receipt_is_said() {
    for (text, wanted) in [
        ("", "r.json:1:1: the receipt is empty"),
        ("nginx:1.27\n", "r.json:1:1: a receipt is a JSON document that starts with '{'"),
        ("{\"images\": []}", "r.json:1:1: the member 'schema' is missing"),
        (
            "{\"schema\": \"airlift.receipt/v1\", \"images\": []}",
            "r.json:1:1: the member 'target' is missing",
        ),
        (
            "{\"schema\": \"airlift.lock/v1\", \"images\": []}",
            "r.json:1:2: this document calls itself 'airlift.lock/v1'; a receipt is 'airlift.receipt/v1'",
        ),
        (
            "{\"schema\": \"airlift.receipt/v2\", \"pictures\": {}}",
            "r.json:1:2: this receipt is of version 2, and this Airlift reads version 1",
        ),
    ] {
        let found = errors(text);
        assert!(found[0].starts_with(wanted), "{text:?}: {found:?}");
    }
    let mut latin = b"{\"schema\": \"airlift.receipt/v1\",\n \"target\": \"".to_vec();
    latin.push(0xe9);
    let errors = ReceiptFile::parse("r.json", &latin).unwrap_err();
    assert!(errors.to_string().starts_with("r.json:2:13: it is not UTF-8"), "{errors}");
}

#[test]
fn a_receipt_that_was_cut_off_says_so() {
    let text = text();
    for end in (1..text.len()).step_by(7) {
        let errors = errors(&text[..end]);
        assert!(errors.len() == 1 && errors[0].contains("the receipt ends here"), "{end}: {errors:?}");
    }
}

#[test]
fn all_bad_images_are_named_at_once_and_deep_nesting_ends_without_a_crash() {
    let bad = text().replace("sha256:", "md5:");
    assert_eq!(errors(&bad).len(), 2);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(errors(&text().replacen("[]", &deep, 1)).len(), 1);
    let mut nested = text();
    nested.insert_str(1, &format!("\"interrupted\": {deep},"));
    assert_eq!(errors(&nested).len(), 1);
}
