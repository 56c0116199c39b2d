//! The lists of referrers at targets without the referrers API: written beside others, and never into
//! something else.

use std::sync::Arc;

use airlift_oci::{Digest, media_type};
use airlift_server::samples::{Content, Image, Sample};
use airlift_server::{Options, Referrers};
use airlift_testkit::http::Endpoint;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};
use serde_json::{Value, json};

use super::{REPOSITORY, without_api};
use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded, descriptor, tag_of};

/// `b.tar` with an image that has a referrer.
struct Signed {
    airlift: Airlift,
    sample: Sample,
    referrer: Image,
}

impl Signed {
    fn new() -> Self {
        let source = Embedded::start(Options::default());
        let sample = made::two_platforms(REPOSITORY, 1);
        let referrer = made::referrer(&sample.root, "application/x.ours", "ours");
        source.endpoint().push(std::slice::from_ref(&sample));
        made::put(source.endpoint(), REPOSITORY, &referrer, None);
        let airlift = Airlift::new();
        super::build(&airlift, source.authority(), &[]).expect(0);
        Signed { airlift, sample, referrer }
    }

    fn tag(&self) -> String {
        tag_of(&self.sample.root.digest, "")
    }

    fn push(&self, authority: &str, retries: &str) -> Ran {
        self.airlift.run(&["push", "b.tar", authority, "--retries", retries, "--json"])
    }

    /// A target with another referrer of the image, and the list that somebody else makes of it.
    fn target(&self) -> (Embedded, Image, Content) {
        let target = without_api();
        target.endpoint().push(std::slice::from_ref(&self.sample));
        let theirs = made::referrer(&self.sample.root, "application/x.theirs", "theirs");
        made::put(target.endpoint(), REPOSITORY, &theirs, None);
        let list = made::index(&[descriptor(&theirs.manifest)]);
        (target, theirs, list)
    }

    fn listed(&self, target: &Embedded) -> Vec<String> {
        let list: Value =
            serde_json::from_slice(&target.endpoint().manifest(REPOSITORY, &self.tag())).unwrap();
        let mut digests: Vec<String> =
            list["manifests"].as_array().unwrap().iter().map(|entry| entry["digest"].to_string()).collect();
        digests.sort();
        digests
    }
}

fn both(one: &Image, other: &Image) -> Vec<String> {
    let mut digests = [one, other].map(|image| json!(image.manifest.digest.to_string()).to_string()).to_vec();
    digests.sort();
    digests
}

/// Another client that writes `list` before the requests that `when` selects, whatever was there.
fn beside(
    target: &Embedded,
    (tag, list): (String, Content),
    when: impl Fn(&Request) -> bool + Send + Sync + 'static,
) -> ScriptedRegistry {
    let other = Endpoint::new(target.authority());
    Script::forwarding(target.authority())
        .rule(move |request| {
            if request.path().ends_with(&tag) && when(request) {
                other.push_manifest(REPOSITORY, &tag, &list).expect_status(201);
            }
            None
        })
        .start()
}

#[test]
fn whoever_writes_the_list_at_the_same_time_loses_nothing() {
    let signed = Signed::new();
    // Between our write and reading it back; and after that, before the last look.
    for nth in [1, 2] {
        let (target, theirs, list) = signed.target();
        let registry = beside(&target, (signed.tag(), list), move |r| r.method == "GET" && r.nth == nth);
        let pushed = signed.push(&registry.authority(), "1").expect(0);
        assert_eq!(signed.listed(&target), both(&signed.referrer, &theirs), "{nth}");
        let receipt = &pushed.json("airlift.receipt/v1")["images"][0];
        let list = &receipt["fallbackTags"][0];
        assert!(list["target"].to_string().contains(&signed.tag()), "{receipt}");
        let there = target.endpoint().manifest(REPOSITORY, &signed.tag());
        assert_eq!(list["digest"], Digest::sha256(&there).to_string(), "as it is in the end");
    }
}

#[test]
fn a_list_that_somebody_writes_all_the_time_fails_the_push_and_moves_no_tag() {
    let signed = Signed::new();
    let (target, _, list) = signed.target();
    target.endpoint().request("DELETE", &format!("/v2/{REPOSITORY}/manifests/1"), &[], b"");
    let registry = beside(&target, (signed.tag(), list), |r| r.method == "GET" && r.nth > 0);
    let failed = signed.push(&registry.authority(), "1").expect(3);
    let receipt = &failed.json("airlift.receipt/v1");
    let image = &receipt["images"][0];
    let error = image["error"].to_string();
    assert!(error.contains("somebody else writes it") && !error.contains("alters"), "{receipt}");
    assert_eq!((&receipt["ok"], &image["status"]), (&false.into(), &"failed".into()));
    assert_eq!(registry.count("PUT", "/manifests/1"), 0, "the tag comes after the list");
}

/// A registry that supports `If-Match` refuses a list that is out of date.
#[test]
fn a_write_on_a_condition_is_made_again_where_the_list_changed() {
    let signed = Signed::new();
    let (target, theirs, list) = signed.target();
    let nothing = made::index(&[]);
    target.endpoint().push_manifest(REPOSITORY, &signed.tag(), &nothing).expect_status(201);
    let (other, tag) = (Endpoint::new(target.authority()), signed.tag());
    let etag = format!("\"{}\"", nothing.digest);
    let registry = Script::forwarding(target.authority())
        .rule(move |request| {
            let is_first = request.method == "PUT" && request.path().ends_with(&tag) && request.nth == 0;
            is_first.then(|| {
                assert_eq!(request.header("if-match"), Some(etag.as_str()));
                other.push_manifest(REPOSITORY, &tag, &list).expect_status(201);
                Answer::error(412, "PRECONDITION_FAILED", "it has changed")
            })
        })
        .start();
    signed.push(&registry.authority(), "1").expect(0);
    assert_eq!(signed.listed(&target), both(&signed.referrer, &theirs));
}

/// A registry may show content a little late.
#[test]
fn a_list_that_shows_late_is_waited_for_and_written_once() {
    let signed = Signed::new();
    let target = without_api();
    let tag = signed.tag();
    let registry = Script::forwarding(target.authority())
        .rule(move |request| {
            let is_late = request.method == "GET" && request.path().ends_with(&tag) && request.nth < 2;
            is_late.then(|| Answer::error(404, "MANIFEST_UNKNOWN", "not yet"))
        })
        .start();
    signed.push(&registry.authority(), "1").expect(0);
    assert_eq!(registry.count("PUT", &signed.tag()), 1);
}

/// What a push left at a target whose registry stores each manifest and then answers with `status`: the
/// receipt of its image, and the lines of `--events`, without times.
fn left_with(signed: &Signed, status: u16, retries: &str) -> (Value, Vec<String>) {
    let target = without_api();
    target.endpoint().push_manifest(REPOSITORY, &signed.tag(), &made::index(&[])).expect_status(201);
    let behind = Endpoint::new(target.authority());
    let registry = Script::forwarding(target.authority())
        .rule(move |request| {
            let is_put = request.method == "PUT" && request.path().contains("/manifests/");
            is_put.then(|| {
                let media_type = request.header("content-type").unwrap_or_default();
                let headers = [("content-type", media_type)];
                behind.request("PUT", &request.target, &headers, &request.body).expect_status(201);
                Answer::status(status)
            })
        })
        .start();
    let authority = registry.authority();
    let push = ["push", "b.tar", &authority, "--retries", retries, "--receipt", "r.json"];
    signed.airlift.run(&[&push[..], &["--events", "e.jsonl"]].concat()).expect(0);
    let read = |name: &str| {
        String::from_utf8(signed.airlift.read(name)).unwrap().replace(&authority, "registry.example")
    };
    let mut receipt: Value = serde_json::from_str(&read("r.json")).unwrap();
    let mut image = receipt["images"][0].take();
    image.as_object_mut().unwrap().remove("at");
    let event = |line: &str| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        event.as_object_mut().unwrap().remove("at");
        event.to_string()
    };
    let mut events: Vec<String> = read("e.jsonl").lines().map(event).collect();
    events.sort();
    (image, events)
}

/// The list, the tags and what is attached: all that the push has written is in its receipt and events.
#[test]
fn what_was_stored_though_the_answer_was_an_error_counts_as_written() {
    let signed = Signed::new();
    let signature = made::signature("of the image");
    let tag = tag_of(&signed.sample.root.digest, ".sig");
    let source = Embedded::start(Options::default());
    source.endpoint().push(std::slice::from_ref(&signed.sample));
    made::put(source.endpoint(), REPOSITORY, &signed.referrer, None);
    made::put(source.endpoint(), REPOSITORY, &signature, Some(&tag));
    super::build(&signed.airlift, source.authority(), &[]).expect(0);
    let (receipt, events) = left_with(&signed, 201, "1");
    assert_eq!(receipt["fallbackTags"].as_array().map(Vec::len), Some(1), "{receipt}");
    assert_eq!(receipt["referrerTags"].as_array().map(Vec::len), Some(1), "{receipt}");
    assert!(
        events.iter().any(|event| event.contains(&signed.tag()) && event.contains("from")),
        "{events:#?}"
    );
    for retries in ["0", "1"] {
        assert_eq!(left_with(&signed, 500, retries), (receipt.clone(), events.clone()), "{retries}");
    }
}

/// The result of a push to a registry that can't keep the list: the image is there, the list isn't, and the
/// push says so.
fn assert_unlisted(signed: &Signed, target: &Embedded, pushed: Ran, reason: &str) {
    let pushed = pushed.expect(3);
    let receipt = pushed.json("airlift.receipt/v1");
    let image = &receipt["images"][0];
    assert_eq!((&receipt["ok"], &image["ok"]), (&false.into(), &false.into()), "{receipt}");
    assert_eq!((&image["status"], &image["digestResolves"]), (&"pushed".into(), &true.into()));
    let unlisted = &image["unlisted"][0];
    assert_eq!(unlisted["subject"], signed.sample.root.digest.to_string());
    assert_eq!(unlisted["referrers"], json!([signed.referrer.manifest.digest.to_string()]));
    assert!(unlisted["reason"].to_string().contains(reason), "{receipt}");
    assert!(target.endpoint().manifest(REPOSITORY, "1") == signed.sample.root.bytes);
    let referrer = signed.referrer.manifest.digest.to_string();
    assert!(target.endpoint().manifest(REPOSITORY, &referrer) == signed.referrer.manifest.bytes);
}

/// GitLab reads the fallback tag as the digest.
#[test]
fn a_tag_that_is_the_digest_itself_is_never_written() {
    let signed = Signed::new();
    let target = without_api();
    let (behind, tag) = (Endpoint::new(target.authority()), signed.tag());
    let digest = signed.sample.root.digest.to_string();
    let registry = Script::forwarding(target.authority())
        .rule(move |request| {
            let is_it = matches!(request.method.as_str(), "GET" | "HEAD") && request.path().ends_with(&tag);
            is_it.then(|| match behind.try_manifest(REPOSITORY, &digest) {
                found if found.status == 200 => Answer::ok(media_type::OCI_INDEX, found.body),
                _ => Answer::error(404, "MANIFEST_UNKNOWN", "no such digest"),
            })
        })
        .start();
    assert_unlisted(&signed, &target, signed.push(&registry.authority(), "0"), "GitLab");
    assert_eq!(registry.count("PUT", &signed.tag()), 0);
    let shown = signed.airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(3);
    shown.says("referrers").says("not listed:");
}

#[test]
fn what_is_no_list_of_referrers_is_never_extended() {
    let signed = Signed::new();
    let other = made::two_platforms(REPOSITORY, 50);
    for there in [other.root.clone(), other.manifests[0].clone()] {
        let target = without_api();
        target.endpoint().push(std::slice::from_ref(&other));
        target.endpoint().push_manifest(REPOSITORY, &signed.tag(), &there).expect_status(201);
        target.endpoint().push(std::slice::from_ref(&signed.sample));
        assert_unlisted_there(&signed, &target);
        assert!(target.endpoint().manifest(REPOSITORY, &signed.tag()) == there.bytes);
    }
}

fn assert_unlisted_there(signed: &Signed, target: &Embedded) {
    let pushed = signed.push(target.authority(), "0").expect(3);
    let receipt = pushed.json("airlift.receipt/v1");
    let reason = receipt["images"][0]["unlisted"][0]["reason"].to_string();
    assert!(reason.contains(&signed.tag()) && reason.contains("something else"), "{receipt}");
}

#[test]
fn a_registry_that_takes_no_list_has_the_image_all_the_same() {
    let signed = Signed::new();
    for (status, code) in [(400, "DIGEST_INVALID"), (404, "NAME_UNKNOWN"), (415, "UNSUPPORTED")] {
        let (target, tag) = (without_api(), signed.tag());
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_it = request.method == "PUT" && request.path().ends_with(&tag);
                is_it.then(|| Answer::error(status, code, "not that"))
            })
            .start();
        assert_unlisted(&signed, &target, signed.push(&registry.authority(), "0"), code);
    }
    // It has the API, and lists nothing.
    let target = Embedded::start(Options { referrers: Referrers::Absent, ..Options::default() });
    let registry = Script::forwarding(target.authority())
        .rule(|request| {
            let empty = made::index(&[]).bytes;
            request.path().contains("/referrers/").then(|| Answer::ok(media_type::OCI_INDEX, empty.to_vec()))
        })
        .start();
    assert_unlisted(&signed, &target, signed.push(&registry.authority(), "0"), "does not list it");
    assert_eq!(registry.count("PUT", &signed.tag()), 0);
}

/// Blobs, children, the index by its digest, what is attached, the list, and then the tag.
#[test]
fn the_tag_moves_after_the_list_of_what_is_attached() {
    let signed = Signed::new();
    let target = without_api();
    let registry = Script::forwarding(target.authority()).start();
    signed.push(&registry.authority(), "0").expect(0);
    let puts: Vec<String> = registry
        .requests()
        .iter()
        .filter(|request| request.method == "PUT" && request.path().contains("/manifests/"))
        .map(|request| request.path().rsplit('/').next().unwrap().to_owned())
        .collect();
    let by_digest = |digest: Digest| digest.to_string();
    let place = |name: &str| puts.iter().position(|put| put == name).unwrap_or_else(|| panic!("{puts:?}"));
    let order = [
        by_digest(signed.sample.manifests[0].digest),
        by_digest(signed.sample.root.digest),
        by_digest(signed.referrer.manifest.digest),
        signed.tag(),
        "1".to_owned(),
    ];
    let places: Vec<usize> = order.iter().map(|name| place(name)).collect();
    assert!(places.is_sorted(), "{puts:?}");
    assert_eq!(puts.last().map(String::as_str), Some("1"));
}

/// What is attached is damaged in the bundle: no tag moves, and the receipt says what the registry says.
#[test]
fn a_tag_stays_where_it_is_when_what_is_attached_fails() {
    let signed = Signed::new();
    let entries = airlift_testkit::tamper::listing(&signed.airlift.path("b.tar"));
    let hex = signed.referrer.blobs.last().unwrap().digest.hex();
    let blob = entries.iter().find(|entry| entry.name.ends_with(&hex)).expect("it is in the bundle");
    let mut bytes = signed.airlift.read("b.tar");
    bytes[blob.offset as usize] ^= 1;
    std::fs::write(signed.airlift.path("b.tar"), bytes).unwrap();
    let squatter = made::image("linux/amd64", 99);
    for taken in [false, true] {
        let target = Arc::new(without_api());
        if taken {
            made::put(target.endpoint(), REPOSITORY, &squatter, Some("1"));
        }
        let push = ["push", "b.tar", target.authority(), "--move-tags", "--json"];
        let failed = signed.airlift.run(&push).expect(3);
        let receipt = failed.json("airlift.receipt/v1");
        let image = &receipt["images"][0];
        assert_eq!((&image["status"], &image["ok"]), (&"failed".into(), &false.into()));
        let digest = signed.sample.root.digest.to_string();
        let resolves = target.endpoint().try_manifest(REPOSITORY, &digest).status == 200;
        assert_eq!(image["digestResolves"], resolves, "{receipt}");
        let there = taken.then(|| squatter.manifest.digest.to_string());
        assert_eq!(image["tagDigest"].as_str(), there.as_deref(), "{receipt}");
        let tag = target.endpoint().try_manifest(REPOSITORY, "1");
        assert_eq!(tag.status, if taken { 200 } else { 404 });
        assert!(!taken || tag.body == squatter.manifest.bytes);
    }
}
