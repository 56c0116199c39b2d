//! Content of 8 GiB and more, whose size doesn't fit a tar header's octal digits. The file is sparse: no zero
//! is written.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;

use airlift_bundle::resume::{ResumeState, resume_states};
use airlift_bundle::{Archive, Form, Plan, compare};
use airlift_oci::media_type::{OCI_CONFIG, OCI_MANIFEST};
use airlift_oci::{Descriptor, Unobserved};

use crate::images::{Images, LAYER, manifest_json};

/// 8 GiB of zeros.
const SIZE: u64 = 8 << 30;
const DIGEST: &str = "sha256:ebfb4ef19ae410f190327b5ebd312711263bc7579970e87d9c1e2d84e06b3c25";

#[test]
fn eight_gibibytes_are_planned_written_and_read() {
    let mut images = Images::default();
    let config = images.blob(OCI_CONFIG, br#"{"os":"linux","architecture":"amd64"}"#);
    let layer = Descriptor::new(LAYER, DIGEST.parse().unwrap(), SIZE);
    let text = manifest_json(OCI_MANIFEST, &config, std::slice::from_ref(&layer));
    let manifest = images.blob(OCI_MANIFEST, text.as_bytes());
    images.root(&manifest, "registry.example.com/large:1");
    let plan: Arc<Plan> = images.plan();
    let entry = plan.blobs().find(|entry| entry.digest == layer.digest).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (output, path) = (folder.path().join("large.tar"), folder.path().join("large.tar.part"));
    let (writer, _) = Form::Tar.output().open(&output).unwrap().output.writer(&plan).unwrap();
    let file = Arc::new(File::options().read(true).write(true).open(&path).unwrap());
    writer.write_known().unwrap();
    let mut blob = writer.blob(&plan.blobs().next().unwrap()).unwrap();
    blob.write(&images.contents[&config.digest]).unwrap();
    blob.finish().unwrap();
    assert_eq!(
        compare::entry_difference(&file, &entry).unwrap(),
        Some((compare::Region::Header, entry.header_offset)),
        "reserved space is not yet an entry"
    );
    // The blob's data is zeros, which the file has already; its header is all that is missing.
    std::os::unix::fs::FileExt::write_all_at(&*file, &entry.header(), entry.header_offset).unwrap();

    let states = resume_states(&file, &plan, 0, &Unobserved).unwrap();
    assert!(matches!(states[..], [ResumeState::Complete, ResumeState::Complete]), "{states:?}");
    assert_eq!(compare::tail_difference(&file, plan.size(), &plan).unwrap(), None);

    let archive = Archive::open(&path).unwrap();
    assert!(archive.findings().is_empty(), "{:?}", archive.findings());
    let section = archive.blob(&layer.digest).unwrap();
    assert_eq!((section.offset(), section.size()), (entry.data_offset, SIZE));

    let listed = Command::new("tar").arg("-tvf").arg(&path).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains(&format!(" {SIZE} ")), "{listed}");
    assert_eq!(listed.lines().count(), plan.entry_count());
}
