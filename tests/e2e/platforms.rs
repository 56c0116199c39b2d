//! Chosen platforms: which are carried, what is reported of the others, and that the index doesn't change.

use airlift_oci::media_type;
use airlift_server::samples::{Content, Image, Sample};
use airlift_server::{Indexes, Options};
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded, descriptor, descriptor_with};

/// A registry with one sample, and a place to work in.
struct Bench {
    source: Embedded,
    airlift: Airlift,
    reference: String,
    sample: Sample,
}

impl Bench {
    fn of(root: Content, inner: Vec<Content>, images: Vec<Image>) -> Self {
        let sample = Sample::of_index("team/app", "1", root, inner, images);
        // Sparse, so that an index may name what only a test knows.
        let source = Embedded::start(Options { indexes: Indexes::Sparse, ..Options::default() });
        source.endpoint().push(std::slice::from_ref(&sample));
        let reference = format!("{}/team/app:1", source.authority());
        Bench { source, airlift: Airlift::new(), reference, sample }
    }

    fn run(&self, more: &[&str]) -> Ran {
        self.airlift.run(&[&["build", &self.reference, "--force", "--json", "-o", "b.tar"], more].concat())
    }

    fn build(&self, more: &[&str]) -> Value {
        self.run(more).expect(0).json("airlift.build/v1")
    }

    /// Which of the images are in the bundle with config and layers; of the others, nothing may be.
    fn carried(&self, images: &[&Image]) -> Vec<bool> {
        let listed = airlift_testkit::tamper::listing(&self.airlift.path("b.tar"));
        let has = |content: &Content| {
            let name = format!("blobs/{}/{}", content.digest.algorithm(), content.digest.hex());
            listed.iter().any(|entry| entry.name == name)
        };
        for manifest in &self.sample.manifests {
            assert!(has(manifest), "every manifest is carried, {} is not", manifest.digest);
        }
        let whole = |image: &&Image| {
            let there = image.blobs.iter().filter(|blob| has(blob)).count();
            assert!(there == 0 || there == image.blobs.len(), "{} is half there", image.platform);
            there > 0
        };
        images.iter().map(whole).collect()
    }
}

fn with_platform(image: &Image, platform: &Value) -> Value {
    descriptor_with(&image.manifest, &json!({"platform": platform}))
}

/// An index of plain images, each under its own platform.
fn plain(platforms: &[&str]) -> (Bench, Vec<Image>) {
    let images: Vec<Image> =
        platforms.iter().zip(1..).map(|(platform, seed)| made::image(platform, seed)).collect();
    let children: Vec<Value> = images
        .iter()
        .map(|image| {
            let parts: Vec<&str> = image.platform.split('/').collect();
            let mut platform = json!({"os": parts[0], "architecture": parts[1]});
            if let Some(variant) = parts.get(2) {
                platform["variant"] = (*variant).into();
            }
            with_platform(image, &platform)
        })
        .collect();
    (Bench::of(made::index(&children), Vec::new(), images.clone()), images)
}

#[test]
fn variants_mean_what_they_mean_to_docker() {
    let (bench, images) =
        plain(&["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/amd64/v3"]);
    let all: Vec<&Image> = images.iter().collect();
    for (asked, expected) in [
        (&["--platform", "linux/amd64"][..], [true, false, false, false, false]),
        (&["--platform", "linux/arm"], [false, false, true, false, false]),
        (&["--platform", "linux/arm/v6"], [false, true, false, false, false]),
        (&["--platform", "linux/arm64"], [false, false, false, true, false]),
        (&["--platform", "linux/aarch64"], [false, false, false, true, false]),
        (&["--platform", "linux/amd64/v3"], [false, false, false, false, true]),
        (&["--platform", "linux/arm64,linux/arm/v7"], [false, false, true, true, false]),
        (&["--platform", "linux/arm64", "--platform", "linux/x86_64"], [true, false, false, true, false]),
    ] {
        let built = bench.build(asked);
        assert_eq!(bench.carried(&all), expected, "{asked:?}");
        assert_eq!(built["images"][0]["digest"], bench.sample.root.digest.to_string());
        let (carried, omitted) = (&built["images"][0]["platforms"], &built["images"][0]["omittedPlatforms"]);
        let count = |list: &Value| list.as_array().map_or(0, Vec::len);
        assert_eq!((count(carried), count(omitted)), {
            let taken = expected.iter().filter(|taken| **taken).count();
            (taken, 5 - taken)
        });
        bench.airlift.run(&["verify", "b.tar"]).expect(0);
    }
}

#[test]
fn everything_chosen_is_the_same_bundle_as_nothing_chosen() {
    let (bench, _) = plain(&["linux/amd64", "linux/arm64"]);
    let all = bench.build(&[]);
    assert_eq!(bench.build(&["--platform", "linux/arm64/v8,linux/amd64"])["id"], all["id"]);
    let one = bench.build(&["--platform", "linux/amd64"]);
    assert_ne!(one["id"], all["id"]);
    // The order and the spelling of what was asked for make no difference.
    let twice = bench.build(&["--platform", "linux/x86_64", "--platform", "linux/amd64"]);
    assert_eq!(twice["id"], one["id"]);
}

#[test]
fn windows_comes_in_all_versions_unless_one_is_named() {
    let (old, new) = (made::windows("10.0.17763.5329", 1), made::windows("10.0.20348.2227", 2));
    let linux = made::image("linux/amd64", 3);
    let platform = |version: &str| json!({"os": "windows", "architecture": "amd64", "os.version": version});
    let root = made::index(&[
        with_platform(&linux, &json!({"os": "linux", "architecture": "amd64"})),
        with_platform(&old, &platform("10.0.17763.5329")),
        with_platform(&new, &platform("10.0.20348.2227")),
    ]);
    let bench = Bench::of(root, Vec::new(), vec![linux.clone(), old.clone(), new.clone()]);
    let images = [&linux, &old, &new];
    bench.build(&["--platform", "windows/amd64"]);
    assert_eq!(bench.carried(&images), [false, true, true]);
    bench.build(&["--platform", "windows(10.0.17763)/amd64"]);
    assert_eq!(bench.carried(&images), [false, true, false]);
    let none = bench.run(&["--platform", "windows(10.0.1)/amd64"]).expect(2);
    none.says("windows(10.0.17763.5329)/amd64").says("linux/amd64");

    // Without their index, each version has a tag of its own.
    bench.build(&["--platform", "windows/amd64"]);
    let target = Embedded::start(Options::default());
    let push = ["push", "b.tar", target.authority(), "--selected-children", "--json"];
    let receipt = bench.airlift.run(&push).expect(0).json("airlift.receipt/v1");
    let tags = target.endpoint().tags("team/app");
    for version in ["10.0.17763.5329", "10.0.20348.2227"] {
        assert!(tags.contains(&format!("\"1-windows-{version}-amd64\"")), "{tags}\n{receipt}");
    }
}

#[test]
fn nested_indexes_and_children_without_a_platform() {
    let images =
        [made::image("linux/amd64", 1), made::image("linux/arm64", 2), made::image("linux/s390x", 3)];
    // The inner index's platform goes for those below it that name none; the last one's stands in its config
    // only.
    let inner = made::index(&[descriptor(&images[0].manifest)]);
    let root = made::index(&[
        descriptor_with(&inner, &json!({"platform": {"os": "linux", "architecture": "amd64"}})),
        with_platform(&images[1], &json!({"os": "linux", "architecture": "arm64"})),
        descriptor(&images[2].manifest),
    ]);
    let bench = Bench::of(root, vec![inner], images.to_vec());
    let all: Vec<&Image> = images.iter().collect();
    for (platform, expected) in [
        ("linux/amd64", [true, false, false]),
        ("linux/arm64", [false, true, false]),
        ("linux/s390x", [false, false, true]),
    ] {
        let built = bench.build(&["--platform", platform]);
        assert_eq!(bench.carried(&all), expected, "{platform}");
        assert_eq!(built["images"][0]["platforms"], json!([platform]));
        let report = bench.airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
        assert_eq!(report["images"][0]["platforms"], json!([platform]));
        assert_eq!(report["images"][0]["omittedPlatforms"].as_array().map(Vec::len), Some(2), "{report}");
    }

    // What only its config names gets its tag, too, where the index stays behind.
    let target = Embedded::start(Options::default());
    let push = ["push", "b.tar", target.authority(), "--selected-children", "--json"];
    let receipt = bench.airlift.run(&push).expect(0).json("airlift.receipt/v1");
    assert_eq!(receipt["images"][0]["selectedChildren"][0]["platform"], "linux/s390x", "{receipt}");
    assert!(target.endpoint().manifest("team/app", "1-linux-s390x") == images[2].manifest.bytes);
    assert_eq!(target.endpoint().try_manifest("team/app", "1").status, 404, "the index stays behind");
}

/// Two images with their attestations, and one that belongs to no platform at all.
#[test]
fn attestations_follow_their_platform_and_strangers_come_along() {
    let images = [made::image("linux/amd64", 1), made::image("linux/arm64", 2)];
    let attestations = [made::signature("of amd64"), made::signature("of arm64")];
    let (stranger, lost) = (made::signature("nobody's"), made::signature("of what is elsewhere"));
    let unknown = json!({"os": "unknown", "architecture": "unknown"});
    let attestation = |image: &Image, of: &str| {
        let annotations =
            json!({"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": of});
        descriptor_with(&image.manifest, &json!({"platform": unknown, "annotations": annotations}))
    };
    let digest = |image: &Image| image.manifest.digest.to_string();
    let root = made::index(&[
        with_platform(&images[0], &json!({"os": "linux", "architecture": "amd64"})),
        with_platform(&images[1], &json!({"os": "linux", "architecture": "arm64"})),
        attestation(&attestations[0], &digest(&images[0])),
        attestation(&attestations[1], &digest(&images[1])),
        attestation(&lost, &format!("sha256:{}", "7".repeat(64))),
        with_platform(&stranger, &unknown),
    ]);
    let all: Vec<Image> = images.iter().chain(&attestations).chain([&stranger, &lost]).cloned().collect();
    let bench = Bench::of(root, Vec::new(), all);
    // Configs are the same for all that have no platform, so only layers show the difference.
    let layer = |image: &Image| Image { blobs: vec![image.blobs[1].clone()], ..image.clone() };
    let parts: Vec<Image> = images.iter().chain(&attestations).chain([&stranger, &lost]).map(layer).collect();
    let parts: Vec<&Image> = parts.iter().collect();
    let built = bench.build(&["--platform", "linux/amd64"]);
    assert_eq!(bench.carried(&parts), [true, false, true, false, true, true]);
    assert_eq!(
        built["images"][0]["omittedPlatforms"],
        json!(["linux/arm64"]),
        "attestations are no platforms"
    );
    bench.airlift.run(&["verify", "b.tar"]).expect(0);
}

#[test]
fn what_an_image_does_not_have_is_said_with_what_it_has() {
    let (bench, _) = plain(&["linux/amd64", "linux/arm64"]);
    let refused = bench.run(&["--platform", "linux/amd64,linux/s390x"]).expect(2);
    let refused = refused.says("has no linux/s390x").says("linux/amd64, linux/arm64");
    assert!(!refused.stderr.contains("has no linux/amd64"), "{refused}");
    assert!(!bench.airlift.path("b.tar").exists());

    // A single manifest has its platform in its config.
    let single = Sample::of_image("team/single", "1", made::image("linux/arm64", 9));
    bench.source.endpoint().push(std::slice::from_ref(&single));
    let name = format!("{}/team/single:1", bench.source.authority());
    let build = |more: &[&str]| bench.airlift.run(&[&["build", "-o", "s.tar", "--force"], more].concat());
    build(&[&name, "--platform", "linux/amd64"]).expect(2).says("has no linux/amd64; it has linux/arm64");
    build(&[&name, "--platform", "linux/arm64"]).expect(0);

    // In a list of mixed images, each gives what it has; images that have nothing are left out, with a
    // warning.
    let mixed = [&name[..], &bench.reference, "--platform", "linux/amd64", "--allow-missing-platform"];
    build(&mixed).expect(0).says("team/single:1 has none of the platforms");
    let built = build(&[&mixed[..], &["--json"]].concat()).expect(0).json("airlift.build/v1");
    assert_eq!(built["leftOut"], serde_json::json!([name]), "{built}");
    let report = bench.airlift.run(&["--json", "verify", "s.tar"]).expect(0).json("airlift.report/v1");
    assert_eq!(report["images"].as_array().map(Vec::len), Some(1), "{report}");
    build(&[&name, "--platform", "linux/s390x", "--allow-missing-platform"]).expect(2);
    build(&[&name, "--allow-missing-platform"]).expect(2);
}

#[test]
fn nonsense_is_no_platform() {
    let (bench, _) = plain(&["linux/amd64"]);
    for nonsense in [
        "",
        "linux",
        "linux/",
        "/amd64",
        "linux/amd64/v1/x",
        "linux amd64",
        "linux/\u{1b}[31m",
        "linux/amd64,,",
        "windows(10/amd64",
    ] {
        let ran = bench.run(&["--platform", nonsense]).expect(2);
        assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
    }
}

/// Content that is left out by choice is fine, missing content of a chosen platform is not, and content that
/// no image names is a warning.
#[test]
fn left_out_is_told_from_missing() {
    let (bench, images) = plain(&["linux/amd64", "linux/arm64"]);
    bench.build(&["--platform", "linux/amd64"]);
    let folder = bench.airlift.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let unpacked = std::process::Command::new("tar")
        .args(["-xf", "b.tar", "-C", "folder"])
        .current_dir(folder.parent().expect("it lies in another"))
        .status();
    assert!(unpacked.expect("tar runs").success());
    let path = |content: &Content| folder.join(format!("blobs/sha256/{}", content.digest.hex()));
    let verify =
        |code| bench.airlift.run(&["--json", "verify", "folder"]).expect(code).json("airlift.report/v1");
    let whole = verify(0);
    assert_eq!(whole["findings"], json!([]));
    assert_eq!(whole["images"][0]["omittedPlatforms"], json!(["linux/arm64"]));

    let stray = &images[1].blobs[1];
    std::fs::write(path(stray), &stray.bytes).unwrap();
    let warned = verify(0);
    assert_eq!(
        (&warned["findings"][0]["rule"], &warned["findings"][0]["severity"]),
        (&"blob-unlisted".into(), &"warning".into())
    );
    std::fs::remove_file(path(stray)).unwrap();

    std::fs::remove_file(path(&images[0].blobs[1])).unwrap();
    let broken = verify(1);
    assert_eq!(broken["findings"][0]["rule"], "blob-missing", "{broken}");
    assert!(broken["findings"][0]["path"].to_string().contains("linux/amd64"), "{broken}");
    std::fs::write(path(&images[0].blobs[1]), &images[0].blobs[1].bytes).unwrap();
    verify(0);

    // The manifest of a platform that was left out is not: without it no client could read the index.
    std::fs::remove_file(path(&images[1].manifest)).unwrap();
    assert_eq!(verify(1)["findings"][0]["rule"], "manifest-missing");
}

#[test]
fn people_and_programs_are_told_what_was_left_out() {
    let (bench, images) = plain(&["linux/amd64", "linux/arm64"]);
    let plan = ["build", &bench.reference, "--platform", "linux/amd64", "--dry-run"];
    bench.airlift.run(&plan).expect(0).says("linux/arm64 (left out");
    let built = bench.build(&["--platform", "linux/amd64"]);
    assert_eq!(built["images"][0]["omittedPlatforms"], json!(["linux/arm64"]));
    bench.airlift.run(&["inspect", "b.tar"]).expect(0).says("linux/arm64").says("left out");
    let tree = bench.airlift.run(&["--json", "inspect", "b.tar"]).expect(0).json("airlift.inspect/v1");
    assert_eq!(tree["images"][0]["omittedPlatforms"], json!(["linux/arm64"]));
    assert_eq!(tree["images"][0]["manifest"]["manifests"][1]["omitted"], true, "{tree}");
    assert_eq!(
        tree["images"][0]["manifest"]["manifests"][1]["digest"],
        images[1].manifest.digest.to_string()
    );
    bench.airlift.run(&["verify", "b.tar"]).expect(0).says("linux/arm64");
}

#[test]
fn docker_schema_1_is_refused_by_name() {
    let registry = airlift_testkit::scripted::Script::empty()
        .on("GET", "/v2/", |_| airlift_testkit::scripted::Answer::ok("application/json", "{}"))
        .on("GET", "/v2/old/app/manifests/1", |_| {
            let body = json!({"schemaVersion": 1, "name": "old/app", "tag": "1", "fsLayers": []});
            airlift_testkit::scripted::Answer::ok(media_type::DOCKER_SCHEMA1_SIGNED, body.to_string())
        })
        .start();
    let airlift = Airlift::new();
    let reference = format!("{}/old/app:1", registry.authority());
    airlift.run(&["build", &reference, "-o", "b.tar"]).expect(3).says("schema 1");
    assert_eq!(airlift.files(), [""; 0]);
}
