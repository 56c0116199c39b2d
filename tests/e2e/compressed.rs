//! `-o b.tar.zst`: the same bundle in zstd frames, from registry to registry.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airlift_oci::Digest;
use airlift_server::samples::{self, Content, ImageSpec, Layer, Sample};
use airlift_testkit::scripted::{Answer, Script, ScriptedRegistry};
use airlift_testkit::tamper::Tampered;

use crate::airlift::{Airlift, Ran};
use crate::pair::Pair;

/// An image with a compressible layer, a layer that is compressed already, and a large JSON document.
fn plain() -> Sample {
    let text: String = (0..60_000).map(|n| format!("{} is a line of a file\n", n * 7 % 1_000)).collect();
    let layer = |media_type: &str, bytes: Vec<u8>| Layer::Raw {
        media_type: media_type.to_owned(),
        bytes: bytes.into(),
        annotations: Vec::new(),
    };
    let layers = vec![
        layer("application/vnd.oci.image.layer.v1.tar", text.clone().into_bytes()),
        Layer::Files { seed: 3, size: 1_500_000 },
        layer("application/spdx+json", format!("[{:?}]", &text[..20_000]).into_bytes()),
        Layer::Files { seed: 4, size: 10_000 },
    ];
    let image = samples::image(&ImageSpec { layers, ..ImageSpec::default() });
    Sample::of_image("team/plain", "1", image)
}

/// The samples, and that one, on their way from a registry to another.
fn pair() -> Option<Pair> {
    let mut pair = Pair::start()?;
    pair.source.endpoint().push(&[plain()]);
    pair.samples.push(plain());
    Some(pair)
}

fn build(pair: &Pair, output: &str) -> Ran {
    let references = pair.references();
    let mut arguments = vec!["--json", "build", "-o", output];
    arguments.extend(references.iter().map(String::as_str));
    pair.airlift.run(&arguments).expect(0)
}

fn number(document: &serde_json::Value, member: &str) -> u64 {
    document[member].as_u64().expect("a number")
}

#[test]
fn every_sample_arrives_out_of_frames_byte_for_byte() {
    let Some(pair) = pair() else { return };
    build(&pair, "b.tar");
    let built = build(&pair, "b.tar.zst").json("airlift.build/v1");
    let (tar, frames) = (pair.airlift.read("b.tar"), pair.airlift.read("b.tar.zst"));
    assert!(zstd::decode_all(&frames[..]).expect("it is zstd") == tar, "it unpacks to another archive");
    assert_eq!(number(&built, "size"), frames.len() as u64);
    assert!(frames.len() + 1_000_000 < tar.len(), "{} of {}", frames.len(), tar.len());
    assert_eq!(pair.airlift.files().iter().filter(|name| name.contains(".part")).count(), 0);

    let of_tar = pair.airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
    let report = pair.airlift.run(&["--json", "verify", "b.tar.zst"]).expect(0).json("airlift.report/v1");
    for member in ["id", "hashed", "images", "findings"] {
        assert_eq!(report[member], of_tar[member], "{member}");
    }
    let of_tar = pair.airlift.run(&["inspect", "b.tar"]).expect(0);
    let shown = pair.airlift.run(&["inspect", "b.tar.zst"]).expect(0);
    let lines = |ran: &Ran| -> BTreeSet<String> {
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        text.lines().filter(|line| line.contains("sha256:")).map(str::to_owned).collect()
    };
    assert_eq!(lines(&shown), lines(&of_tar));

    pair.push("b.tar.zst").expect(0);
    for sample in &pair.samples {
        pair.target.endpoint().assert_holds(sample, &sample.repository);
    }
}

#[test]
fn the_same_command_again_changes_nothing() {
    let Some(pair) = pair() else { return };
    build(&pair, "b.tar.zst");
    let before = pair.airlift.read("b.tar.zst");
    let again = build(&pair, "b.tar.zst").json("airlift.build/v1");
    assert_eq!(number(&again, "downloaded"), 0);
    assert_eq!(number(&again, "size"), before.len() as u64);
    build(&pair, "c.tar.zst");
    assert!(pair.airlift.read("c.tar.zst") == before, "the same images are the same bytes");
    // Another bundle is not replaced.
    let reference = pair.reference(pair.web());
    pair.airlift.run(&["build", &reference, "-o", "b.tar.zst"]).expect(5).says("--force");
    assert!(pair.airlift.read("b.tar.zst") == before);
    // And what it has is taken from it.
    let reused =
        pair.airlift.run(&["--json", "build", &reference, "-o", "d.tar.zst", "--reuse", "b.tar.zst"]);
    assert_eq!(number(&reused.expect(0).json("airlift.build/v1"), "downloaded"), 0);
    pair.airlift.run(&["verify", "d.tar.zst"]).expect(0);
}

#[test]
fn the_plan_says_how_large_it_can_become() {
    let Some(pair) = pair() else { return };
    let reference = pair.reference(pair.samples.last().expect("there are samples"));
    let plan = |output: &str| {
        let ran = pair.airlift.run(&["--json", "build", &reference, "-o", output, "--dry-run"]);
        number(&ran.expect(0).json("airlift.plan/v1"), "size")
    };
    let (tar, at_most) = (plan("b.tar"), plan("b.tar.zst"));
    assert!(at_most > tar && at_most < tar + 1_000, "{at_most} of {tar}");
    let shown = pair.airlift.run(&["build", &reference, "-o", "b.tar.zst", "--dry-run"]).expect(0);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("b.tar.zst will have at most"), "{shown}");
}

#[test]
fn a_flipped_bit_is_refused_by_verify_and_push() {
    let Some(pair) = pair() else { return };
    let reference = pair.reference(pair.samples.last().expect("there are samples"));
    pair.airlift.run(&["build", &reference, "-o", "b.tar.zst"]).expect(0);
    let damaged = Tampered::copy_of(&pair.airlift.path("b.tar.zst"));
    let path = damaged.path().to_str().expect("temporary paths are UTF-8");
    let size = damaged.size();
    // Throughout the file, and each byte of its last ones.
    let spread = (0..60).map(|n| n * size / 60 + n % 7);
    for offset in spread.chain(size - 30..size) {
        damaged.flip_bit(offset, (offset % 8) as u8);
        let report = pair.airlift.run(&["--json", "verify", path]).expect(1).json("airlift.report/v1");
        assert_eq!(report["ok"], false, "byte {offset}");
        if offset % 5 == 0 {
            let pushed = pair.airlift.run(&["push", path, pair.target.authority()]);
            assert_ne!(pushed.code, 0, "byte {offset} was pushed: {pushed}");
            let found = pair.target.endpoint().try_manifest("team/plain", "1").status;
            assert_eq!(found, 404, "byte {offset} was tagged");
        }
        damaged.flip_bit(offset, (offset % 8) as u8);
    }
    for cut in [size - 1, size / 2, 100] {
        let cut_off = Tampered::copy_of(damaged.path());
        cut_off.truncate(cut);
        let path = cut_off.path().to_str().expect("temporary paths are UTF-8");
        pair.airlift.run(&["verify", path]).expect(1).says("seek table");
    }
    pair.airlift.run(&["verify", path]).expect(0);
}

#[test]
fn what_others_compressed_is_to_be_unpacked_first() {
    let Some(pair) = pair() else { return };
    build(&pair, "b.tar");
    let others = zstd::encode_all(&pair.airlift.read("b.tar")[..], 3).expect("it can be compressed");
    std::fs::write(pair.airlift.path("other.tar.zst"), others).expect("it can be written");
    let ran = pair.airlift.run(&["verify", "other.tar.zst"]);
    assert_ne!(ran.code, 0);
    ran.says("unpack it first (zstd -d)");
    // Frames that are to be skipped may stand in front.
    let skipped = [&b"\x50\x2a\x4d\x18\x04\0\0\0skip"[..], &pair.airlift.read("other.tar.zst")].concat();
    std::fs::write(pair.airlift.path("other.tar.zst"), skipped).expect("it can be written");
    pair.airlift.run(&["verify", "other.tar.zst"]).expect(4).says("unpack it first (zstd -d)");
    for name in ["b.tar.gz", "b.tgz", "b.tzst"] {
        let reference = pair.reference(&pair.samples[0]);
        pair.airlift.run(&["build", &reference, "-o", name]).expect(2).says(".tar.zst only");
    }
}

/// A registry that breaks the connection within the large layer until the test repairs it.
struct Breaking {
    registry: ScriptedRegistry,
    mended: Arc<AtomicBool>,
    airlift: Airlift,
    large: Content,
}

impl Breaking {
    fn start() -> Self {
        let sample = plain();
        let large = sample.blobs.iter().max_by_key(|blob| blob.bytes.len()).expect("it has layers").clone();
        let (path, bytes) = (format!("/blobs/{}", large.digest), large.bytes.clone());
        let mended = Arc::new(AtomicBool::new(false));
        let is_mended = Arc::clone(&mended);
        let registry = Script::serving(vec![sample])
            .rule(move |request| {
                let breaks =
                    request.is_blob() && request.path().ends_with(&path) && !is_mended.load(Ordering::SeqCst);
                breaks.then(|| Answer::ok("application/octet-stream", bytes.to_vec()).cut_at(bytes.len() / 2))
            })
            .start();
        Breaking { registry, mended, airlift: Airlift::new(), large }
    }

    fn build(&self, output: &str) -> Ran {
        let reference = format!("{}/team/plain:1", self.registry.authority());
        self.airlift.run(&["--json", "build", &reference, "-o", output, "--retries", "0"])
    }

    fn asked_for(&self, digest: &Digest) -> usize {
        self.registry.count("GET", &format!("/blobs/{digest}"))
    }
}

#[test]
fn an_interrupted_build_goes_on_behind_the_last_whole_entry() {
    let breaking = Breaking::start();
    breaking.build("b.tar.zst").expect(3).says("what arrived is kept");
    assert_eq!(breaking.airlift.files(), ["b.tar.zst.part"]);
    breaking.mended.store(true, Ordering::SeqCst);
    let sample = plain();
    let first = sample.blobs.iter().find(|blob| blob.media_type.ends_with(".tar")).expect("a plain layer");
    let before = (breaking.asked_for(&first.digest), breaking.asked_for(&breaking.large.digest));
    let built = breaking.build("b.tar.zst").expect(0).json("airlift.build/v1");
    assert!(number(&built, "reused") >= first.bytes.len() as u64, "{built}");
    assert_eq!(breaking.asked_for(&first.digest), before.0, "it was there");
    assert_eq!(breaking.asked_for(&breaking.large.digest), before.1 + 1);
    let resumed = breaking.airlift.read("b.tar.zst");
    breaking.build("c.tar.zst").expect(0);
    assert!(resumed == breaking.airlift.read("c.tar.zst"), "another file");
    breaking.airlift.run(&["verify", "b.tar.zst"]).expect(0);
}
