//! `copy`: what was at one registry is at the other, with every digest, and nothing was on disk.

mod faults;
mod races;

use airlift_server::samples::{Content, Sample};
use airlift_server::{Indexes, Options};
use airlift_testkit::scripted::{Answer, Script};
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::attached::Attached;
use crate::made::{self, Embedded, two_platforms};
use crate::pair::Pair;

const REPOSITORY: &str = "team/app";

/// A source with a sample, an empty target, and the binary between them.
struct Way {
    source: Embedded,
    target: Embedded,
    sample: Sample,
    airlift: Airlift,
}

impl Way {
    fn new() -> Self {
        let [source, target] = [(), ()].map(|()| Embedded::start(Options::default()));
        let sample = two_platforms(REPOSITORY, 1);
        source.endpoint().push(std::slice::from_ref(&sample));
        Way { source, target, sample, airlift: Airlift::new() }
    }

    fn reference(&self) -> String {
        format!("{}/{REPOSITORY}:1", self.source.authority())
    }

    /// Copies the sample to the target.
    fn copy(&self, more: &[&str]) -> Ran {
        self.airlift.run(&[more, &["copy", &self.reference(), self.target.authority()]].concat())
    }

    fn assert_arrived(&self) {
        self.target.endpoint().assert_holds(&self.sample, REPOSITORY);
    }
}

/// The status of a manifest at an embedded registry.
fn status(registry: &Embedded, repository: &str, reference: &str) -> u16 {
    let target = format!("/v2/{repository}/manifests/{reference}");
    registry.endpoint().request("HEAD", &target, &[("Accept", "*/*")], b"").status
}

fn images(receipt: &Ran) -> Vec<Value> {
    receipt.json("airlift.receipt/v1")["images"].as_array().expect("images").clone()
}

/// The largest blob of a sample, a layer.
fn layer(sample: &Sample) -> &Content {
    sample.blobs.iter().max_by_key(|blob| blob.bytes.len()).expect("it has layers")
}

#[test]
fn images_arrive_with_every_digest_and_nothing_is_on_disk() {
    let Some(pair) = Pair::start() else { return };
    let references = pair.references();
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    std::fs::create_dir(pair.airlift.path("tmp")).unwrap();
    let to = [pair.target.authority(), "--receipt", "r.json", "--json"];
    let copy = [&["copy"], &references[..], &to].concat();
    let mut command = pair.airlift.command(&copy);
    command.env("TMPDIR", pair.airlift.path("tmp"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    pair.samples.iter().for_each(|sample| pair.assert_arrived(sample));
    assert_eq!(std::fs::read_dir(pair.airlift.path("tmp")).unwrap().count(), 0);
    assert_eq!(pair.airlift.files(), ["r.json", "tmp"]);

    let receipt: Value = serde_json::from_slice(&pair.airlift.read("r.json")).unwrap();
    assert_eq!(receipt, serde_json::from_slice::<Value>(&output.stdout).unwrap());
    assert_eq!((&receipt["ok"], &receipt["target"]), (&json!(true), &json!(pair.target.authority())));
    let mut sources: Vec<&str> =
        receipt["images"].as_array().unwrap().iter().map(|image| image["source"].as_str().unwrap()).collect();
    let mut asked = references.clone();
    sources.sort_unstable();
    asked.sort_unstable();
    assert_eq!(sources, asked);
    let built = [&["build", "--json", "--dry-run"], &references[..]].concat();
    assert_eq!(receipt["bundle"], pair.airlift.run(&built).expect(0).json("airlift.plan/v1")["id"]);

    let again = pair.airlift.run(&copy).expect(0);
    for image in images(&again) {
        assert_eq!((&image["status"], &image["uploaded"]), (&json!("present"), &json!(0)));
    }
}

#[test]
fn what_is_attached_comes_along_wherever_it_is_kept() {
    let things = Attached::new();
    for has_api in [true, false] {
        let source =
            if has_api { Embedded::start(Options::default()) } else { crate::attached::without_api() };
        things.seed(&source, has_api);
        let target = Embedded::start(Options::default());
        let reference = format!("{}/{REPOSITORY}:1", source.authority());
        let copied = Airlift::new().run(&["--json", "copy", &reference, target.authority()]).expect(0);
        let mut referrers: Vec<String> = images(&copied)[0]["referrers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|digest| digest.as_str().unwrap().to_owned())
            .collect();
        referrers.sort();
        assert_eq!(referrers, things.all());
        target.endpoint().assert_holds(&things.sample, REPOSITORY);
        let signature = made::tag_of(&things.sample.root.digest, ".sig");
        for reference in things.all().iter().chain([&signature]) {
            assert_eq!(status(&target, REPOSITORY, reference), 200, "{reference}");
        }
        let alone = Embedded::start(Options::default());
        let copy = ["copy", &reference, alone.authority(), "--referrers", "none"];
        Airlift::new().run(&copy).expect(0);
        assert_eq!(status(&alone, REPOSITORY, &signature), 404);
    }
}

#[test]
fn a_lock_is_copied_by_its_digests_though_a_tag_has_moved() {
    let way = Way::new();
    way.airlift.run(&["lock", &way.reference(), "-o", "images.lock"]).expect(0);
    way.source.endpoint().push(&[two_platforms(REPOSITORY, 50)]);
    way.airlift.run(&["copy", "-f", "images.lock", way.target.authority()]).expect(0);
    way.assert_arrived();
    // The tag would move back at the source itself.
    let own = way.airlift.run(&["copy", "-f", "images.lock", way.source.authority()]).expect(5);
    own.says("--move-tags");
}

#[test]
fn a_dry_run_says_what_is_there_and_writes_nothing() {
    let way = Way::new();
    let copy = ["copy", &way.reference(), way.target.authority(), "--dry-run"];
    way.airlift.run(&copy).expect(0).says("new");
    let plan = way.airlift.run(&[&["--json"], &copy[..]].concat()).expect(0).json("airlift.push-plan/v1");
    assert_eq!(plan["images"][0]["digest"], way.sample.root.digest.to_string());
    let catalog = way.target.endpoint().request("GET", "/v2/_catalog", &[], b"");
    assert!(!catalog.text().contains(REPOSITORY), "{}", catalog.text());
    assert_eq!(way.airlift.files(), [""; 0]);
    way.copy(&[]).expect(0);
    way.airlift.run(&copy).expect(0).says("present");
}

#[test]
fn within_one_registry_blobs_are_mounted() {
    let Some(pair) = Pair::start() else { return };
    let (web, reference) = (pair.web(), pair.reference(pair.web()));
    let to = format!("{}/promoted", pair.source.authority());
    let image = &images(&pair.airlift.run(&["--json", "copy", &reference, &to]).expect(0))[0];
    assert_eq!((&image["status"], &image["uploaded"]), (&json!("pushed"), &json!(0)), "{image}");
    assert!(image["mounted"].as_u64().unwrap() > 0, "{image}");
    pair.source.endpoint().assert_holds(web, &format!("promoted/{}", web.repository));
    // Onto itself: all is there.
    let copy = ["--json", "copy", &reference, pair.source.authority()];
    let image = &images(&pair.airlift.run(&copy).expect(0))[0];
    assert_eq!((&image["status"], &image["mounted"]), (&json!("present"), &json!(0)), "{image}");
}

/// The images are at a mirror that is the target, too.
#[test]
fn what_a_mirror_at_the_target_has_is_mounted_from_there() {
    let way = Way::new();
    way.target.endpoint().push(&[Sample { repository: format!("hub/{REPOSITORY}"), ..way.sample.clone() }]);
    let (reference, to) = (format!("original.example/{REPOSITORY}:1"), way.target.authority());
    let mirror = format!("original.example={to}/hub");
    let copied = way.airlift.run(&["--json", "copy", &reference, to, "--mirror", &mirror]).expect(0);
    let image = &images(&copied)[0];
    assert_eq!((&image["source"], &image["uploaded"]), (&json!(reference), &json!(0)), "{image}");
    assert!(image["mounted"].as_u64().unwrap() > 0, "{image}");
    way.assert_arrived();
}

#[test]
fn what_is_not_mounted_is_streamed() {
    let way = Way::new();
    let registry = Script::forwarding(way.source.authority())
        .rule(|request| request.target.contains("mount=").then(|| Answer::error(403, "DENIED", "no")))
        .start();
    let (reference, to) = (format!("{}/{REPOSITORY}:1", registry.authority()), registry.authority() + "/new");
    let image = &images(&way.airlift.run(&["--json", "copy", &reference, &to]).expect(0))[0];
    assert_eq!(image["mounted"], 0);
    assert!(image["uploaded"].as_u64().unwrap() > 0 && registry.count("POST", "mount=") > 0, "{image}");
    way.source.endpoint().assert_holds(&way.sample, &format!("new/{REPOSITORY}"));
}

#[test]
fn of_a_partial_image_the_chosen_platforms_arrive() {
    let way = Way::new();
    let image = &images(&way.copy(&["--json"]).expect(0))[0];
    assert_eq!(image["omittedPlatforms"], json!([]));
    let target = Embedded::start(Options { indexes: Indexes::Sparse, ..Options::default() });
    let copy = ["--json", "copy", &way.reference(), target.authority(), "--platform", "linux/arm64"];
    let image = &images(&way.airlift.run(&copy).expect(0))[0];
    assert_eq!(image["omittedPlatforms"], json!(["linux/amd64"]));
    assert_eq!(image["digest"], way.sample.root.digest.to_string());
    let held =
        way.sample.manifests.iter().map(|child| status(&target, REPOSITORY, &child.digest.to_string()));
    assert_eq!(held.collect::<Vec<u16>>(), [404, 200, 200], "the two platforms and the index");
    let none = ["copy", &way.reference(), target.authority(), "--platform", "linux/s390x"];
    way.airlift.run(&none).expect(2).says("linux/amd64");
    // A registry that wants all of an index gets nothing, or the platforms alone.
    let strict = Embedded::start(Options::default());
    let copy = ["copy", &way.reference(), strict.authority(), "--platform", "linux/arm64"];
    way.airlift.run(&copy).expect(3).says("requires every child");
    way.airlift.run(&[&copy[..], &["--selected-children"]].concat()).expect(0);
    assert_eq!([status(&strict, REPOSITORY, "1-linux-arm64"), status(&strict, REPOSITORY, "1")], [200, 404]);
}

#[test]
fn images_of_a_bundle_are_copied_as_those_of_a_registry() {
    let way = Way::new();
    way.airlift.run(&["build", &way.reference(), "-o", "b.tar"]).expect(0);
    let copy = ["copy", "oci-archive:b.tar", way.target.authority()];
    way.airlift.run(&copy).expect(0);
    way.assert_arrived();
    // Its content is proven though the target has it.
    let mut bytes = way.airlift.read("b.tar");
    let content = &layer(&way.sample).bytes;
    let at = bytes.windows(content.len()).position(|window| window == &content[..]).unwrap();
    bytes[at] ^= 1;
    std::fs::write(way.airlift.path("b.tar"), bytes).unwrap();
    way.airlift.run(&copy).expect(3).says("b.tar failed its check");
}

#[test]
fn the_rest_is_copied_only_if_that_is_wanted() {
    let way = Way::new();
    let gone = format!("{}/team/gone:1", way.source.authority());
    let copy = ["copy", &gone, &way.reference(), way.target.authority()];
    way.airlift.run(&copy).expect(3).says("team/gone");
    assert_eq!(status(&way.target, REPOSITORY, "1"), 404);
    let keep_going = [&copy[..], &["--keep-going", "--receipt", "r.json"]].concat();
    way.airlift.run(&keep_going).expect(3).says("left out").says("FAILED: 1 pushed, 0 present, 1 failed");
    way.assert_arrived();
    let receipt: Value = serde_json::from_slice(&way.airlift.read("r.json")).unwrap();
    assert_eq!((&receipt["ok"], &receipt["failed"][0]["source"]), (&Value::from(false), &Value::from(gone)));
    assert!(receipt["failed"][0]["error"].as_str().unwrap().contains("team/gone"), "{receipt}");
    assert_eq!(receipt["images"].as_array().unwrap().len(), 1, "what has a digest: {receipt}");
    // What is in the receipt is checked, and the rest is named.
    way.airlift.run(&["check", "r.json"]).expect(0).says("1 image could not be had at the source");
    way.airlift.run(&["diff", "r.json", "r.json"]).expect(0).says("1 image did not arrive");
}

/// `copy b.tar DEST` asks for an image of that name.
#[test]
fn a_file_in_the_place_of_an_image_is_named() {
    let way = Way::new();
    way.airlift.run(&["build", &way.reference(), "-o", "b.tar"]).expect(0);
    let mirror = format!("docker.io={}", way.source.authority());
    let copy = ["copy", "b.tar", way.target.authority(), "--mirror", &mirror];
    way.airlift.run(&copy).expect(3).says("oci-archive:b.tar");
}

#[test]
fn what_is_no_destination_is_refused() {
    let airlift = Airlift::new();
    for (arguments, said) in [
        (&["copy", "nginx:1.27"][..], "REF... DEST"),
        (&["copy", "nginx:1.27", "r.example/app:1"], "HOST[:PORT][/PREFIX]"),
        (&["copy", "nginx:1.27", "r.example/app@sha256:00"], "HOST[:PORT][/PREFIX]"),
        (&["copy", "nginx:1.27", "redis:latest"], "HOST[:PORT][/PREFIX]"),
        (&["copy", "r.example"], "REF... DEST"),
    ] {
        airlift.run(arguments).expect(2).says(said);
    }
    std::fs::write(airlift.path("images.txt"), "nginx:1.27\n").unwrap();
    let overwrite = ["copy", "-f", "images.txt", "r.example", "--receipt", "images.txt"];
    airlift.run(&overwrite).expect(2).says("would be written over");
}
