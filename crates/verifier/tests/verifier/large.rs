//! An archive of 8 GiB and more is examined like any other.

use std::fs::File;

use airlift_bundle::Form;
use airlift_oci::media_type::OCI_MANIFEST;
use airlift_oci::{Descriptor, Digest, Limits};
use airlift_verifier::Examined;

use crate::images::{Images, LAYER, manifest_json};

#[test]
fn sizes_beyond_octal_are_held_against_the_plan() {
    let mut images = Images::default();
    let config = images.blob("application/vnd.oci.empty.v1+json", b"{}");
    let layer = Descriptor::new(LAYER, Digest::sha256(b"never hashed here"), (9 << 30) + 1);
    let text = manifest_json(OCI_MANIFEST, &config, &[layer]);
    let manifest = images.blob(OCI_MANIFEST, text.as_bytes());
    images.root(&manifest, "registry.example.com/large:1");
    let plan = images.plan();
    let folder = tempfile::tempdir().unwrap();
    let (output, path) = (folder.path().join("large.tar"), folder.path().join("large.tar.part"));
    let (writer, _) = Form::Tar.output().open(&output).unwrap().output.writer(&plan).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    writer.write_known().unwrap();
    for entry in plan.blobs() {
        std::os::unix::fs::FileExt::write_all_at(&file, &entry.header(), entry.header_offset).unwrap();
    }
    let examined = Examined::open(&path, Limits::default()).unwrap();
    assert!(examined.findings().is_empty(), "{:?}", examined.findings());
    file.set_len(plan.size() - 1024).unwrap();
    let examined = Examined::open(&path, Limits::default()).unwrap();
    assert_eq!(examined.findings().len(), 1, "{:?}", examined.findings());
    file.set_len(9 << 30).unwrap();
    let examined = Examined::open(&path, Limits::default()).unwrap();
    assert!(examined.findings().iter().any(|finding| finding.rule.id() == "blob-missing"));
}
