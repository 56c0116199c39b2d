//! Sets of volumes that somebody else's program has cut.

use std::fs;
use std::path::Path;

use airlift_oci::{Digest, Limits, Unobserved};
use airlift_verifier::{Options, VerifiedBundle, verify};

use crate::images::LAYER;
use crate::{frames_file, report, rules};

/// So much of the archive is in each volume.
const SIZE: usize = 64 << 10;

/// Cuts `archive` into volumes in `folder`, and describes them as docs/format.md has it.
fn cut(folder: &Path, archive: &[u8], bundle: &Digest) {
    let mut body = format!(
        "{{\"schema\":\"airlift.volumes/v1\",\"bundle\":\"{bundle}\",\"size\":{},\"volumeSize\":{SIZE},\"volumes\":[",
        archive.len()
    );
    for (index, volume) in archive.chunks(SIZE).enumerate() {
        let (number, comma) = (index + 1, if index == 0 { "" } else { "," });
        let start = Digest::sha256(&volume[..volume.len().min(4096)]);
        body.push_str(&format!(
            "{comma}\n{{\"number\":{number},\"name\":\"b.tar.{number:03}\",\"size\":{},\"start\":\"{}\",\"sha256\":\"{}\"}}",
            volume.len(),
            start.hex(),
            Digest::sha256(volume).hex()
        ));
        fs::write(folder.join(format!("b.tar.{number:03}")), volume).unwrap();
    }
    body.push_str("\n]");
    let check = Digest::sha256(body.as_bytes());
    fs::write(folder.join("b.tar.volumes.json"), format!("{body},\n\"check\":\"{check}\"}}\n")).unwrap();
}

#[test]
fn whoever_keeps_to_the_format_can_cut_a_bundle() {
    let mut images = frames_file::sample();
    let large = images.blob(LAYER, &frames_file::plain_layer(0, 2 * SIZE));
    let image = images.image("riscv64", &[large]);
    images.root(&image, "registry.example.com/large:1");
    let archive = images.archive();
    assert!(archive.len() > 2 * SIZE);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("whole.tar"), &archive).unwrap();
    let id = report(&folder.path().join("whole.tar")).id.unwrap();
    cut(folder.path(), &archive, &id);
    assert!(report(&folder.path().join("b.tar")).ok);
    // The same for another bundle.
    cut(folder.path(), &archive, &Digest::sha256(b"another"));
    assert_eq!(rules(&report(&folder.path().join("b.tar"))), ["volume-manifest"]);
}

/// In other tools' archives it is unknown what each byte of a volume has to be.
#[test]
fn only_our_own_bundles_are_taken_in_volumes() {
    let layouts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/layouts");
    let path = layouts.join("skopeo-1.9.3.tar");
    let id = report(&path).id.unwrap();
    let folder = tempfile::tempdir().unwrap();
    cut(folder.path(), &fs::read(&path).unwrap(), &id);
    let set = folder.path().join("b.tar.volumes.json");
    assert_eq!(rules(&report(&set)), ["volume-foreign"]);
    assert!(VerifiedBundle::admit(&set, Limits::default()).is_err());
}

/// Copying tools and browsers give files other names: what they are is seen by their content, and said.
#[test]
fn volumes_and_manifests_under_other_names_are_named() {
    let mut images = frames_file::sample();
    let large = images.blob(LAYER, &frames_file::plain_layer(0, 2 * SIZE));
    let image = images.image("riscv64", &[large]);
    images.root(&image, "registry.example.com/large:1");
    let archive = images.archive();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("whole.tar"), &archive).unwrap();
    cut(folder.path(), &archive, &report(&path("whole.tar")).id.unwrap());
    fs::remove_file(path("whole.tar")).unwrap();
    for (proper, other) in [("b.tar.001", "b.tar(1).001"), ("b.tar.002", "B_TAR~1.002")] {
        fs::rename(path(proper), path(other)).unwrap();
        let found = report(&path("b.tar"));
        assert_eq!(rules(&found), ["volume-missing"]);
        let message = &found.findings[0].message;
        assert!(message.contains(&format!("{proper} is missing")) && message.contains(other), "{message}");
        let error = verify(&path(other), &Options::default(), &Unobserved).unwrap_err().to_string();
        assert!(error.contains(&format!("is {proper} of the set")) && error.contains("rename it"), "{error}");
        fs::rename(path(other), path(proper)).unwrap();
    }
    // What only has the size of a volume is none.
    fs::rename(path("b.tar.002"), path("other")).unwrap();
    fs::write(path("other"), vec![1; SIZE]).unwrap();
    let found = report(&path("b.tar"));
    assert!(!found.findings[0].message.contains("other"), "{:?}", found.findings);
    fs::rename(path("b.tar.volumes.json"), path("volumes(1).json")).unwrap();
    let error = verify(&path("volumes(1).json"), &Options::default(), &Unobserved).unwrap_err().to_string();
    assert!(error.contains("is b.tar.volumes.json of the set") && error.contains("rename it"), "{error}");
}
