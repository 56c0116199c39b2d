//! Trust as a type: only a sound bundle becomes one, and damaged content never comes out of it whole.

use std::fs;
use std::os::unix::fs::FileExt;

use airlift_oci::Limits;
use airlift_verifier::{AdmitError, VerifiedBundle};

use crate::images::Images;
use crate::read_in_pieces;

#[test]
fn a_damaged_frame_or_manifest_is_not_admitted() {
    let images = Images::sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    let plan = images.write(&path, |_| ());
    let bundle = VerifiedBundle::admit(&path, Limits::default()).unwrap();
    assert_eq!(bundle.id(), plan.id());
    let archive = fs::read(&path).unwrap();
    let manifest = plan.entry(2).unwrap();
    for at in [manifest.header_offset, manifest.data_offset, manifest.end() - 1, plan.size() - 1, 520] {
        let mut damaged = archive.clone();
        damaged[at as usize] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let error = VerifiedBundle::admit(&path, Limits::default()).unwrap_err();
        assert!(matches!(error, AdmitError::Refused { .. }), "{error}");
        assert!(error.to_string().contains(" is damaged: "), "{error}");
    }
}

#[test]
fn content_is_proven_before_its_last_bytes() {
    let images = Images::sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    let plan = images.write(&path, |_| ());
    let bundle = VerifiedBundle::admit(&path, Limits::default()).unwrap();
    for entry in plan.entries().skip(2) {
        let content = bundle.content(&entry.digest).unwrap();
        let (bytes, outcome) = read_in_pieces(&content, usize::MAX);
        outcome.unwrap();
        assert!(bytes == images.contents[&entry.digest]);
        content.prove(|_| ()).unwrap();
    }
    // Altered after it was admitted: swapped under our feet, or a disk that lies.
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for entry in plan.blobs().filter(|entry| entry.size > 0) {
        file.write_all_at(&[images.contents[&entry.digest][0] ^ 1], entry.data_offset).unwrap();
        let content = bundle.content(&entry.digest).unwrap();
        let (bytes, outcome) = read_in_pieces(&content, usize::MAX);
        assert!(outcome.is_err());
        assert!((bytes.len() as u64) < entry.size, "never all of it");
        let (bytes, outcome) = read_in_pieces(&content, 1);
        assert!(outcome.is_err());
        assert_eq!(bytes.len() as u64, entry.size - 1, "not even byte by byte");
        assert!(content.prove(|_| ()).is_err());
    }
}
