//! Pushing again, elsewhere, and over something else.

mod asked;
mod late;
mod lost;
mod moves;
mod presence;
mod receipts;
mod subjects;
mod tags;
mod withheld;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airlift_server::Options;
use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Answer, Gate, Request, Script};
use serde_json::Value;

use crate::made::{self, Embedded};
use crate::pair::Pair;

#[test]
fn pushing_again_costs_one_head_an_image() {
    let Some(pair) = Pair::start() else { return };
    pair.build_all();
    pair.push("b.tar").expect(0);
    let between = Script::forwarding(pair.target.authority()).start();
    let again = pair.airlift.run(&["--json", "push", "b.tar", &between.authority()]).expect(0);
    let receipt = again.json("airlift.receipt/v1");
    let images = receipt["images"].as_array().expect("a receipt has images");
    assert!(images.iter().all(|image| image["status"] == "present" && image["uploaded"] == 0), "{receipt}");
    let requests = between.requests();
    let heads = requests.iter().filter(|request| request.method == "HEAD").count();
    assert_eq!(heads, pair.samples.len(), "{requests:#?}");
    let others: Vec<_> =
        requests.iter().filter(|request| request.method != "HEAD" && request.path() != "/v2/").collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// Content that isn't sent is hashed, at the disk's speed, which doesn't count as the network's.
#[test]
fn what_the_registry_has_is_not_called_pushed() {
    let (airlift, _source, _) = made::bundle(&["team/app"], &[]);
    let target = Embedded::start(Options::default());
    let push = |more: &[&str]| {
        let arguments = ["push", "b.tar", target.authority(), "--progress", "plain"];
        airlift.run(&[&arguments, more].concat()).expect(0).stderr
    };
    let fresh = push(&[]);
    assert!(fresh.contains("push") && !fresh.contains("were there already"), "{fresh}");
    let again = push(&["--recheck"]);
    let line = again.lines().find(|line| line.starts_with("push")).unwrap_or_default();
    assert!(line.starts_with("push 0 B in") && line.contains("were there already"), "{again}");
    assert!(!line.contains("/s"), "{again}");
}

#[test]
fn a_tag_that_means_something_else_is_moved_only_on_request() {
    let Some(pair) = Pair::start() else { return };
    let web = pair.web();
    let single = pair
        .samples
        .iter()
        .find(|sample| sample.repository == "team/single")
        .expect("there is such a sample");
    // Under web's name, the target has another image.
    let squatter = Sample { repository: web.repository.clone(), tag: web.tag.clone(), ..single.clone() };
    pair.target.endpoint().push(std::slice::from_ref(&squatter));
    pair.build(web);

    let refused = pair.push("b.tar").expect(5);
    let refused = refused.says(&web.root.digest.to_string()).says(&squatter.root.digest.to_string());
    refused.says("--move-tags");
    pair.target.endpoint().assert_holds(&squatter, &web.repository);

    pair.airlift.run(&["push", "b.tar", pair.target.authority(), "--move-tags"]).expect(0);
    pair.assert_arrived(web);
}

#[test]
fn names_are_mapped_as_asked() {
    let Some(pair) = Pair::start() else { return };
    let web = pair.web();
    pair.build(web);
    let (target, source) = (pair.target.authority(), pair.source.authority());
    let endpoint = pair.target.endpoint();

    pair.airlift.run(&["push", "b.tar", &format!("{target}/mirror/eu")]).expect(0);
    endpoint.assert_holds(web, "mirror/eu/team/web");
    let map = format!("{source}/team/=base/");
    pair.airlift.run(&["push", "b.tar", target, "--map", &map]).expect(0);
    endpoint.assert_holds(web, "base/web");

    let dry = pair.airlift.run(&["push", "b.tar", &format!("{target}/dry"), "--dry-run"]).expect(0);
    dry.says("dry/team/web:1.27");
    assert_eq!(endpoint.tags("dry/team/web"), "");
}

#[test]
fn the_tag_moves_last() {
    let Some(pair) = Pair::start() else { return };
    let between = Script::forwarding(pair.target.authority()).start();
    pair.build(pair.web());
    pair.airlift.run(&["push", "b.tar", &between.authority()]).expect(0);
    let requests = between.requests();
    let last_write =
        requests.iter().rfind(|request| matches!(request.method.as_str(), "PUT" | "POST" | "PATCH"));
    let last_write = last_write.expect("something was pushed");
    assert_eq!(last_write.path(), "/v2/team/web/manifests/1.27");
    assert!(last_write.body == pair.web().root.bytes);
    let tagged =
        requests.iter().filter(|request| request.method == "PUT" && request.path().ends_with("/1.27"));
    assert_eq!(tagged.count(), 1);
    // And what a manifest names stands before it.
    let put = |content: &str| {
        let puts = |request: &Request| request.method == "PUT" && request.target.contains(content);
        requests.iter().position(puts).unwrap_or_else(|| panic!("{content} was not sent"))
    };
    let web = pair.web();
    // The index has the tag for its place.
    for manifest in web.manifests.iter().filter(|manifest| **manifest != web.root) {
        let document: Value = serde_json::from_slice(&manifest.bytes).expect("a manifest is JSON");
        let layers = document["layers"].as_array().expect("it is an image's").iter();
        for blob in layers.chain([&document["config"]]) {
            let digest = blob["digest"].as_str().expect("each names one");
            assert!(put(digest) < put(&format!("/manifests/{}", manifest.digest)), "{digest}");
        }
    }
}

/// Every blob of every image is looked for while the first one is still being uploaded.
#[test]
fn blobs_are_looked_for_ahead_of_their_turn() {
    let (airlift, _source, samples) = made::bundle(&["team/app0", "team/app1", "team/app2"], &[]);
    let blobs = samples.iter().map(|sample| sample.blobs.len()).sum::<usize>();
    let (target, all) = (Embedded::start(Options::default()), Gate::new());
    let (heads, gate) = (Arc::new(AtomicUsize::new(0)), all.clone());
    let between = Script::forwarding(target.authority())
        .rule(move |request| {
            let is_head = request.method == "HEAD" && request.path().contains("/blobs/");
            if is_head && heads.fetch_add(1, Ordering::SeqCst) + 1 == blobs {
                gate.open();
            }
            None
        })
        // Nothing is opened for an upload before all were looked for.
        .rule(move |request| {
            let opens = request.method == "POST" && request.nth == 0 && request.path().contains("app0");
            opens.then(|| Answer::error(503, "UNAVAILABLE", "once more").after(&all))
        })
        .start();
    let push = ["push", "b.tar", &between.authority(), "--jobs", "1", "--no-probe"];
    airlift.run(&push).expect(0);
    let asked = between.requests().into_iter().filter(|r| r.method == "HEAD" && r.path().contains("/blobs/"));
    assert_eq!(asked.count(), blobs, "each is asked for once");
    for sample in &samples {
        target.endpoint().assert_holds(sample, &sample.repository);
    }
}
