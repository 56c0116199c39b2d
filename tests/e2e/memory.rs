//! Memory doesn't grow with the size of the images.

use airlift_oci::Algorithm;
use airlift_server::samples::{ImageSpec, Layer, Sample, image};

use crate::pair::Pair;

/// A limit that must be enough for every size, without the pages of the binary itself.
const LIMIT: u64 = 56 << 20;

/// More than the limit, so that code that holds a whole layer in memory is found.
const LAYER: usize = 96 << 20;

/// Bytes that no compression, hole or coincidence makes smaller (xorshift64).
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = vec![0; size];
    for word in bytes.chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes());
    }
    bytes
}

fn layer(seed: u64, size: usize) -> Layer {
    Layer::Raw {
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        bytes: noise(seed, size).into(),
        annotations: Vec::new(),
    }
}

#[test]
fn a_large_image_needs_no_more_memory_than_a_small_one() {
    needs_little_memory(vec![layer(1, LAYER), layer(2, LAYER / 4), layer(3, LAYER / 4), layer(4, LAYER / 4)]);
}

#[test]
fn many_layers_of_a_few_mib_need_no_more_memory() {
    let sizes = (1..=40).map(|seed| layer(seed, (seed as usize % 8) * (1 << 20) + 500_000));
    needs_little_memory(sizes.collect());
}

fn needs_little_memory(layers: Vec<Layer>) {
    let Some(pair) = Pair::start() else { return };
    let spec = ImageSpec { layers, algorithm: Algorithm::Sha256, ..ImageSpec::default() };
    let large = Sample::of_image("team/large", "1", image(&spec));
    pair.source.endpoint().push(std::slice::from_ref(&large));

    let reference = pair.reference(&large);
    let steps: [&[&str]; 3] = [
        &["build", &reference, "-o", "b.tar"],
        &["verify", "b.tar"],
        &["push", "b.tar", pair.target.authority()],
    ];
    for step in steps {
        let (ran, peak) = pair.airlift.run_measured(step);
        ran.expect(0);
        assert!(peak <= LIMIT, "{step:?} held {} MiB", peak >> 20);
    }
    pair.assert_arrived(&large);
}
