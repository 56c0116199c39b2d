//! Partial images at registries: Airlift asks first if a registry accepts them, and leaves none of them half
//! way.

use std::path::Path;

use airlift_server::samples::Sample;
use airlift_server::{Indexes, Options};
use airlift_testkit::containerd::Containerd;
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded};

const REPOSITORY: &str = "team/app";

/// `b.tar` with linux/amd64 of a two-platform image.
fn bundle() -> (Airlift, Sample) {
    let (airlift, _, mut samples) = made::bundle(&[REPOSITORY], &["--platform", "linux/amd64"]);
    (airlift, samples.remove(0))
}

fn push(airlift: &Airlift, authority: &str, more: &[&str]) -> Ran {
    airlift.run(&[&["push", "b.tar", authority, "--retries", "0"], more].concat())
}

fn lenient() -> Embedded {
    Embedded::start(Options { indexes: Indexes::Sparse, ..Options::default() })
}

/// Whether a request begins to send content.
fn uploads(request: &Request) -> bool {
    matches!(request.method.as_str(), "PUT" | "PATCH") && request.path().contains("/blobs/")
}

fn manifests_put(registry: &ScriptedRegistry) -> Vec<String> {
    let requests = registry.requests().into_iter();
    let puts = requests.filter(|request| request.method == "PUT" && request.path().contains("/manifests/"));
    puts.map(|request| request.path().to_owned()).collect()
}

/// Panics if there is a blob in the folder of a registry.
fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
    let below =
        |entry: &std::fs::DirEntry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 };
    entries.unwrap_or_default().iter().map(below).sum()
}

#[test]
fn a_strict_registry_refuses_before_anything_moves() {
    let (airlift, sample) = bundle();
    let Some(target) = RealRegistry::debian().start() else { return };
    let between = Script::forwarding(target.authority()).start();
    let refused = push(&airlift, &between.authority(), &[]).expect(3);
    let refused =
        refused.says("linux/arm64").says(&sample.root.digest.to_string()).says(&between.authority());
    let refused = refused
        .says("--selected-children")
        .says("all platforms")
        .says("validation.manifests.indexes.platforms");
    refused.says("nothing was uploaded").says("MANIFEST_BLOB_UNKNOWN");
    assert_eq!(between.requests().iter().filter(|request| uploads(request)).count(), 0);
    // One question, and it is not the index itself.
    let asked = manifests_put(&between);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(!asked[0].contains(&sample.root.digest.to_string()));
    assert_eq!(files_below(&target.folder().join("data/docker/registry/v2/blobs")), 0);
    // Without the question, the push fails nevertheless, after the blobs.
    let blind = push(&airlift, &between.authority(), &["--no-probe"]).expect(3).says("MANIFEST_BLOB_UNKNOWN");
    blind.says("left out").says("--selected-children").says("validation.manifests.indexes.platforms");
    let puts = |end: &str| manifests_put(&between).iter().filter(|path| path.ends_with(end)).count();
    assert_eq!((puts(&sample.root.digest.to_string()), puts("manifests/1")), (1, 0), "no tag was touched");
}

#[test]
fn a_lenient_registry_takes_it_and_keeps_no_probe() {
    let (airlift, sample) = bundle();
    let target = lenient();
    let between = Script::forwarding(target.authority()).start();
    push(&airlift, &between.authority(), &[]).expect(0);
    let held = target.endpoint();
    assert!(held.manifest(REPOSITORY, "1") == sample.root.bytes);
    assert!(held.manifest(REPOSITORY, &sample.manifests[0].digest.to_string()) == sample.manifests[0].bytes);
    assert_eq!(held.try_manifest(REPOSITORY, &sample.manifests[1].digest.to_string()).status, 404);
    let probe = manifests_put(&between).into_iter().next().expect("it was asked");
    assert!(between.count("DELETE", &probe) == 1, "the probe is taken away again");
    assert_eq!(held.request("GET", &probe, &[("Accept", airlift_testkit::seed::ACCEPT)], b"").status, 404);

    // Present is only said after the chosen platform answered, with all its blobs.
    let again = push(&airlift, &between.authority(), &["--json"]).expect(0).json("airlift.receipt/v1");
    assert_eq!(again["images"][0]["status"], "present");
    for blob in sample.blobs.iter().take(2) {
        assert!(between.count("HEAD", &format!("/blobs/{}", blob.digest)) >= 2, "{}", blob.digest);
    }
    // The question, the platform, the index by digest and by its tag.
    assert_eq!(manifests_put(&between).len(), 4, "nothing is asked or sent again");
}

#[test]
fn an_index_that_is_there_without_its_platform_is_not_present() {
    let (airlift, sample) = bundle();
    let target = lenient();
    target.endpoint().push_manifest(REPOSITORY, "1", &sample.root).expect_status(201);
    let pushed = push(&airlift, target.authority(), &["--json"]).expect(0).json("airlift.receipt/v1");
    assert_eq!(
        (&pushed["images"][0]["status"], &pushed["images"][0]["digestResolves"]),
        (&"pushed".into(), &true.into())
    );
    assert_eq!(target.endpoint().blob(REPOSITORY, &sample.blobs[1].digest), sample.blobs[1].bytes);
}

#[test]
fn what_the_target_has_already_completes_the_index() {
    let (airlift, sample) = bundle();
    let Some(target) = RealRegistry::debian().start() else { return };
    let between = Script::forwarding(target.authority()).start();
    target.endpoint().push(std::slice::from_ref(&Sample { tag: "old".to_owned(), ..sample.clone() }));
    push(&airlift, &between.authority(), &[]).expect(0);
    target.endpoint().assert_holds(&sample, REPOSITORY);
    assert_eq!(between.count("DELETE", "/manifests/"), 0, "nothing was made up to ask");
}

#[test]
fn selected_children_have_tags_and_the_receipt_says_what_is_not_there() {
    let (airlift, sample) = bundle();
    let Some(target) = RealRegistry::debian().start() else { return };
    let pushed = push(&airlift, target.authority(), &["--selected-children", "--json"]).expect(0);
    let receipt = &pushed.json("airlift.receipt/v1")["images"][0];
    let child = &receipt["selectedChildren"][0];
    assert_eq!(child["target"], format!("{}/{REPOSITORY}:1-linux-amd64", target.authority()));
    assert_eq!(
        (&child["platform"], &child["digest"]),
        (&"linux/amd64".into(), &sample.manifests[0].digest.to_string().into())
    );
    assert_eq!(target.endpoint().try_manifest(REPOSITORY, &sample.root.digest.to_string()).status, 404);
    assert_eq!(receipt["digestResolves"], false, "{receipt}");
    let again = push(&airlift, target.authority(), &["--selected-children"]).expect(0);
    again
        .says("1-linux-amd64")
        .says(&format!("{} does not resolve there", sample.root.digest))
        .says("1 present");

    // A tag of a child that points to something else must not be moved.
    let other = made::image("linux/amd64", 50);
    made::put(target.endpoint(), REPOSITORY, &other, Some("1-linux-amd64"));
    let refused = push(&airlift, target.authority(), &["--selected-children"]).expect(5);
    refused.says(&other.manifest.digest.to_string());
    // The image's own tag is not touched, whatever it stands for.
    made::put(target.endpoint(), REPOSITORY, &other, Some("1"));
    push(&airlift, target.authority(), &["--selected-children", "--move-tags"]).expect(0);
    assert!(target.endpoint().manifest(REPOSITORY, "1") == other.manifest.bytes);
}

/// BuildKit's attestations are found through the index alone.
#[test]
fn attestations_stay_behind_with_their_index_and_that_is_said() {
    let source = Embedded::start(Options::default());
    let web = airlift_server::samples::all().swap_remove(0);
    source.endpoint().push(std::slice::from_ref(&web));
    let airlift = Airlift::new();
    let reference = format!("{}/{}:{}", source.authority(), web.repository, web.tag);
    airlift.run(&["build", &reference, "-o", "b.tar", "--platform", "linux/amd64"]).expect(0);
    let target = Embedded::start(Options::default());
    let pushed = push(&airlift, target.authority(), &["--selected-children", "--json"]).expect(0);
    let receipt = pushed.json("airlift.receipt/v1");
    assert_eq!(receipt["images"][0]["selectedChildren"].as_array().map(Vec::len), Some(1), "{receipt}");
    pushed.says("stays behind with them (1 of it)");
}

#[test]
fn selected_children_without_tags_go_by_digest() {
    let source = Embedded::start(Options::default());
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    let airlift = Airlift::new();
    let reference = format!("{}/{REPOSITORY}@{}", source.authority(), sample.root.digest);
    airlift.run(&["build", &reference, "-o", "b.tar", "--platform", "linux/amd64"]).expect(0);
    let target = Embedded::start(Options::default());
    let pushed = push(&airlift, target.authority(), &["--selected-children", "--no-tag", "--json"]).expect(0);
    let receipt = pushed.json("airlift.receipt/v1");
    assert_eq!(receipt["images"][0]["selectedChildren"][0]["digest"], sample.manifests[0].digest.to_string());
    let held = target.endpoint().manifest(REPOSITORY, &sample.manifests[0].digest.to_string());
    assert!(held == sample.manifests[0].bytes);
    let tags = target.endpoint().tags(REPOSITORY);
    assert!(tags.contains("\"tags\":[]"), "{tags}");
}

/// A registry that answers the probe, and maybe its control, like this; everything else works.
fn answering(upstream: &Embedded, probe: u16, control: Option<u16>) -> ScriptedRegistry {
    Script::forwarding(upstream.authority())
        .rule(move |request| {
            let body = String::from_utf8_lossy(&request.body);
            let is_probe = request.method == "PUT" && body.contains("io.airlift.probe");
            let is_control = is_probe && body.contains("\"manifests\":[]");
            let status = if is_control { control? } else { probe };
            is_probe.then(|| Answer::error(status, "DENIED", "as the script says"))
        })
        .start()
}

#[test]
fn an_answer_that_means_nothing_is_said_to_mean_nothing() {
    let (airlift, _) = bundle();
    for status in [400, 401, 403, 404, 413, 415, 500, 503] {
        let target = lenient();
        let registry = answering(&target, status, Some(status));
        let refused = push(&airlift, &registry.authority(), &[]).expect(3);
        let refused = refused.says("could not be found out").says("--no-probe").says("linux/arm64");
        assert!(refused.stderr.contains(&status.to_string()), "{refused}");
        assert!(!refused.stderr.contains("requires every child"), "{refused}");
        assert_eq!(registry.requests().iter().filter(|request| uploads(request)).count(), 0, "{status}");
        push(&airlift, &registry.authority(), &["--no-probe"]).expect(0);
    }
}

/// Distribution can be configured to check some platforms only. Attestations of images that were left out are
/// of none of them.
#[test]
fn a_registry_that_minds_some_platforms_is_asked_about_those_that_are_left_out() {
    let amd64 = "validation: {manifests: {indexes: {platforms: list, platformlist: [{architecture: amd64, os: linux}]}}}";
    let Some(target) = RealRegistry::distribution_v3().with_config(amd64).start() else { return };
    let source = Embedded::start(Options::default());
    let web = airlift_server::samples::all().swap_remove(0);
    source.endpoint().push(std::slice::from_ref(&web));
    let airlift = Airlift::new();
    let reference = format!("{}/{}:{}", source.authority(), web.repository, web.tag);
    for (platform, code) in [("linux/arm64", 3), ("linux/amd64", 0)] {
        airlift.run(&["build", &reference, "-o", "b.tar", "--force", "--platform", platform]).expect(0);
        let pushed = push(&airlift, target.authority(), &[]).expect(code);
        if code == 3 {
            pushed.says("linux/amd64 (").says("attestation of linux/amd64 (");
        }
    }
    assert!(target.endpoint().manifest(&web.repository, &web.tag) == web.root.bytes);
}

/// A dry run ends as the push would: the question is asked, and nothing else is sent.
#[test]
fn a_dry_run_asks_whether_partial_images_are_taken() {
    let (airlift, _) = bundle();
    let target = lenient();
    let between = Script::forwarding(target.authority()).start();
    let dry = push(&airlift, &between.authority(), &["--dry-run"]).expect(0);
    dry.says("partial:").says("without linux/arm64");
    let asked = manifests_put(&between);
    assert_eq!((asked.len(), between.count("DELETE", &asked[0])), (1, 1), "{asked:?}");
    assert_eq!(between.requests().iter().filter(|request| uploads(request)).count(), 0);
    let plan = push(&airlift, &between.authority(), &["--dry-run", "--json", "--no-probe"]).expect(0);
    assert_eq!(plan.json("airlift.push-plan/v1")["images"][0]["omitted"], serde_json::json!(["linux/arm64"]));
    push(&airlift, &between.authority(), &["--dry-run", "--no-probe"]).expect(0).says("not asked");
    assert_eq!(manifests_put(&between), asked);
    push(&airlift, &between.authority(), &["--dry-run", "--selected-children"]).expect(0);

    let strict = Embedded::start(Options::default());
    let between = Script::forwarding(strict.authority()).start();
    let refused = push(&airlift, &between.authority(), &["--dry-run"]).expect(3);
    refused.says("partial:").says("requires every child").says("--selected-children");
    push(&airlift, &between.authority(), &["--dry-run", "--selected-children"]).expect(0);
    assert_eq!(between.requests().iter().filter(|request| uploads(request)).count(), 0);
}

#[test]
fn a_question_that_can_not_be_taken_back_is_said() {
    let (airlift, sample) = bundle();
    let target = lenient();
    let registry = Script::forwarding(target.authority())
        .rule(|request| {
            (request.method == "DELETE").then(|| Answer::error(405, "UNSUPPORTED", "no deleting here"))
        })
        .start();
    let pushed = push(&airlift, &registry.authority(), &[]).expect(0);
    pushed.says("could not be deleted again").says("405").says("--no-probe");
    assert!(target.endpoint().manifest(REPOSITORY, "1") == sample.root.bytes);
}

/// Harbor says 404, zot a bare 400: then an index without children shows if the children were the reason.
#[test]
fn a_control_tells_what_other_words_mean() {
    let (airlift, _) = bundle();
    for status in [400, 404] {
        let target = lenient();
        let registry = answering(&target, status, None);
        push(&airlift, &registry.authority(), &[]).expect(3).says("requires every child");
        assert_eq!(registry.count("DELETE", "/manifests/sha256:"), 1, "the control is taken away again");
    }
}

#[test]
fn several_partial_images_are_one_question() {
    let repositories = ["team/app0", "team/app1", "team/app2"];
    let (airlift, source, _) = made::bundle(&repositories, &["--platform", "linux/amd64"]);
    let target = lenient();
    let between = Script::forwarding(target.authority()).start();
    push(&airlift, &between.authority(), &[]).expect(0);
    let probes = between.requests().into_iter().filter(|request| {
        request.method == "PUT" && String::from_utf8_lossy(&request.body).contains("io.airlift.probe")
    });
    assert_eq!(probes.count(), 1);
    // For complete images, Airlift doesn't ask.
    let references = repositories.map(|repository| format!("{}/{repository}:1", source.authority()));
    let mut arguments = vec!["build", "-o", "c.tar"];
    arguments.extend(references.iter().map(String::as_str));
    airlift.run(&arguments).expect(0);
    let (strict, before) = (Embedded::start(Options::default()), between.requests().len());
    airlift.run(&["push", "c.tar", strict.authority()]).expect(0);
    assert_eq!(between.requests().len(), before);
}

/// containerd gets the chosen platform by the pinned index digest, from a registry and from the bundle.
#[test]
fn containerd_pulls_and_imports_a_partial_image() {
    let lenient = "validation: {manifests: {indexes: {platforms: none}}}";
    let (Some(target), Some(cluster), Some(source)) = (
        RealRegistry::distribution_v3().with_config(lenient).start(),
        Containerd::start(),
        RealRegistry::debian().start(),
    ) else {
        return;
    };
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    let airlift = Airlift::new();
    let reference = format!("{}/{REPOSITORY}:1", source.authority());
    airlift.run(&["build", &reference, "-o", "b.tar", "--platform", "linux/amd64"]).expect(0);
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    assert!(target.endpoint().manifest(REPOSITORY, "1") == sample.root.bytes);

    let digest = sample.root.digest.to_string();
    let pinned = format!("{}/{REPOSITORY}@{digest}", target.authority());
    cluster.ctr(&["content", "fetch", "--plain-http", "--platform", "linux/amd64", &pinned]);
    assert!(cluster.content(&digest) == sample.root.bytes);
    for blob in &sample.blobs[..2] {
        assert!(cluster.content(&blob.digest.to_string()) == blob.bytes);
    }

    let importer = Containerd::start().expect("the first one started, too");
    let bundle = airlift.path("b.tar");
    let bundle = bundle.to_str().expect("UTF-8");
    importer.ctr(&["images", "import", "--no-unpack", "--platform", "linux/amd64", bundle]);
    assert!(importer.content(&digest) == sample.root.bytes);
    let checked = String::from_utf8_lossy(&importer.ctr(&["images", "check"])).into_owned();
    let line = checked.lines().find(|line| line.contains(&reference)).unwrap_or_default();
    assert!(line.contains("complete (") && !line.contains("incomplete"), "{checked}");
}
