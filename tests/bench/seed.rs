//! The images that are carried: a large one, many small ones that share layers, and one of many small blobs.

use airlift_oci::Algorithm;
use airlift_server::samples::{self, Child, Image, ImageSpec, IndexSpec, Layer, Sample};
use airlift_testkit::http::Endpoint;

/// How many small images there are, and how many of their layers are shared by all.
pub(crate) const SMALL_IMAGES: u64 = 50;
pub(crate) const SHARED_LAYERS: u64 = 3;
/// How many layers the image of many layers has, on two platforms together.
pub(crate) const LAYERS: u64 = 200;
/// How many layers the image of small blobs has.
pub(crate) const TINY_BLOBS: u64 = 10_000;

/// Puts `bench/large:1` of 8 layers and `mib` MiB there.
pub(crate) fn large(endpoint: &Endpoint, mib: usize) {
    two_platforms(endpoint, "bench/large", [10, 20], 4, mib * 1024 * 1024 / 8);
}

/// Puts `bench/layers:1` of [`LAYERS`] layers and `mib` MiB there.
pub(crate) fn layers(endpoint: &Endpoint, mib: usize) {
    let size = mib * 1024 * 1024 / LAYERS as usize;
    two_platforms(endpoint, "bench/layers", [10_000, 20_000], LAYERS / 2, size);
}

/// Puts an image of two platforms there, platform by platform: all of it at once would not fit into every
/// memory.
fn two_platforms(endpoint: &Endpoint, repository: &str, seeds: [u64; 2], layers: u64, size: usize) {
    let push = |(platform, first): (&&str, u64)| {
        let layers = (0..layers).map(|layer| Layer::Files { seed: first + layer, size }).collect();
        let platform = (*platform).to_owned();
        let image = samples::image(&ImageSpec { platform, layers, ..ImageSpec::default() });
        endpoint.push(&[Sample::of_image(repository, &format!("p{first}"), image.clone())]);
        Image { blobs: Vec::new(), ..image }
    };
    let images: Vec<Image> = ["linux/amd64", "linux/arm64"].iter().zip(seeds).map(push).collect();
    let children = images.iter().map(Child::from).collect();
    let index = samples::index(&IndexSpec { children, ..IndexSpec::default() });
    endpoint.push_manifest(repository, "1", &index).expect_status(201);
}

/// Puts `bench/small-0:1` and so on there.
pub(crate) fn small(endpoint: &Endpoint) {
    for number in 0..SMALL_IMAGES {
        let shared = (0..SHARED_LAYERS).map(|layer| Layer::Files { seed: 1000 + layer, size: 2 << 20 });
        let own = Layer::Files { seed: 2000 + number, size: 2_500_000 };
        let layers = shared.chain([own]).collect();
        let image = samples::image(&ImageSpec { layers, ..ImageSpec::default() });
        endpoint.push(&[Sample::of_image(&format!("bench/small-{number}"), "1", image)]);
    }
}

/// Puts `bench/tiny:1` there.
pub(crate) fn tiny(endpoint: &Endpoint) {
    let layer = |number| Layer::Raw {
        media_type: "application/octet-stream".to_owned(),
        bytes: format!("blob {number} of the image of small blobs").into(),
        annotations: Vec::new(),
    };
    let layers = (0..TINY_BLOBS).map(layer).collect();
    let image = samples::image(&ImageSpec { layers, algorithm: Algorithm::Sha256, ..ImageSpec::default() });
    endpoint.push(&[Sample::of_image("bench/tiny", "1", image)]);
}
