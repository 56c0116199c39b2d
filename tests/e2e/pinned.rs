//! Images asked for by digest, and registries that refuse for a reason that is known.

use airlift_server::Options;
use airlift_server::samples::{self, Sample};
use airlift_testkit::scripted::{Answer, Request, Script};

use crate::airlift::Airlift;
use crate::made::{self, Embedded};

const REPOSITORY: &str = "team/app";

/// `b.tar` of a reference behind `team/app`, and what was said.
fn build(source: &Embedded, airlift: &Airlift, reference: &str) -> crate::airlift::Ran {
    let reference = format!("{}/{REPOSITORY}{reference}", source.authority());
    airlift.run(&["build", &reference, "-o", "b.tar", "--force"]).expect(0)
}

#[test]
fn a_digest_gets_a_tag_so_that_nobody_collects_it() {
    let (source, airlift) = (Embedded::start(Options::default()), Airlift::new());
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    let digest = sample.root.digest;
    build(&source, &airlift, &format!("@{digest}"));
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    let tag = format!("airlift-{}", &digest.hex()[..12]);
    assert!(target.endpoint().manifest(REPOSITORY, &tag) == sample.root.bytes);

    let bare = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", bare.authority(), "--no-tag"]).expect(0);
    assert!(bare.endpoint().manifest(REPOSITORY, &digest.to_string()) == sample.root.bytes);
    assert!(bare.endpoint().tags(REPOSITORY).contains("\"tags\":[]"));
}

#[test]
fn of_a_moved_tag_the_digest_wins_and_both_are_named() {
    let (source, airlift) = (Embedded::start(Options::default()), Airlift::new());
    let (old, new) = (made::two_platforms(REPOSITORY, 1), made::two_platforms(REPOSITORY, 10));
    source.endpoint().push(&[old.clone(), new.clone()]);
    let built = build(&source, &airlift, &format!(":1@{}", old.root.digest));
    built.says("has moved").says(&old.root.digest.to_string()).says(&new.root.digest.to_string());
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    assert!(target.endpoint().manifest(REPOSITORY, "1") == old.root.bytes);
    // For a tag that didn't change, nothing is printed.
    let built = build(&source, &airlift, &format!(":1@{}", new.root.digest));
    assert!(!built.stderr.contains("moved"), "{built}");
}

#[test]
fn what_a_refusal_means_is_said_where_it_is_known() {
    let (source, airlift) = (Embedded::start(Options::default()), Airlift::new());
    let docker =
        Sample { repository: REPOSITORY.to_owned(), tag: "1".to_owned(), ..samples::all().swap_remove(1) };
    source.endpoint().push(std::slice::from_ref(&docker));
    build(&source, &airlift, ":1");
    for (status, words) in [(415, "http.compat: [docker2s2]"), (413, "a limit for the size of manifests")] {
        let upstream = Embedded::start(Options::default());
        let target = Script::forwarding(upstream.authority())
            .rule(move |request| {
                let is_manifest = request.method == "PUT" && request.path().contains("/manifests/");
                is_manifest.then(|| Answer::error(status, "MANIFEST_INVALID", "no"))
            })
            .start();
        let refused = airlift.run(&["push", "b.tar", &target.authority(), "--retries", "0"]).expect(3);
        refused.says(words).says(&status.to_string()).says("MANIFEST_INVALID");
        assert_eq!(upstream.endpoint().try_manifest(REPOSITORY, "1").status, 404, "no tag moved");
        // The same under another type is another image, whatever the registry would rather have.
        let is_manifest =
            |request: &Request| request.method == "PUT" && request.path().contains("/manifests/");
        let puts: Vec<Request> = target.requests().into_iter().filter(is_manifest).collect();
        assert!(!puts.is_empty());
        for put in puts {
            let found = docker.manifests.iter().chain([&docker.root]).find(|known| known.bytes == put.body);
            let media_type = found.map(|known| known.media_type.as_str());
            assert!(media_type.is_some() && put.header("content-type") == media_type, "{}", put.target);
        }
    }
}

/// A registry that rewrites documents: it doesn't return what it accepted.
#[test]
fn a_registry_that_alters_what_it_took_is_found_out() {
    let (source, airlift) = (Embedded::start(Options::default()), Airlift::new());
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    build(&source, &airlift, ":1");
    for altered in ["1".to_owned(), sample.manifests[1].digest.to_string()] {
        let upstream = Embedded::start(Options::default());
        let manifest = sample.manifests.iter().find(|manifest| manifest.digest.to_string() == altered);
        let manifest = manifest.unwrap_or(&sample.root).clone();
        let path = format!("/v2/{REPOSITORY}/manifests/{altered}");
        let was_put = std::sync::atomic::AtomicBool::new(false);
        let target = Script::forwarding(upstream.authority())
            .rule(move |request| {
                let bytes = [&manifest.bytes[..], b"\n"].concat();
                let (is_it, ordering) = (request.path() == path, std::sync::atomic::Ordering::SeqCst);
                was_put.fetch_or(is_it && request.method == "PUT", ordering);
                (is_it && request.method == "GET" && was_put.load(ordering))
                    .then(|| Answer::ok(&manifest.media_type, bytes))
            })
            .start();
        let pushed =
            airlift.run(&["push", "b.tar", &target.authority(), "--retries", "0", "--json"]).expect(3);
        let receipt = pushed.json("airlift.receipt/v1");
        assert_eq!(receipt["images"][0]["status"], "failed", "{receipt}");
        assert!(receipt["images"][0]["error"].to_string().contains("was taken, but"), "{receipt}");
    }
}
