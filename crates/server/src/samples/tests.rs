use std::io::Write;
use std::process::{Command, Stdio};

use airlift_oci::Digest;

use super::*;

/// Other crates' golden archives are made of these: a change here changes those, and should be wanted.
#[test]
fn the_carried_samples_never_change() {
    let found: Vec<String> =
        all().iter().map(|sample| format!("{} {}", sample.root.digest, sample.tag)).collect();
    let golden = [
        "sha256:b45fff97b91ca8ce601c8e36ecfd630a5b170db2fe58e785b4c1e7f62453ab90 1.27",
        "sha256:772b92acc6ac740c50239c8992054f8f9868b44cd9f2d3450d647b0ec94d805e 2",
        "sha256:c409c8ff1122e3b7dcbee36dee1be22aec6a7da97ec35c1dea3f2017909abf43 1",
        "sha256:65086040c836d9e3e5ddd7f5c1785fc899fd2ff2d72a27c75cb0a297579d54cb 1",
        "sha256:8446cfdea461bb89f85cb133de5c7a9199b20c67ad1c86f629a643e8fabc76f7 0.1.0",
    ];
    assert_eq!(found, golden);
}

#[test]
fn samples_are_whole_and_small() {
    for sample in all() {
        assert_eq!(sample.manifests.last(), Some(&sample.root));
        assert!(!sample.about.is_empty() && sample.size() < 512 << 10);
        for content in sample.manifests.iter().chain(&sample.blobs) {
            assert!(content.digest.matches(&content.bytes));
        }
    }
}

#[test]
fn diff_ids_are_the_digests_of_what_gzip_unpacks() {
    let image = image(&ImageSpec {
        layers: vec![Layer::Files { seed: 1, size: 3000 }, Layer::Files { seed: 2, size: 70_000 }],
        ..ImageSpec::default()
    });
    let config: serde_json::Value = serde_json::from_slice(&image.blobs[0].bytes).unwrap();
    for (layer, diff_id) in image.blobs[1..].iter().zip(config["rootfs"]["diff_ids"].as_array().unwrap()) {
        let mut gzip =
            Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, bytes) = (gzip.stdin.take().unwrap(), layer.bytes.clone());
        let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
        let output = gzip.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        assert_eq!(*diff_id, Digest::sha256(&output.stdout).to_string());
    }
}
