//! All findings at once, each with its place.

use std::fs;

use airlift_bundle::Digest;
use airlift_verifier::Report;

use crate::images::Images;
use crate::{report, rules};

struct Bundle {
    images: Images,
    plan: std::sync::Arc<airlift_bundle::Plan>,
    bytes: Vec<u8>,
}

impl Bundle {
    fn sample() -> Self {
        let images = Images::sample();
        let (plan, bytes) = (images.plan(), images.archive());
        Bundle { images, plan, bytes }
    }

    /// Damages the last byte of the content whose place ends with these labels.
    fn damage(&mut self, place: &str) -> Digest {
        let entry =
            self.plan.entries().iter().find(|entry| self.plan.path_of(entry).join(" ") == place).unwrap();
        self.bytes[(entry.data_offset + entry.size - 1) as usize] ^= 1;
        entry.digest
    }

    fn report(&self) -> Report {
        let file = crate::tar_file::Tar(self.bytes.clone()).save();
        report(file.path())
    }
}

#[test]
fn a_damaged_manifest_hides_nothing_else() {
    let mut bundle = Bundle::sample();
    let manifest = bundle.damage("registry.example.com/app:1 linux/arm64");
    let shared = bundle.damage("tool:2 layer 1");
    let config = bundle.damage("registry.example.com/app:1 linux/amd64 config");
    // Unreachable while the manifest is unknown, and found by its own name all the same.
    let orphan = bundle.damage("registry.example.com/app:1 linux/arm64 config");
    let report = bundle.report();
    let mut found: Vec<_> =
        report.findings.iter().map(|finding| (finding.rule, finding.digest.unwrap())).collect();
    found.sort();
    let mut expected = vec![
        ("manifest-digest", manifest),
        ("blob-digest", shared),
        ("blob-digest", config),
        ("blob-digest", orphan),
    ];
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(report.images.iter().map(|image| image.ok).collect::<Vec<_>>(), [false, false]);
}

#[test]
fn a_shared_blob_marks_all_images_that_use_it() {
    let mut bundle = Bundle::sample();
    bundle.damage("tool:2 layer 1");
    let report = bundle.report();
    assert_eq!(rules(&report), ["blob-digest"], "one finding for one blob");
    assert!(report.images.iter().all(|image| !image.ok));

    let mut bundle = Bundle::sample();
    bundle.damage("tool:2 layer 3");
    let report = bundle.report();
    assert_eq!(
        report.images.iter().map(|image| image.ok).collect::<Vec<_>>(),
        [false, true],
        "and no others"
    );
}

#[test]
fn a_damaged_index_still_leaves_the_other_image_checked() {
    let mut bundle = Bundle::sample();
    bundle.damage("registry.example.com/app:1");
    bundle.damage("tool:2 layer 3");
    let report = bundle.report();
    assert_eq!(rules(&report), ["manifest-digest", "blob-digest"]);
    assert_eq!(report.findings[1].path, ["tool:2", "layer 3"]);
}

#[test]
fn a_header_and_what_it_stands_before_are_two_findings() {
    let mut bundle = Bundle::sample();
    let digest = bundle.damage("tool:2 layer 3");
    let entry = bundle.plan.blobs().find(|entry| entry.digest == digest).unwrap().clone();
    bundle.bytes[entry.header_offset as usize + 600] ^= 1;
    bundle.bytes[entry.end() as usize - 1] ^= 1;
    let report = bundle.report();
    assert_eq!(rules(&report), ["tar-header", "blob-digest"]);
    assert_eq!(report.findings[0].offset, Some(entry.header_offset + 600));
    bundle.bytes[entry.header_offset as usize + 600] ^= 1;
    let report = bundle.report();
    assert_eq!(rules(&report), ["tar-padding", "blob-digest"]);
}

#[test]
fn layouts_of_other_tools_get_all_findings_too() {
    let mut images = Images::sample();
    let is_layer = |content: &[u8]| !content.is_empty() && !content.starts_with(b"{");
    let layers = images.contents.iter().filter(|(_, content)| is_layer(content));
    let blobs: Vec<Digest> = layers.map(|(digest, _)| *digest).collect();
    // One missing, one of another size, one altered; and something that nobody asked for, once right and once wrong.
    images.contents.remove(&blobs[0]);
    images.contents.get_mut(&blobs[1]).unwrap().push(b'x');
    images.contents.get_mut(&blobs[2]).unwrap()[0] ^= 1;
    images.blob("x", b"unlisted");
    images.contents.insert(Digest::sha256(b"claimed"), b"other".to_vec());
    let folder = tempfile::tempdir().unwrap();
    images.write_folder(folder.path());
    fs::write(folder.path().join("README"), b"x").unwrap();
    let report = report(folder.path());
    let mut found = rules(&report);
    found.sort_unstable();
    assert_eq!(
        found,
        ["blob-digest", "blob-digest", "blob-missing", "blob-size", "blob-unlisted", "extra-file"]
    );
    assert_eq!(report.findings.iter().filter(|finding| !finding.is_error()).count(), 2);
}

#[test]
fn broken_top_files_are_told_apart() {
    let images = Images::sample();
    for (name, content, rule) in [
        ("oci-layout", None, "layout-missing"),
        ("index.json", None, "layout-missing"),
        ("oci-layout", Some(&b"{}"[..]), "layout-json"),
        ("oci-layout", Some(b"nonsense"), "layout-json"),
        ("index.json", Some(b"{}"), "index-json"),
        ("index.json", Some(b"\xef\xbb\xbf{\"manifests\":[]}"), "index-json"),
        ("index.json", Some(b"{\"manifests\":[],\"Manifests\":[]}"), "index-json"),
        ("index.json", Some(b"{\"manifests\":[]}{}"), "index-json"),
        ("index.json", Some(b"{\"manifests\":[]}"), "index-empty"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        images.write_folder(folder.path());
        match content {
            Some(content) => fs::write(folder.path().join(name), content).unwrap(),
            None => fs::remove_file(folder.path().join(name)).unwrap(),
        }
        let report = report(folder.path());
        assert_eq!(report.findings[0].rule, rule, "{name}: {:?}", report.findings);
        assert_eq!(report.findings[0].path, [name]);
        assert_eq!(report.findings[0].is_error(), rule != "index-empty");
    }
}

#[test]
fn the_report_is_what_its_schema_says() {
    let mut bundle = Bundle::sample();
    bundle.damage("tool:2 layer 3");
    let report = serde_json::to_value(bundle.report()).unwrap();
    assert_eq!(report["schema"], "airlift.report/v1");
    assert_eq!((&report["ok"], &report["images"][1]["ok"]), (&false.into(), &true.into()));
    let finding = &report["findings"][0];
    assert_eq!((&finding["severity"], &finding["rule"]), (&"error".into(), &"blob-digest".into()));
    assert_eq!(finding["path"], serde_json::json!(["tool:2", "layer 3"]));
    assert!(bundle.images.contents.len() > 5);
}
