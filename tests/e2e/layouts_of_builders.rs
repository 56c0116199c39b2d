//! Layouts that BuildKit and containerd wrote, from `testdata/layouts`, are sources.

use std::path::Path;

use serde_json::{Value, json};

use crate::airlift::Airlift;

fn committed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/layouts");
    format!("oci-archive:{}", folder.join(name).display())
}

/// What the bundle of a layout holds, as its inspection says it; the bundle is whole.
fn images_of(airlift: &Airlift, source: &str, more: &[&str]) -> Vec<Value> {
    airlift.run(&[&["build", source, "-o", "b.tar", "--force"], more].concat()).expect(0);
    airlift.run(&["verify", "b.tar"]).expect(0);
    let inspected = airlift.run(&["inspect", "b.tar", "--json"]).expect(0).json("airlift.inspect/v1");
    inspected["images"].as_array().unwrap().clone()
}

/// Two names, layers of zstd, and an attestation for each platform.
#[test]
fn an_archive_of_buildkit_keeps_names_platforms_and_attestations() {
    let airlift = Airlift::new();
    let source = committed("buildkit-0.26.3.tar");
    let images = images_of(&airlift, &source, &[]);
    let names: Vec<_> = images.iter().map(|image| image["reference"].as_str().unwrap()).collect();
    assert_eq!(names, ["registry.example/team/app:1", "registry.example/team/app:latest"]);
    for image in &images {
        let digest = "sha256:9ef89fb6f28c04c4ee5d0fdba2776fb833aed4c3d5c8d0e8aa190e51eeb1785d";
        assert_eq!(image["manifest"]["digest"], digest);
        assert_eq!(image["platforms"], json!(["linux/amd64", "linux/arm64"]));
    }
    let shown = airlift.run(&["inspect", "b.tar"]).expect(0);
    shown.says("attestation of linux/arm64").says("tar+zstd").says("vnd.in-toto+json");

    let part = images_of(&airlift, &format!("{source}:latest"), &["--platform", "linux/arm64"]);
    assert_eq!(part.len(), 1, "{part:?}");
    let shown = airlift.run(&["inspect", "b.tar"]).expect(0);
    shown.says("attestation of linux/arm64").says("without linux/amd64");
}

/// Its index also lists a platform that was never pulled.
#[test]
fn an_archive_of_containerd_is_taken_with_the_platforms_that_it_has() {
    let airlift = Airlift::new();
    let images = images_of(&airlift, &committed("containerd-1.6.20.tar"), &[]);
    assert_eq!(images.len(), 1, "{images:?}");
    assert_eq!(images[0]["reference"], "registry.example/team/app:1");
    assert_eq!(images[0]["platforms"], json!(["linux/amd64"]));
    let source = committed("containerd-1.6.20.tar");
    let missing = airlift.run(&["build", &source, "-o", "c.tar", "--platform", "linux/arm64"]).expect(3);
    missing.says("linux/arm64 is missing at the source").says("what is there is linux/amd64");
    assert!(!airlift.path("c.tar").exists());
}
