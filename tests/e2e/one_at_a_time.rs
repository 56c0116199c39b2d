//! With `--jobs 1`, a registry gets one request after the other: for registries that bear no more.

use airlift_server::samples::{self, Child, ImageSpec, IndexSpec, Layer, Sample};
use airlift_server::{Options, Referrers};
use airlift_testkit::scripted::{Script, ScriptedRegistry};

use crate::airlift::Airlift;
use crate::made::{self, Embedded, descriptor, tag_of};

/// An image of two platforms. If they share a large layer, it is between small ones.
fn image(repository: &str, seed: u64, is_large: bool) -> Sample {
    let layer = |seed, size| Layer::Files { seed, size };
    let images = ["linux/amd64", "linux/arm64"].map(|platform| {
        let mut layers = vec![layer(seed, 4 << 10), layer(seed + 1, 4 << 10)];
        if is_large {
            layers.insert(1, layer(seed + 2, 9 << 20));
        }
        samples::image(&ImageSpec { platform: platform.to_owned(), layers, ..ImageSpec::default() })
    });
    let children = images.iter().map(Child::from).collect();
    let root = samples::index(&IndexSpec { children, ..IndexSpec::default() });
    Sample::of_index(repository, "1", root, Vec::new(), images.into())
}

/// Puts two images into a registry, each with a signature, an SBOM, and a signature under cosign's tag.
fn seed(source: &Embedded, has_api: bool) -> Vec<Sample> {
    let samples = vec![image("team/a", 10, has_api), image("team/b", 20, false)];
    let endpoint = source.endpoint();
    endpoint.push(&samples);
    for Sample { repository, root, .. } in &samples {
        let attached = ["application/spdx+json", "application/vnd.example.signature"]
            .map(|kind| made::referrer(root, kind, repository));
        attached.iter().for_each(|one| made::put(endpoint, repository, one, None));
        if !has_api {
            let list = made::index(&attached.each_ref().map(|one| descriptor(&one.manifest)));
            endpoint.push_manifest(repository, &tag_of(&root.digest, ""), &list).expect_status(201);
        }
        made::put(endpoint, repository, &made::signature(repository), Some(&tag_of(&root.digest, ".sig")));
    }
    samples
}

/// A registry before another one, which counts what is under way.
fn before(registry: &Embedded) -> ScriptedRegistry {
    Script::forwarding(registry.authority()).start()
}

/// Runs these words with `--jobs 1`, and panics if `registry` ever got two requests at a time.
fn assert_one_after_the_other(airlift: &Airlift, registry: &ScriptedRegistry, words: &[&str]) {
    let so_far = registry.requests().len();
    airlift.run(&[words, &["--jobs", "1"]].concat()).expect(0);
    assert!(registry.requests().len() > so_far);
    assert_eq!(registry.most_under_way(), 1, "{words:?}: {:#?}", &registry.requests()[so_far..]);
}

fn all_commands(has_api: bool) {
    let referrers = if has_api { Options::default().referrers } else { Referrers::Absent };
    let registry = || Embedded::start(Options { referrers, ..Options::default() });
    let (source, target, airlift) = (registry(), registry(), Airlift::new());
    let samples = seed(&source, has_api);
    let (from, to) = (before(&source), before(&target));
    let references = ["a", "b"].map(|name| format!("{}/team/{name}:1", from.authority()));
    let [a, b] = references.each_ref().map(String::as_str);

    assert_one_after_the_other(&airlift, &from, &["build", a, b, "-o", "b.tar"]);
    assert_one_after_the_other(&airlift, &from, &["build", a, b, "-o", "b.tar.zst"]);
    let partial = ["build", a, b, "-o", "partial.tar", "--platform", "linux/amd64"];
    assert_one_after_the_other(&airlift, &from, &partial);

    let authority = to.authority();
    assert_one_after_the_other(&airlift, &to, &["push", "b.tar", &authority, "--dry-run"]);
    assert_one_after_the_other(&airlift, &to, &["push", "b.tar", &authority]);
    assert_one_after_the_other(&airlift, &to, &["push", "b.tar", &authority]);
    assert_one_after_the_other(&airlift, &to, &["push", "b.tar", &authority, "--recheck"]);
    assert_one_after_the_other(&airlift, &to, &["push", "b.tar.zst", &format!("{authority}/zst")]);
    samples.iter().for_each(|sample| target.endpoint().assert_holds(sample, &sample.repository));
}

#[test]
fn with_the_referrers_api() {
    all_commands(true);
}

#[test]
fn with_fallback_tags() {
    all_commands(false);
}
