//! Sources that break off, lie, or say no, and what a copy makes of them.

use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};

use super::{REPOSITORY, Way, layer, status};
use crate::airlift::Ran;
use crate::made::Embedded;

impl Way {
    /// Copies from a registry that a test bent.
    fn copy_from(&self, source: &ScriptedRegistry, more: &[&str]) -> Ran {
        let reference = format!("{}/{REPOSITORY}:1", source.authority());
        let copy = ["copy", &reference, self.target.authority()];
        self.airlift.run(&[&copy[..], more].concat())
    }

    fn is_layer(&self) -> impl Fn(&Request) -> bool + Send + Sync + 'static {
        let end = format!("/blobs/{}", layer(&self.sample).digest);
        move |request| request.method == "GET" && request.path().ends_with(&end)
    }
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    for does_ranges in [true, false] {
        let way = Way::new();
        let (is_layer, content) = (way.is_layer(), layer(&way.sample).bytes.to_vec());
        let source = Script::forwarding(way.source.authority())
            .rule(move |request| {
                let whole = || Answer::ok("application/octet-stream", content.clone());
                match is_layer(request) {
                    true if request.nth == 0 => Some(whole().reset_at(content.len() / 2)),
                    true if !does_ranges => Some(whole()),
                    _ => None,
                }
            })
            .start();
        way.copy_from(&source, &[]).expect(0);
        way.assert_arrived();
        let starts: Vec<u64> = source.requests().iter().filter_map(Request::range_start).collect();
        assert!(starts.iter().all(|start| *start > 0) && !starts.is_empty(), "{starts:?}");
        // The upload was not begun anew.
        assert_eq!(source.count("GET", &layer(&way.sample).digest.to_string()), 2);
    }
}

#[test]
fn a_source_that_sends_other_bytes_is_named_and_no_tag_moves() {
    let way = Way::new();
    let (is_layer, mut content) = (way.is_layer(), layer(&way.sample).bytes.to_vec());
    content[7] ^= 1;
    let source = Script::forwarding(way.source.authority())
        .rule(move |request| {
            is_layer(request).then(|| Answer::ok("application/octet-stream", content.clone()))
        })
        .start();
    let ran = way.copy_from(&source, &["--retries", "1"]).expect(3);
    let ran = ran.says(&source.authority()).says(&layer(&way.sample).digest.to_string());
    ran.says("altered");
    assert_eq!(status(&way.target, REPOSITORY, "1"), 404);
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", layer(&way.sample).digest);
    assert_eq!(way.target.endpoint().request("HEAD", &blob, &[], b"").status, 404);
}

/// The upload breaks off, and the source sends something else for the second attempt.
#[test]
fn a_source_that_changes_between_two_reads_is_named_and_no_tag_moves() {
    let way = Way::new();
    let (is_layer, mut content) = (way.is_layer(), layer(&way.sample).bytes.to_vec());
    let end = content.len() - 1;
    content[end] ^= 1;
    let source = Script::forwarding(way.source.authority())
        .rule(move |request| {
            let is_second = is_layer(request) && request.nth > 0;
            is_second.then(|| Answer::ok("application/octet-stream", content.clone()))
        })
        .start();
    let digest = layer(&way.sample).digest.to_string();
    let hex = layer(&way.sample).digest.hex();
    let is_put = move |request: &Request| request.method == "PUT" && request.target.contains(&hex);
    let target = Script::forwarding(way.target.authority())
        .rule(move |request| (is_put(request) && request.nth == 0).then(Answer::reset))
        .start();
    let reference = format!("{}/{REPOSITORY}:1", source.authority());
    let ran = way.airlift.run(&["copy", &reference, &target.authority(), "--retries", "2"]).expect(3);
    ran.says(&source.authority()).says(&digest);
    assert!(source.count("GET", &digest) > 1);
    assert_eq!(status(&way.target, REPOSITORY, "1"), 404);
}

#[test]
fn a_source_that_lost_a_blob_is_named() {
    let way = Way::new();
    let is_layer = way.is_layer();
    let source = Script::forwarding(way.source.authority())
        .rule(move |request| is_layer(request).then(|| Answer::error(404, "BLOB_UNKNOWN", "gone")))
        .start();
    let ran = way.copy_from(&source, &[]).expect(3);
    ran.says(&format!("can't get {} from {}", layer(&way.sample).digest, source.authority()));
    assert_eq!(status(&way.target, REPOSITORY, "1"), 404);
}

#[test]
fn a_source_that_is_slow_is_no_fault_of_the_target() {
    let way = Way::new();
    let (is_layer, content) = (way.is_layer(), layer(&way.sample).bytes.to_vec());
    let gate = airlift_testkit::scripted::Gate::new();
    let opened = gate.clone();
    let source = Script::forwarding(way.source.authority())
        .rule(move |request| {
            let is_first = is_layer(request) && request.nth == 0;
            is_first.then(|| Answer::ok("application/octet-stream", content.clone()).pause_at(1000, &opened))
        })
        .start();
    // The first download is given up after a second; the upload waits for the second one.
    let ran = way.copy_from(&source, &["--timeout", "1", "-v"]).expect(0);
    gate.open();
    assert!(!ran.stderr.contains("no byte went"), "{ran}");
    way.assert_arrived();
}

#[test]
fn a_registry_that_can_not_be_reached_is_named_on_either_side() {
    let way = Way::new();
    let nowhere = {
        let registry = Embedded::start(Options::default());
        registry.authority().to_owned()
    };
    let from = format!("{nowhere}/{REPOSITORY}:1");
    for copy in [["copy", &from, way.target.authority()], ["copy", &way.reference(), &nowhere]] {
        way.airlift.run(&[&copy[..], &["--retries", "0"]].concat()).expect(3).says(&nowhere);
    }
}
