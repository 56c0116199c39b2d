//! Registries that lose what they acknowledged, while they are pushed to.

use std::path::{Path, PathBuf};

use airlift_oci::Digest;
use airlift_server::Options;
use airlift_server::samples::{Content, Sample};
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};
use serde_json::Value;

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded};

const REPOSITORY: &str = "team/app";

/// `b.tar` with a two-platform image.
fn bundle() -> (Airlift, Sample) {
    let (airlift, _, mut samples) = made::bundle(&[REPOSITORY], &[]);
    (airlift, samples.remove(0))
}

fn push(airlift: &Airlift, registry: &ScriptedRegistry) -> Ran {
    airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0", "--json"])
}

fn image(ran: &Ran) -> Value {
    ran.json("airlift.receipt/v1")["images"][0].clone()
}

fn manifest_path(digest: &Digest) -> String {
    format!("/v2/{REPOSITORY}/manifests/{digest}")
}

/// `(uploaded, mounted, skipped)`.
fn moved(ran: &Ran) -> (u64, u64, u64) {
    let image = image(ran);
    let bytes = |name: &str| image[name].as_u64().expect("a number of bytes");
    (bytes("uploaded"), bytes("mounted"), bytes("skipped"))
}

fn size(blobs: &[&Content]) -> u64 {
    blobs.iter().map(|blob| blob.bytes.len() as u64).sum()
}

fn all(sample: &Sample) -> u64 {
    size(&sample.blobs.iter().collect::<Vec<_>>())
}

/// A HEAD that finds a blob which isn't there, as caches do.
fn finds(request: &Request, blob: &Content) -> Option<Answer> {
    let is_it = request.method == "HEAD" && request.path().ends_with(&format!("/blobs/{}", blob.digest));
    let answer = || Answer::ok("application/octet-stream", blob.bytes.to_vec());
    is_it.then(|| answer().header("Docker-Content-Digest", blob.digest.to_string()))
}

/// Takes content away from a Distribution registry, behind its back.
struct Storage(PathBuf);

impl Storage {
    fn of(registry: &RealRegistry) -> Self {
        Storage(registry.folder().join("data/docker/registry/v2"))
    }

    fn lose(&self, link: &Path, digest: &Digest) {
        let hex = digest.hex();
        std::fs::remove_file(self.0.join(link)).expect("the link is there");
        std::fs::remove_file(self.0.join(format!("blobs/sha256/{}/{hex}/data", &hex[..2])))
            .expect("the content is there");
    }

    fn lose_blob(&self, digest: &Digest) {
        let link = format!("repositories/{REPOSITORY}/_layers/sha256/{}/link", digest.hex());
        self.lose(Path::new(&link), digest);
    }

    fn lose_manifest(&self, digest: &Digest) {
        let link = format!("repositories/{REPOSITORY}/_manifests/revisions/sha256/{}/link", digest.hex());
        self.lose(Path::new(&link), digest);
    }
}

fn distributions() -> Vec<RealRegistry> {
    [RealRegistry::debian(), RealRegistry::distribution_v3()].into_iter().filter_map(|r| r.start()).collect()
}

#[test]
fn a_blob_that_is_lost_after_it_was_found_or_sent_is_sent_again() {
    let (airlift, sample) = bundle();
    let (lost, child) = (sample.blobs[1].clone(), sample.manifests[0].digest);
    for was_there in [false, true] {
        for target in distributions() {
            if was_there {
                target.endpoint().push_blob(REPOSITORY, &lost.bytes, &lost.digest);
            }
            let (storage, digest) = (Storage::of(&target), lost.digest);
            let registry = Script::forwarding(target.authority())
                .rule(move |request| {
                    let is_first = request.method == "PUT" && request.path() == manifest_path(&child);
                    if is_first && request.nth == 0 {
                        storage.lose_blob(&digest);
                    }
                    None
                })
                .start();
            let pushed = push(&airlift, &registry).expect(0).says("lacks what it had acknowledged");
            target.endpoint().assert_holds(&sample, REPOSITORY);
            assert_eq!(registry.count("PUT", &child.to_string()), 2);
            let again = if was_there { 0 } else { size(&[&lost]) };
            assert_eq!(moved(&pushed), (all(&sample) + again, 0, 0), "what was lost was not there");
        }
    }
}

#[test]
fn a_child_that_is_lost_before_its_index_comes_is_sent_again_with_its_blobs() {
    let (airlift, sample) = bundle();
    let (lost, child) = (sample.blobs[1].clone(), sample.manifests[0].clone());
    for target in distributions() {
        let (storage, blob, digest) = (Storage::of(&target), lost.digest, child.digest);
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                if request.method == "PUT" && request.path().ends_with("/manifests/1") && request.nth == 0 {
                    storage.lose_manifest(&digest);
                    storage.lose_blob(&blob);
                }
                None
            })
            .start();
        let pushed = push(&airlift, &registry).expect(0);
        target.endpoint().assert_holds(&sample, REPOSITORY);
        assert_eq!(registry.count("PUT", "/manifests/1"), 2);
        // The child once, once more, and again after its blob.
        assert_eq!(registry.count("PUT", &manifest_path(&child.digest)), 3);
        assert_eq!(moved(&pushed), (all(&sample) + size(&[&lost]), 0, 0));
    }
}

/// A cache before the registry goes on finding a blob that the registry lost, and the refusal names it.
#[test]
fn what_a_refusal_names_is_sent_whatever_a_head_says() {
    let (airlift, sample) = bundle();
    let (config, lost) = (sample.blobs[0].clone(), sample.blobs[1].clone());
    for target in distributions() {
        target.endpoint().push_blob(REPOSITORY, &config.bytes, &config.digest);
        // Another repository has it: the push must not mount it.
        target.endpoint().push_blob("team/other", &lost.bytes, &lost.digest);
        let cached = lost.clone();
        let registry =
            Script::forwarding(target.authority()).rule(move |request| finds(request, &cached)).start();
        let pushed = push(&airlift, &registry).expect(0);
        target.endpoint().assert_holds(&sample, REPOSITORY);
        assert_eq!(registry.count("POST", "mount="), 0);
        assert_eq!(moved(&pushed), (all(&sample) - size(&[&config]), 0, size(&[&config])));
    }
}

/// A registry that refuses the first platform's manifest, once, and names nothing. A HEAD finds its layer for
/// that long, or always.
fn refusing_once(
    target: &Embedded,
    sample: &Sample,
    (status, code): (u16, &'static str),
    always: bool,
) -> ScriptedRegistry {
    let (lost, child) = (sample.blobs[1].clone(), sample.manifests[0].digest);
    Script::forwarding(target.authority())
        .rule(move |request| finds(request, &lost).filter(|_| always || request.nth == 0))
        .rule(move |request| {
            let is_child = request.method == "PUT" && request.path() == manifest_path(&child);
            (is_child && request.nth == 0).then(|| Answer::error(status, code, "something is unknown"))
        })
        .start()
}

#[test]
fn a_refusal_that_names_nothing_is_answered_with_what_a_head_misses() {
    let (airlift, sample) = bundle();
    for answer in [
        (400, "MANIFEST_BLOB_UNKNOWN"),
        (404, "BLOB_UNKNOWN"),
        (404, "MANIFEST_UNKNOWN"),
        // As zot and Harbor call it.
        (400, "MANIFEST_INVALID"),
        (404, "NOT_FOUND"),
    ] {
        let target = Embedded::start(Options::default());
        let registry = refusing_once(&target, &sample, answer, false);
        let pushed = push(&airlift, &registry).expect(0);
        target.endpoint().assert_holds(&sample, REPOSITORY);
        assert_eq!(moved(&pushed), (all(&sample), 0, 0), "{answer:?}");
    }
}

#[test]
fn where_heads_are_wrong_and_nothing_is_named_all_that_was_only_found_is_sent() {
    let (airlift, sample) = bundle();
    let target = Embedded::start(Options::default());
    let registry = refusing_once(&target, &sample, (400, "MANIFEST_BLOB_UNKNOWN"), true);
    let pushed = push(&airlift, &registry).expect(0);
    target.endpoint().assert_holds(&sample, REPOSITORY);
    assert_eq!(moved(&pushed), (all(&sample), 0, 0));
}

#[test]
fn a_registry_that_loses_everything_is_given_up() {
    let (airlift, sample) = bundle();
    let (lost, child) = (sample.blobs[1].digest, sample.manifests[0].digest);
    for names_it in [true, false] {
        let target = Embedded::start(Options::default());
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_child = request.method == "PUT" && request.path() == manifest_path(&child);
                let named = if names_it { lost.to_string() } else { "something".to_owned() };
                is_child.then(|| Answer::error(400, "MANIFEST_BLOB_UNKNOWN", &format!("unknown: {named}")))
            })
            .start();
        let failed = push(&airlift, &registry).expect(3);
        let error = image(&failed)["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains("sent once more") && error.contains("unknown: "), "{error}");
        assert_eq!(registry.count("PUT", &child.to_string()), 2);
        let sent = registry.count("PUT", &lost.to_string());
        assert_eq!(sent, if names_it { 2 } else { 1 });
        assert_eq!(target.endpoint().try_manifest(REPOSITORY, "1").status, 404);
    }
}

/// Words that may mean anything, of a manifest of which nothing is missing, are final.
#[test]
fn a_refusal_of_another_kind_sends_nothing_again() {
    let (airlift, sample) = bundle();
    let child = sample.manifests[0].digest;
    for (status, code) in
        [(400, "MANIFEST_INVALID"), (404, "NOT_FOUND"), (413, "SIZE_INVALID"), (403, "DENIED")]
    {
        let target = Embedded::start(Options::default());
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_child = request.method == "PUT" && request.path() == manifest_path(&child);
                is_child.then(|| Answer::error(status, code, "not this one"))
            })
            .start();
        let failed = push(&airlift, &registry).expect(3).says("not this one");
        assert!(!failed.stderr.contains("acknowledged"), "{failed}");
        assert_eq!(registry.count("PUT", &child.to_string()), 1, "{code}");
        assert_eq!(registry.count("PUT", &sample.blobs[1].digest.to_string()), 1, "{code}");
    }
}
