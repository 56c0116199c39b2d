//! All findings at once, each with its place.

use std::fs;

use airlift_oci::Digest;
use airlift_oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
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
        let entry = self.plan.entries().find(|entry| self.plan.path_of(entry).join(" ") == place).unwrap();
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
        report.findings.iter().map(|finding| (finding.rule.id(), finding.digest.unwrap())).collect();
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
    let entry = bundle.plan.blobs().find(|entry| entry.digest == digest).unwrap();
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
    // One missing, one of another size, one altered; and content that no image names, once right and once
    // wrong.
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

/// Their digests are right, and two readers could understand them differently all the same, or not at all.
#[test]
fn manifests_that_nobody_should_read_are_findings() {
    let digest = Digest::sha256(b"x");
    let named = |digest: &str, more: &str| {
        format!(r#"{{"config":{{"digest":"{digest}","size":1{more}}},"layers":[]}}"#)
    };
    let good = named(&digest.to_string(), "");
    for (what, text) in [
        ("no grammar of digests", named("sha256:../../../../etc/passwd", "")),
        ("an algorithm that no tool computes", named("md5:d41d8cd98f00b204e9800998ecf8427e", "")),
        ("an index and an image", good.replace("layers", r#"manifests":[],"layers"#)),
        ("an index by its form alone", r#"{"manifests":[]}"#.to_owned()),
        (
            "another type than its descriptor's",
            good.replacen('{', &format!(r#"{{"mediaType":"{OCI_INDEX}","#), 1),
        ),
        ("two spellings", good.replace("layers", r#"Layers":[],"layers"#)),
        ("a member twice", good.replace("layers", r#"layers":[],"layers"#)),
        ("deep", good.replace("[]", &format!("{}{}", "[".repeat(200), "]".repeat(200)))),
        ("something behind it", format!("{good}{{}}")),
        ("a mark of byte order", format!("\u{feff}{good}")),
        ("other data inside", named(&digest.to_string(), r#","data":"eQ==""#)),
        ("schema 1", r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned()),
        ("no JSON", "layers".to_owned()),
    ] {
        let mut images = Images::default();
        images.blob("x", b"x");
        let manifest = images.blob(OCI_MANIFEST, text.as_bytes());
        images.root(&manifest, "registry.example.com/odd:1");
        let folder = tempfile::tempdir().unwrap();
        images.write_folder(folder.path());
        let report = report(folder.path());
        let errors: Vec<_> = report.findings.iter().filter(|finding| finding.is_error()).collect();
        assert!(
            matches!(errors[..], [finding] if finding.rule.id() == "manifest-json"),
            "{what}: {errors:?}"
        );
        assert_eq!(errors[0].digest, Some(manifest.digest), "{what}");
        assert_eq!(errors[0].path, ["registry.example.com/odd:1"], "{what}");
    }
}

/// What no graph depends on may be there twice; real images have such, and clients pull them.
#[test]
fn what_nobody_reads_is_nobodys_defect() {
    let mut images = Images::default();
    let config = images.blob(OCI_CONFIG, br#"{"os":"linux","architecture":"amd64","x":1,"X":2,"x":3}"#);
    let config = crate::images::json(&config, r#","unread":[1],"unread":{},"Unread":null"#);
    let text = format!(
        r#"{{"schemaVersion":2,"x":1,"x":2,"X":3,"annotations":{{"a":"1","a":"2"}},"config":{config},"layers":[]}}"#
    );
    let manifest = images.blob(OCI_MANIFEST, text.as_bytes());
    images.root(&manifest, "registry.example.com/odd:1");
    let folder = tempfile::tempdir().unwrap();
    images.write_folder(folder.path());
    let report = report(folder.path());
    assert!(report.ok && report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(report.images[0].platforms, ["linux/amd64"]);
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
        assert_eq!(report.findings[0].rule.id(), rule, "{name}: {:?}", report.findings);
        assert_eq!(report.findings[0].path, [name]);
        // hauler's archives have no oci-layout.
        let is_harmless = rule == "index-empty" || content.is_none() && name == "oci-layout";
        assert_eq!(report.findings[0].is_error(), !is_harmless, "{name}");
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
