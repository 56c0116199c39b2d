//! Registries that send an image only when it is signed or scanned, also to clients that may push: Harbor's
//! projects.

use airlift_server::Options;
use airlift_testkit::http::Endpoint;
use airlift_testkit::scripted::{Answer, Script, ScriptedRegistry};

use crate::airlift::Airlift;
use crate::made::{self, Embedded, put, referrer, signature, tag_of};

const REPOSITORY: &str = "team/app";

/// A registry that keeps back the manifests at `paths` until one of the `signatures` can be got.
fn withholding(target: &Embedded, paths: Vec<String>, signatures: Vec<String>) -> ScriptedRegistry {
    let upstream = Endpoint::new(target.authority());
    let is_there = move |name: &String| {
        let path = format!("/v2/{REPOSITORY}/manifests/{name}");
        upstream.request("GET", &path, &[("Accept", "*/*")], b"").status == 200
    };
    Script::forwarding(target.authority())
        .rule(move |request| {
            let is_asked_for = request.method != "PUT" && paths.iter().any(|path| request.path() == *path);
            // Only what is there can be withheld.
            let name = || request.path().rsplit('/').next().unwrap_or_default().to_owned();
            let is_kept_back = is_asked_for && is_there(&name()) && !signatures.iter().any(&is_there);
            let message = "The image is not signed by cosign.";
            is_kept_back.then(|| Answer::error(412, "PROJECTPOLICYVIOLATION", message))
        })
        .start()
}

/// Signed twice: by a referrer and under cosign's tag. All manifests of the image are kept back, or its root
/// alone.
#[test]
fn what_is_withheld_until_it_is_signed_is_read_back_after_its_signatures() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let digests: Vec<String> = sample.manifests.iter().map(|content| content.digest.to_string()).collect();
    let cosign = tag_of(&sample.root.digest, ".sig");
    let notation = referrer(&sample.root, "application/vnd.cncf.notary.signature", "signed");
    let signed = [cosign.clone(), notation.manifest.digest.to_string()];
    let source = Embedded::start(Options::default());
    source.endpoint().push(std::slice::from_ref(&sample));
    put(source.endpoint(), REPOSITORY, &notation, None);
    put(source.endpoint(), REPOSITORY, &signature("signed"), Some(&cosign));
    let airlift = Airlift::new();
    airlift.run(&["build", "-o", "b.tar", &format!("{}/{REPOSITORY}:1", source.authority())]).expect(0);
    for signature in signed {
        for withheld in [&digests[..], &digests[digests.len() - 1..]] {
            let names = withheld.iter().map(String::as_str).chain(["1"]);
            let paths: Vec<String> = names.map(|name| format!("/v2/{REPOSITORY}/manifests/{name}")).collect();
            let target = Embedded::start(Options::default());
            let registry = withholding(&target, paths.clone(), vec![signature.clone()]);
            airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(0);
            target.endpoint().assert_holds(&sample, REPOSITORY);
            for path in paths.iter().filter(|path| !path.ends_with("/1")) {
                assert_eq!(registry.count("GET", path), 2, "it is read back once more");
            }
        }
    }
}

#[test]
fn what_stays_withheld_is_an_error_that_names_the_policy_and_moves_no_tag() {
    let (airlift, _source, samples) = made::bundle(&[REPOSITORY], &[]);
    for content in &samples[0].manifests {
        let path = format!("/v2/{REPOSITORY}/manifests/{}", content.digest);
        let target = Embedded::start(Options::default());
        let registry = withholding(&target, vec![path], Vec::new());
        let pushed = airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(3);
        pushed.says("a policy of the registry").says("PROJECTPOLICYVIOLATION").says("not signed by cosign");
        assert_eq!(registry.count("PUT", "/manifests/1"), 0);
    }
}

/// Another 412 is no such policy.
#[test]
fn another_refusal_to_read_back_ends_it_at_once() {
    let (airlift, _source, samples) = made::bundle(&[REPOSITORY], &[]);
    let path = format!("/v2/{REPOSITORY}/manifests/{}", samples[0].manifests[0].digest);
    for (status, code) in [(412, "PRECONDITION"), (403, "PROJECTPOLICYVIOLATION")] {
        let target = Embedded::start(Options::default());
        let path = path.clone();
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_it = request.method == "GET" && request.path() == path;
                is_it.then(|| Answer::error(status, code, "no"))
            })
            .start();
        let pushed = airlift.run(&["push", "b.tar", &registry.authority(), "--retries", "0"]).expect(3);
        pushed.says("can't be read back");
        assert_eq!(registry.count("PUT", &samples[0].root.digest.to_string()), 0);
    }
}
