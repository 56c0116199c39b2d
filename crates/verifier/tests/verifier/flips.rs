//! In one of our bundles any flipped bit and any truncation is found: all of both are tried.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use airlift_bundle::parallel;
use airlift_oci::{Digest, Unobserved};
use airlift_verifier::{Options, Report, verify};

use crate::images::{Dice, Images};
use crate::report;

/// One job a file: the files are what is worked on side by side.
fn quick(path: &Path) -> Report {
    let report = verify(path, &Options { jobs: 1, ..Options::default() }, &Unobserved).unwrap();
    crate::check(&report);
    report
}

/// A copy of the sample for each of a few workers. Each tries its part of `total` cases.
fn in_parts(total: usize, work: impl Fn(&Path, &File, usize) + Sync) {
    const PARTS: usize = 8;
    let archive = Images::sample().archive();
    let folder = tempfile::tempdir().unwrap();
    let parts: Vec<usize> = (0..PARTS).collect();
    parallel::map(&parts, 0, |part| {
        let path = folder.path().join(part.to_string());
        fs::write(&path, &archive).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for case in (*part..total).step_by(PARTS) {
            work(&path, &file, case);
        }
        assert!(fs::read(&path).unwrap() == archive, "each case cleans up behind itself");
    });
}

#[test]
fn the_sample_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    let plan = Images::sample().write(&path, |_| ());
    let report = report(&path);
    assert!(report.ok && report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.id, report.size), (Some(plan.id()), plan.size()));
    assert_eq!(report.hashed, plan.entries().map(|entry| entry.size).sum::<u64>());
    assert_eq!(report.images.len(), 2);
    assert_eq!(report.images[1].platforms, ["linux/amd64", "linux/arm64"]);
}

/// The bits that are flipped: one of each byte, and all eight of `oci-layout` with its header, and of a
/// header with a pax record. With `AIRLIFT_ALL_BITS` in the environment, all of all.
fn bits(archive: &[u8]) -> Vec<(usize, usize)> {
    let plan = Images::sample().plan();
    let pax = plan.entries().find(|entry| entry.header().len() > 512).unwrap();
    let whole = [0..plan.entry(0).unwrap().end(), pax.header_offset..pax.data_offset];
    let all = std::env::var_os("AIRLIFT_ALL_BITS").is_some();
    let mut dice = Dice(1);
    let of_byte = |at: usize| {
        let one = dice.below(8);
        let every = all || whole.iter().any(|range| range.contains(&(at as u64)));
        (0..8).filter(move |bit| every || *bit == one).map(move |bit| (at, bit))
    };
    (0..archive.len()).flat_map(of_byte).collect()
}

#[test]
fn any_flipped_bit_is_found() {
    let archive = Images::sample().archive();
    let bits = bits(&archive);
    assert!(bits.len() > archive.len() + 7 * 2_500);
    in_parts(bits.len(), |path, file, case| {
        let (at, bit) = bits[case];
        let byte = archive[at];
        file.write_all_at(&[byte ^ 1 << bit], at as u64).unwrap();
        let report = quick(path);
        file.write_all_at(&[byte], at as u64).unwrap();
        assert!(!report.ok, "byte {at} bit {bit}");
        let places_something =
            |finding: &airlift_verifier::Finding| !finding.path.is_empty() || finding.offset.is_some();
        assert!(report.findings.iter().all(places_something), "byte {at} bit {bit}: {:?}", report.findings);
    });
}

#[test]
fn any_cut_is_found() {
    let archive = Images::sample().archive();
    in_parts(archive.len(), |path, file, length| {
        file.set_len(length as u64).unwrap();
        match verify(path, &Options { jobs: 1, ..Options::default() }, &Unobserved) {
            Ok(report) => assert!(!report.ok, "cut to {length}"),
            // What is left doesn't even have the first entry's name.
            Err(_) if length < "oci-layout".len() => {}
            Err(error) => panic!("cut to {length}: {error}"),
        }
        file.write_all_at(&archive[length..], length as u64).unwrap();
    });
}

#[test]
fn anything_appended_is_found() {
    let archive = Images::sample().archive();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    for tail in [&b"\0"[..], b"x", &[0; 512], &[0; 10_240], &archive] {
        fs::write(&path, [&archive[..], tail].concat()).unwrap();
        let report = report(&path);
        assert!(!report.ok, "{} bytes", tail.len());
        assert_eq!(crate::rules(&report), ["tar-tail"]);
        assert_eq!(report.findings[0].offset, Some(archive.len() as u64));
    }
}

/// Where the frame is whole, the finding says which image and part, and where its data starts.
#[test]
fn a_damaged_layer_is_named_by_image_platform_and_part() {
    let images = Images::sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    let plan = images.write(&path, |_| ());
    let archive = fs::read(&path).unwrap();
    for entry in plan.entries() {
        let mut damaged = archive.clone();
        let Some(last) = entry.size.checked_sub(1) else { continue };
        damaged[(entry.data_offset + last) as usize] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        let report = report(&path);
        let first = report.findings.iter().find(|finding| finding.is_error()).unwrap();
        if entry.path().digest().is_some() {
            assert_eq!(first.path, plan.path_of(&entry), "{:?}", report.findings);
            assert_eq!(first.digest, Some(entry.digest));
            assert_eq!(first.offset, Some(entry.data_offset));
            assert!(first.message.contains(&entry.digest.to_string()), "{}", first.message);
        } else {
            // The id no longer is the digest, and which of the two files changed is unknown; or it can't
            // be read.
            assert!(matches!(first.rule.id(), "bundle-id" | "layout-json"), "{first:?}");
            assert_eq!(first.path, ["oci-layout"], "{}", entry.path());
        }
    }
}

/// The one thing that could make a damaged bundle pass for another tool's: the member's name in `oci-layout`.
#[test]
fn oci_layout_can_not_deny_what_it_is() {
    let images = Images::sample();
    let archive = images.archive();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    let at = archive.windows(17).position(|window| window == b"io.airlift.bundle").unwrap();
    let mut damaged = archive.clone();
    damaged[at] = b'x';
    fs::write(&path, &damaged).unwrap();
    assert_eq!(crate::rules(&report(&path)), ["layout-json"]);
    // Both its name and the padding behind something else: both are found.
    *damaged.last_mut().unwrap() = 1;
    fs::write(&path, &damaged).unwrap();
    assert_eq!(crate::rules(&report(&path)), ["layout-json", "tar-tail"]);
}

#[test]
fn the_expected_id_is_held_against_the_real_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    let plan = Images::sample().write(&path, |_| ());
    let with =
        |expect| verify(&path, &Options { expect: Some(expect), ..Options::default() }, &Unobserved).unwrap();
    assert!(with(plan.id()).ok);
    let other = with(Digest::sha256(b"another"));
    assert_eq!((other.ok, crate::rules(&other)), (false, vec!["expected-id"]));
}
