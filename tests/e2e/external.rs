//! Foreign layers: Airlift follows their addresses only if asked to, and reports what stays outside.

use airlift_oci::media_type;
use airlift_server::Options;
use airlift_server::samples::{Content, Image, Sample};
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::Script;
use serde_json::{Value, json};

use crate::airlift::Airlift;
use crate::made::{self, Embedded, descriptor, descriptor_with};

const REPOSITORY: &str = "team/win";
const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

/// An image with a normal layer and a foreign one.
fn sample(urls: &[&str]) -> (Sample, Content) {
    let image = made::windows("10.0.17763.1", 1);
    let foreign = made::blob(FOREIGN, "a layer that may not be distributed");
    let manifest = made::document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": descriptor(&image.blobs[0]),
        "layers": [descriptor_with(&foreign, &json!({"urls": urls})), descriptor(&image.blobs[1])],
    }));
    let image = Image { manifest, ..image };
    (Sample::of_image(REPOSITORY, "1", image), foreign)
}

/// A source that has everything but the layer itself.
fn source_without(sample: &Sample, foreign: &Content) -> airlift_testkit::scripted::ScriptedRegistry {
    assert!(sample.blobs.iter().all(|blob| blob.digest != foreign.digest));
    Script::serving(vec![sample.clone()]).start()
}

#[test]
fn what_the_registry_has_is_carried_like_any_layer() {
    let (mut sample, foreign) = sample(&["https://127.0.0.1:1/never"]);
    sample.blobs.push(foreign.clone());
    let source = Script::serving(vec![sample]).start();
    let airlift = Airlift::new();
    let build = ["build", &format!("{}/{REPOSITORY}:1", source.authority()), "-o", "b.tar"];
    let built = airlift.run(&build).expect(0);
    assert!(!built.stderr.contains("outside"), "{built}");
    let report = airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
    assert_eq!(report["findings"], json!([]));
    let raw = airlift.run(&["inspect", "b.tar", &foreign.digest.to_string(), "--raw"]).expect(0);
    assert!(raw.stdout == foreign.bytes);
}

#[test]
fn what_it_does_not_have_stays_outside_and_that_is_said() {
    let (sample, foreign) = sample(&["https://127.0.0.1:1/layer"]);
    let source = source_without(&sample, &foreign);
    let airlift = Airlift::new();
    let reference = format!("{}/{REPOSITORY}:1", source.authority());
    let built = airlift.run(&["build", &reference, "-o", "b.tar"]).expect(0);
    built.says("layer 1").says("stays outside").says("https://127.0.0.1:1/layer").says("--fetch-external");
    let report = airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["rule"], &finding["severity"]),
        (&"blob-external".into(), &"warning".into()),
        "{report}"
    );
    assert_eq!(finding["digest"], foreign.digest.to_string());
    airlift.run(&["inspect", "b.tar"]).expect(0).says("outside");

    // Our registry accepts it; Distribution doesn't, and then the error names the setting.
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", target.authority()]).expect(0).says("was left outside");
    assert!(target.endpoint().manifest(REPOSITORY, "1") == sample.root.bytes);
    if let Some(strict) = RealRegistry::debian().start() {
        let refused = airlift.run(&["push", "b.tar", strict.authority()]).expect(3);
        refused.says("validation.manifests.urls.allow").says("MANIFEST_BLOB_UNKNOWN");
    }
    let allowing = "validation: {manifests: {urls: {allow: ['^https?://127\\.0\\.0\\.1']}}}";
    if let Some(knowing) = RealRegistry::debian().with_config(allowing).start() {
        airlift.run(&["push", "b.tar", knowing.authority()]).expect(0);
        assert!(knowing.endpoint().manifest(REPOSITORY, "1") == sample.root.bytes);
        let again = airlift.run(&["push", "b.tar", knowing.authority(), "--json"]).expect(0);
        assert_eq!(again.json("airlift.receipt/v1")["images"][0]["status"], "present");
    }
}

/// If the mark is removed, or the layer of another image, the bundle is another one, and damaged.
#[test]
fn a_layer_is_outside_only_if_the_bundle_says_so() {
    let (sample, foreign) = sample(&["https://127.0.0.1:1/layer"]);
    let source = source_without(&sample, &foreign);
    let airlift = Airlift::new();
    airlift.run(&["build", &format!("{}/{REPOSITORY}:1", source.authority()), "-o", "b.tar"]).expect(0);
    std::fs::create_dir(airlift.path("folder")).unwrap();
    let unpacked = std::process::Command::new("tar")
        .args(["-xf", "b.tar", "-C", "folder"])
        .current_dir(airlift.path("folder").parent().expect("it lies in another"))
        .status();
    assert!(unpacked.expect("tar runs").success());
    // Another tool's layout from here on: with our mark in oci-layout, the id would not fit any more.
    std::fs::write(airlift.path("folder/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let index = airlift.read("folder/index.json");
    let mut index: Value = serde_json::from_slice(&index).unwrap();
    let verify = |code| airlift.run(&["--json", "verify", "folder"]).expect(code).json("airlift.report/v1");
    verify(0);
    // A layer without addresses can't be outside, whatever the mark says.
    let mark = index["manifests"][0]["annotations"]["io.airlift.external"].take();
    assert_eq!(mark, foreign.digest.to_string());
    index["manifests"][0]["annotations"]["io.airlift.external"] = sample.blobs[1].digest.to_string().into();
    std::fs::write(airlift.path("folder/index.json"), index.to_string()).unwrap();
    let broken = verify(1);
    assert_eq!(broken["findings"][0]["digest"], foreign.digest.to_string(), "{broken}");
    assert_eq!(broken["findings"].as_array().map(Vec::len), Some(1));
}

#[test]
fn asked_for_it_is_fetched_by_https_without_credentials_and_proven() {
    // Any https server will do; Distribution serves blobs, and requires no login here.
    let Some(outside) = RealRegistry::debian().with_tls().start() else { return };
    let (_, foreign) = sample(&[]);
    outside.endpoint().push_blob("some/where", &foreign.bytes, &foreign.digest);
    let ca = outside.ca_file().and_then(|path| path.to_str()).expect("it has a certificate");
    let place = |digest: &dyn std::fmt::Display| {
        format!("https://{}/v2/some/where/blobs/{digest}", outside.authority())
    };
    let good = place(&foreign.digest);
    let (wanted, _) = sample(&["https://127.0.0.1:1/nobody", &good]);
    let source = source_without(&wanted, &foreign);
    let airlift = Airlift::new();
    let reference = format!("{}/{REPOSITORY}:1", source.authority());
    let build = |airlift: &Airlift, reference: &str| {
        let (host, _) = reference.split_once('/').expect("it names a registry");
        let fetch = ["--fetch-external", "--ca-file", ca, "--plain-http", host, "--retries", "0", "--force"];
        airlift.run(&[&["build", reference, "-o", "b.tar"], &fetch[..]].concat())
    };
    build(&airlift, &reference).expect(0);
    let report = airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
    assert_eq!(report["findings"], json!([]));
    let raw = airlift.run(&["inspect", "b.tar", &foreign.digest.to_string(), "--raw"]).expect(0);
    assert!(raw.stdout == foreign.bytes);

    // Other bytes, another scheme, and nothing there.
    let other = made::blob(FOREIGN, "another layer that may not be mixed");
    assert_eq!(other.bytes.len(), foreign.bytes.len());
    outside.endpoint().push_blob("some/where", &other.bytes, &other.digest);
    for (url, words) in [
        (place(&other.digest), foreign.digest.to_string()),
        (good.replace("https:", "http:"), "https only".to_owned()),
        ("file:///etc/passwd".to_owned(), "https only".to_owned()),
        (place(&format!("sha256:{}", "0".repeat(64))), "404".to_owned()),
        ("no address".to_owned(), "no address".to_owned()),
    ] {
        let (wanted, _) = sample(&[&url]);
        let source = source_without(&wanted, &foreign);
        let reference = format!("{}/{REPOSITORY}:1", source.authority());
        let airlift = Airlift::new();
        build(&airlift, &reference).expect(3).says(&words);
        assert!(!airlift.path("b.tar").exists());
    }
}

/// The author of a manifest chooses its addresses, so no password is sent to them, not even one for that
/// host.
#[test]
fn an_address_in_a_manifest_gets_no_credentials() {
    let password = "correct-horse-battery";
    let Some(outside) = RealRegistry::debian().with_password("ann", password).with_tls().start() else {
        return;
    };
    let (_, foreign) = sample(&[]);
    outside.endpoint().push_blob("some/where", &foreign.bytes, &foreign.digest);
    let own = made::two_platforms("team/own", 1);
    outside.endpoint().push(std::slice::from_ref(&own));
    let ca = outside.ca_file().and_then(|path| path.to_str()).expect("it has a certificate");
    let address = format!("https://{}/v2/some/where/blobs/{}", outside.authority(), foreign.digest);
    let (wanted, _) = sample(&[&address]);
    let source = source_without(&wanted, &foreign);
    let airlift = Airlift::new();
    let entry = json!({"username": "ann", "password": password});
    let auth = json!({"auths": {outside.authority(): entry}}).to_string();
    std::fs::write(airlift.path("auth.json"), auth).unwrap();
    let build = |reference: String, more: &[&str]| {
        let usual = ["-o", "b.tar", "--ca-file", ca, "--auth-file", "auth.json", "--retries", "0"];
        airlift.run(&[&["build", &reference], &usual[..], more].concat())
    };
    let plain = source.authority();
    let fetch = ["--fetch-external", "--plain-http", &plain];
    build(format!("{plain}/{REPOSITORY}:1"), &fetch).expect(3).says("401").says(&foreign.digest.to_string());
    assert!(!airlift.path("b.tar").exists());
    // Credentials are sent if the user named the registry.
    build(format!("{}/team/own:1", outside.authority()), &[]).expect(0);
}

/// Only yes and 404 answer the question if the layer is there.
#[test]
fn an_error_is_not_taken_for_absence() {
    let (sample, foreign) = sample(&["https://127.0.0.1:1/layer"]);
    let digest = foreign.digest.to_string();
    let source = Script::serving(vec![sample])
        .rule(move |request| {
            let is_look = request.method == "HEAD" || request.header("range") == Some("bytes=0-0");
            let asked = is_look && request.path().ends_with(&digest);
            asked.then(|| airlift_testkit::scripted::Answer::status(500))
        })
        .start();
    let airlift = Airlift::new();
    let reference = format!("{}/{REPOSITORY}:1", source.authority());
    airlift.run(&["build", &reference, "-o", "b.tar", "--retries", "0"]).expect(3).says("500");
}
