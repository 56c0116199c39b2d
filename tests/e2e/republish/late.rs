//! Registries that show late what they took, and such as take no manifests by digest.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Request, Script};

use crate::made::{Embedded, bundle};

const REPOSITORY: &str = "team/app";

fn is_put(request: &Request, name: &str) -> bool {
    request.method == "PUT" && request.path().ends_with(&format!("/manifests/{name}"))
}

/// Numbers the GETs of a manifest that come after it was put.
fn since_put(name: String) -> impl Fn(&Request) -> Option<usize> {
    let (is_put_by_now, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    move |request| {
        if is_put(request, &name) {
            is_put_by_now.store(true, Ordering::SeqCst);
        }
        let is_it = request.method == "GET" && request.path().ends_with(&format!("/manifests/{name}"));
        (is_it && is_put_by_now.load(Ordering::SeqCst)).then(|| read.fetch_add(1, Ordering::SeqCst))
    }
}

/// A registry that doesn't see at once what it took refuses the manifest above, in the words of one registry
/// or another.
#[test]
fn what_was_acknowledged_is_waited_for_and_not_sent_again() {
    let (airlift, _source, samples) = bundle(&[REPOSITORY], &[]);
    let sample = &samples[0];
    let (root, child) = (sample.root.digest.to_string(), sample.manifests[0].digest.to_string());
    let layer = sample.blobs[1].digest.to_string();
    for (refused, code, named) in [
        (&root, "MANIFEST_BLOB_UNKNOWN", child.as_str()),
        (&root, "MANIFEST_UNKNOWN", "something"),
        (&child, "MANIFEST_BLOB_UNKNOWN", layer.as_str()),
        (&child, "BLOB_UNKNOWN", "something"),
    ] {
        let target = Embedded::start(Options::default());
        let (name, message) = (refused.clone(), format!("unknown: {named}"));
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_early = is_put(request, &name) && request.nth == 0;
                is_early.then(|| Answer::error(400, code, &message))
            })
            .start();
        let pushed = airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "1"]).expect(0);
        assert!(pushed.says("does not show yet").stderr.find("had acknowledged").is_none());
        assert_eq!((registry.count("PUT", refused), registry.count("PUT", &layer)), (2, 1));
        target.endpoint().assert_holds(sample, REPOSITORY);
    }
}

/// Some only say "invalid"; a HEAD shows that they don't see it yet.
#[test]
fn where_a_refusal_says_nothing_a_head_says_whether_it_is_late() {
    let (airlift, _source, samples) = bundle(&[REPOSITORY], &[]);
    let sample = &samples[0];
    let (root, child) = (sample.root.digest.to_string(), sample.manifests[0].digest.to_string());
    for status in [400, 404] {
        let target = Embedded::start(Options::default());
        let (index, part) = (root.clone(), format!("/manifests/{child}"));
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_early = is_put(request, &index) && request.nth == 0;
                let is_hidden =
                    request.method == "HEAD" && request.path().ends_with(&part) && request.nth == 0;
                let hidden = || is_hidden.then(|| Answer::status(404));
                is_early.then(|| Answer::error(status, "MANIFEST_INVALID", "no")).or_else(hidden)
            })
            .start();
        airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "1"]).expect(0);
        target.endpoint().assert_holds(sample, REPOSITORY);
    }
}

/// Reading back by digest and by tag.
#[test]
fn manifests_that_show_late_are_read_again_and_then_given_up() {
    let (airlift, _source, samples) = bundle(&[REPOSITORY], &[]);
    let sample = &samples[0];
    for (times, code) in [(1, 0), (usize::MAX, 3)] {
        for name in [sample.manifests[0].digest.to_string(), "1".to_owned()] {
            let target = Embedded::start(Options::default());
            let read = since_put(name.clone());
            let registry = Script::forwarding(target.authority())
                .rule(move |request| {
                    let is_late = read(request).is_some_and(|number| number < times);
                    is_late.then(|| Answer::error(404, "MANIFEST_UNKNOWN", "not yet"))
                })
                .start();
            let push = ["push", "b.tar", &registry.authority(), "--retries", "1"];
            let pushed = airlift.run(&push).expect(code).says("does not show yet");
            if code != 0 {
                pushed.says("was taken, but is not there");
            }
            assert_eq!(registry.count("PUT", &format!("/manifests/{name}")), 1, "it is not sent again");
        }
    }
}

/// Then the tag has to do, and still comes last.
#[test]
fn a_registry_that_takes_manifests_by_tag_only_gets_the_root_by_its_tag() {
    let (airlift, _source, samples) = bundle(&[REPOSITORY], &[]);
    let sample = &samples[0];
    for (status, code) in [(405, "UNSUPPORTED"), (400, "TAG_INVALID"), (501, "UNSUPPORTED")] {
        let (target, root) = (Embedded::start(Options::default()), sample.root.digest.to_string());
        let registry = Script::forwarding(target.authority())
            .rule(move |request| is_put(request, &root).then(|| Answer::error(status, code, "by tag only")))
            .start();
        airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(0);
        target.endpoint().assert_holds(sample, REPOSITORY);
    }
}

/// A tag that somebody else moves at the same time is no altered manifest.
#[test]
fn a_tag_that_somebody_else_moves_is_said_to_be_moved() {
    let (airlift, _source, samples) = bundle(&[REPOSITORY], &[]);
    let sample = &samples[0];
    let (target, other) = (Embedded::start(Options::default()), sample.manifests[0].clone());
    let read = since_put("1".to_owned());
    let registry = Script::forwarding(target.authority())
        .rule(move |request| read(request).map(|_| Answer::ok(&other.media_type, other.bytes.to_vec())))
        .start();
    let failed = airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(3);
    let failed = failed.says("stands for").says(&sample.manifests[0].digest.to_string());
    assert!(!failed.says("somebody else moved it").stderr.contains("alters"));
}
