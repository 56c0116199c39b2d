//! Damaged bundles, and existing files at the output.

use airlift_testkit::tamper::{Tampered, TarEntry, listing};

use crate::airlift::Ran;
use crate::pair::Pair;

impl Pair {
    fn verify(&self, damaged: &Tampered) -> Ran {
        self.airlift.run(&["--json", "verify", damaged.path().to_str().expect("temporary paths are UTF-8")])
    }

    /// A damaged bundle is refused, and leaves no tag behind.
    fn assert_refused(&self, damaged: &Tampered, what: &str) {
        let path = damaged.path().to_str().expect("temporary paths are UTF-8");
        let pushed = self.airlift.run(&["push", path, self.target.authority()]);
        assert_ne!(pushed.code, 0, "{what} was pushed: {pushed}");
        for sample in &self.samples {
            let found = self.target.endpoint().try_manifest(&sample.repository, &sample.tag).status;
            assert_eq!(found, 404, "{what}: {}:{} was tagged", sample.repository, sample.tag);
        }
    }
}

/// Where to hit an entry: its header, its content, its padding.
fn places(entry: &TarEntry) -> Vec<(u64, String)> {
    let mut places = vec![(entry.header, format!("the name of {}", entry.name))];
    places.push((entry.header + 124, format!("the size of {}", entry.name)));
    if entry.size > 0 {
        places.push((entry.offset, format!("the first byte of {}", entry.name)));
        places.push((entry.offset + entry.size - 1, format!("the last byte of {}", entry.name)));
    }
    if !entry.size.is_multiple_of(512) {
        places.push((entry.offset + entry.size, format!("the padding of {}", entry.name)));
    }
    places
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let Some(pair) = Pair::start() else { return };
    pair.build(pair.web());
    let damaged = Tampered::copy_of(&pair.airlift.path("b.tar"));
    let entries = listing(&pair.airlift.path("b.tar"));
    let mut hits: Vec<(u64, String)> = entries.iter().flat_map(places).collect();
    hits.push((damaged.size() - 1, "the last byte of the file".to_owned()));
    for (offset, what) in hits {
        damaged.flip_bit(offset, 0);
        let report = pair.verify(&damaged).expect(1).json("airlift.report/v1");
        assert_eq!(report["ok"], false, "{what}");
        assert!(
            report["findings"].as_array().is_some_and(|findings| !findings.is_empty()),
            "{what}: {report}"
        );
        damaged.flip_bit(offset, 0);
    }
    pair.verify(&damaged).expect(0);
}

#[test]
fn a_damaged_layer_is_named_with_its_image_and_platform() {
    let Some(pair) = Pair::start() else { return };
    pair.build(pair.web());
    let damaged = Tampered::copy_of(&pair.airlift.path("b.tar"));
    let layer = pair.web().blobs.iter().max_by_key(|blob| blob.bytes.len()).expect("it has layers");
    let entries = listing(damaged.path());
    let entry = entries.iter().find(|entry| entry.name.ends_with(layer.digest.hex().to_string().as_str()));
    let entry = entry.expect("the layer is in the bundle");
    damaged.flip_bit(entry.offset + entry.size / 2, 3);

    let report = pair.verify(&damaged).expect(1).json("airlift.report/v1");
    let finding = &report["findings"][0];
    assert_eq!(finding["digest"], layer.digest.to_string(), "{report}");
    let path = finding["path"].to_string();
    assert!(path.contains("team/web:1.27") && path.contains("linux/") && path.contains("layer"), "{report}");
    pair.assert_refused(&damaged, "a damaged layer");
}

#[test]
fn a_cut_or_lengthened_bundle_is_refused() {
    let Some(pair) = Pair::start() else { return };
    pair.build(pair.web());
    let original = pair.airlift.path("b.tar");
    let entries = listing(&original);
    let size = original.metadata().unwrap().len();
    let mut cuts = vec![0, 1, 511, 512, size - 1, size - 512, size - 1024];
    // At each boundary, and within each content: tar alone would accept the first as the end.
    cuts.extend(entries.iter().map(|entry| entry.header));
    cuts.extend(entries.iter().map(|entry| entry.offset + entry.size / 2));
    for cut in cuts {
        let damaged = Tampered::copy_of(&original);
        damaged.truncate(cut);
        let verified = pair.verify(&damaged);
        assert_ne!(verified.code, 0, "cut at {cut}: {verified}");
    }
    for tail in [&b"x"[..], &[0; 512]] {
        let damaged = Tampered::copy_of(&original);
        damaged.append(tail);
        let verified = pair.verify(&damaged);
        assert_ne!(verified.code, 0, "{} bytes more: {verified}", tail.len());
    }
    let damaged = Tampered::copy_of(&original);
    damaged.truncate(size / 2);
    pair.assert_refused(&damaged, "half a bundle");
}

#[test]
fn an_output_that_exists_is_kept() {
    let Some(pair) = Pair::start() else { return };
    let reference = pair.reference(pair.web());
    std::fs::write(pair.airlift.path("b.tar"), "precious").unwrap();
    let refused = pair.airlift.run(&["build", &reference, "-o", "b.tar"]);
    assert_ne!(refused.code, 0, "{refused}");
    refused.says("b.tar").says("--force");
    assert_eq!(pair.airlift.read("b.tar"), b"precious");
    assert_eq!(pair.airlift.files(), ["b.tar"]);
    pair.airlift.run(&["build", &reference, "-o", "b.tar", "--force"]).expect(0);
    pair.airlift.run(&["verify", "b.tar"]).expect(0);
}

#[test]
fn the_same_output_is_already_complete() {
    let Some(pair) = Pair::start() else { return };
    let reference = pair.reference(pair.web());
    pair.build(pair.web());
    let before = pair.airlift.path("b.tar").metadata().unwrap();
    pair.airlift.run(&["build", &reference, "-o", "b.tar"]).expect(0).says("already complete");
    let again =
        pair.airlift.run(&["--json", "build", &reference, "-o", "b.tar"]).expect(0).json("airlift.build/v1");
    assert_eq!(again["downloaded"], 0, "{again}");
    let after = pair.airlift.path("b.tar").metadata().unwrap();
    assert_eq!(after.modified().unwrap(), before.modified().unwrap(), "it was written again");
}
