//! In a compressed bundle, too, any flipped bit and any cut is found: in content, in what surrounds it, and
//! in what the frames themselves are made of.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use airlift_bundle::parallel;
use airlift_oci::{Limits, Unobserved};
use airlift_verifier::{ExamineError, Options, Report, VerifiedBundle, verify};

use crate::frames_file::{self, open, write, write_rest};
use crate::images::{Dice, Images};
use crate::{read_in_pieces, report, rules};

fn quick(path: &Path) -> Result<Report, ExamineError> {
    verify(path, &Options { jobs: 1, ..Options::default() }, &Unobserved).inspect(crate::check)
}

fn written(images: &Images) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar.zst");
    write(images, &path);
    fs::read(path).unwrap()
}

/// A copy of the sample for each of a few workers. Each tries its part of `total` cases.
fn in_parts(sample: &[u8], total: usize, work: impl Fn(&Path, &File, usize) + Sync) {
    const PARTS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let parts: Vec<usize> = (0..PARTS).collect();
    parallel::map(&parts, 0, |part| {
        let path = folder.path().join(part.to_string());
        fs::write(&path, sample).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for case in (*part..total).step_by(PARTS) {
            work(&path, &file, case);
        }
        assert!(fs::read(&path).unwrap() == sample, "each case cleans up behind itself");
    });
}

#[test]
fn the_compressed_sample_is_whole_and_is_the_same_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let images = frames_file::sample();
    let (compressed, plain) = (folder.path().join("b.tar.zst"), folder.path().join("b.tar"));
    let plan = write(&images, &compressed);
    images.write(&plain, |_| ());
    let (of_frames, of_tar) = (report(&compressed), report(&plain));
    assert!(of_frames.ok && of_frames.findings.is_empty(), "{:?}", of_frames.findings);
    assert_eq!((of_frames.id, of_frames.hashed), (Some(plan.id()), of_tar.hashed));
    assert_eq!(of_frames.images.len(), 3);
    assert_eq!(format!("{:?}", of_frames.images), format!("{:?}", of_tar.images));
}

/// The bits that are flipped: one of each byte, and all eight of the first frame's header, of the packed
/// frame's start and end, and of what stands behind the frames. With `AIRLIFT_ALL_BITS` in the environment,
/// all of all.
fn bits(file: &[u8]) -> Vec<(usize, usize)> {
    let packed = packed_frame(file);
    let whole =
        [0..40, packed.start..packed.start + 40, packed.end - 40..packed.end, file.len() - 200..file.len()];
    let all = std::env::var_os("AIRLIFT_ALL_BITS").is_some();
    let mut dice = Dice(1);
    let of_byte = |at: usize| {
        let one = dice.below(8);
        let every = all || whole.iter().any(|range| range.contains(&at));
        (0..8).filter(move |bit| every || *bit == one).map(move |bit| (at, bit))
    };
    (0..file.len()).flat_map(of_byte).collect()
}

/// Where the packed frame lies: the only one with a checksum.
fn packed_frame(file: &[u8]) -> std::ops::Range<usize> {
    let starts = |at: &usize| file[*at..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    let all: Vec<usize> = (0..file.len()).filter(starts).collect();
    let number = all.iter().position(|at| file[at + 4] & 0b100 != 0).unwrap();
    all[number]..all[number + 1]
}

#[test]
fn any_flipped_bit_is_found() {
    let file = written(&frames_file::small());
    let bits = bits(&file);
    assert!(bits.len() >= file.len() + 7 * 320);
    in_parts(&file, bits.len(), |path, open, case| {
        let (at, bit) = bits[case];
        open.write_all_at(&[file[at] ^ 1 << bit], at as u64).unwrap();
        let report = quick(path).unwrap();
        open.write_all_at(&[file[at]], at as u64).unwrap();
        assert!(!report.ok, "byte {at} bit {bit}");
    });
}

/// And pushing reads all that it sends, so it refuses as well, before the last byte at the latest.
#[test]
fn no_flipped_bit_is_admitted_and_read() {
    let file = written(&frames_file::small());
    let bits: Vec<_> = bits(&file).into_iter().step_by(5).collect();
    in_parts(&file, bits.len(), |path, open, case| {
        let (at, bit) = bits[case];
        open.write_all_at(&[file[at] ^ 1 << bit], at as u64).unwrap();
        let reads = VerifiedBundle::admit(path, Limits::default()).is_ok_and(|bundle| {
            let digests = bundle.graph().blobs().map(|blob| blob.descriptor.digest);
            digests.clone().all(|digest| {
                let content = bundle.content(&digest).unwrap();
                read_in_pieces(&content, usize::MAX).1.is_ok()
            })
        });
        open.write_all_at(&[file[at]], at as u64).unwrap();
        assert!(!reads, "byte {at} bit {bit}");
    });
}

#[test]
fn any_cut_is_found() {
    let file = written(&frames_file::small());
    in_parts(&file, file.len(), |path, open, length| {
        open.set_len(length as u64).unwrap();
        match quick(path) {
            Ok(report) => assert!(!report.ok, "cut to {length}"),
            // What is left doesn't even have the first entry's name.
            Err(_) if length < "zstd's header, a block's".len() + "oci-layout".len() => {}
            Err(error) => panic!("cut to {length}: {error}"),
        }
        open.write_all_at(&file[length..], length as u64).unwrap();
    });
}

#[test]
fn anything_appended_is_found() {
    let file = written(&frames_file::sample());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar.zst");
    for tail in [&b"\0"[..], b"x", &[0; 512], &file, &file[file.len() - 9..]] {
        fs::write(&path, [&file[..], tail].concat()).unwrap();
        let report = report(&path);
        assert!(!report.ok, "{} bytes", tail.len());
        assert_eq!(rules(&report), ["zst-table"]);
    }
}

#[test]
fn a_damaged_compressed_layer_is_named_by_image_and_part() {
    let images = frames_file::sample();
    let mut file = written(&images);
    let frame = packed_frame(&file);
    file[frame.start + 300] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar.zst");
    fs::write(&path, &file).unwrap();
    let report = report(&path);
    assert_eq!(rules(&report), ["zst-frame"]);
    let finding = &report.findings[0];
    assert_eq!(finding.path, ["registry.example.com/plain:1", "linux/s390x", "layer 1"]);
    assert!(
        finding.message.contains(&format!("byte {} of the compressed file", frame.start)),
        "{}",
        finding.message
    );
}

/// Other tools' layouts, in frames like ours, are not known byte for byte.
#[test]
fn only_our_own_bundles_are_taken_in_frames() {
    let images = frames_file::sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.part");
    // As if the writer were somebody else's: the layout file doesn't name the bundle.
    let mut writer =
        airlift_bundle::write::frames::FramesWriter::within(&path, &open(&path), &images.plan()).unwrap();
    write_rest(&images, &mut writer);
    let mut file = fs::read(&path).unwrap();
    let at = file.windows(17).position(|window| window == b"io.airlift.bundle").unwrap();
    let end = file[at..].iter().position(|byte| *byte == b'}').unwrap();
    file[at..at + end].fill(b' ');
    // {"imageLayoutVersion":"1.0.0",  and nothing behind: that comma and quote go, too.
    file[at - 2..at].fill(b' ');
    fs::write(&path, &file).unwrap();
    assert_eq!(rules(&report(&path)), ["zst-foreign"]);
    assert!(VerifiedBundle::admit(&path, Limits::default()).is_err());
}
