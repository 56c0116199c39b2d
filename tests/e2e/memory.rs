//! Memory doesn't grow with the size of the images, and hardly with what a hostile bundle names.

use airlift_oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use airlift_oci::{Algorithm, Digest};
use airlift_server::Options;
use airlift_server::samples::{ImageSpec, Layer, Sample, image};

use crate::airlift::Airlift;
use crate::made::Embedded;
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
    let copied = format!("{}/copied", pair.target.authority());
    let steps: [&[&str]; 5] = [
        &["build", &reference, "-o", "b.tar"],
        &["verify", "b.tar"],
        &["push", "b.tar", pair.target.authority()],
        &["copy", &reference, &copied],
        &["check", "b.tar", "--deep", "--at", pair.target.authority()],
    ];
    for step in steps {
        let (ran, peak) = pair.airlift.run_measured(step);
        ran.expect(0);
        assert!(peak <= LIMIT, "{step:?} held {} MiB", peak >> 20);
    }
    pair.assert_arrived(&large);
    pair.target.endpoint().assert_holds(&large, "copied/team/large");
}

/// A layout in a tar archive, of which the contents are made by hand.
struct MadeLayout {
    tar: tar::Builder<std::fs::File>,
    roots: Vec<String>,
}

impl MadeLayout {
    fn create(path: &std::path::Path) -> Self {
        let mut made =
            MadeLayout { tar: tar::Builder::new(std::fs::File::create(path).unwrap()), roots: Vec::new() };
        made.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        made
    }

    fn file(&mut self, name: &str, content: &str) {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }

    fn blob(&mut self, digest: &Digest, content: &str) {
        self.file(&format!("blobs/sha256/{}", digest.hex()), content);
    }

    /// Adds a manifest; returns a descriptor of it.
    fn manifest(&mut self, media_type: &str, text: &str) -> String {
        let digest = Digest::sha256(text.as_bytes());
        self.blob(&digest, text);
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}}}"#, text.len())
    }

    fn finish(mut self) {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, self.roots.join(","));
        self.file("index.json", &index);
        self.tar.finish().unwrap();
    }
}

fn made_up(number: usize) -> Digest {
    Digest::sha256(&number.to_le_bytes())
}

fn listed(number: usize) -> String {
    format!(r#"{{"digest":"{}","size":1}}"#, made_up(number))
}

/// A tenth of what is within the limits: layers that are all there, and manifests that are as small as can
/// be.
#[test]
fn what_a_hostile_bundle_names_needs_little_memory() {
    let airlift = Airlift::new();
    let mut layers = MadeLayout::create(&airlift.path("layers.tar"));
    for first in (0..60_000).step_by(15_000) {
        let list: Vec<String> = (first..first + 15_000).map(listed).collect();
        let text = format!(r#"{{"config":{},"layers":[{}]}}"#, listed(first), list.join(","));
        let root = layers.manifest(OCI_MANIFEST, &text);
        layers.roots.push(root);
    }
    (0..60_000).for_each(|number| layers.blob(&made_up(number), "x"));
    layers.finish();
    let mut manifests = MadeLayout::create(&airlift.path("manifests.tar"));
    for first in (0..20_000).step_by(4_000) {
        let image = |number| format!(r#"{{"config":{}}}"#, listed(number));
        let list: Vec<String> =
            (first..first + 4_000).map(|number| manifests.manifest(OCI_MANIFEST, &image(number))).collect();
        let text = format!(r#"{{"manifests":[{}]}}"#, list.join(","));
        let root = manifests.manifest(OCI_INDEX, &text);
        manifests.roots.push(root);
    }
    manifests.finish();
    for bundle in ["layers.tar", "manifests.tar"] {
        for step in [&["verify", bundle][..], &["inspect", bundle], &["inspect", bundle, "--json"]] {
            let (_, peak) = airlift.run_measured(step);
            assert!(peak <= LIMIT, "{step:?} held {} MiB", peak >> 20);
        }
    }
}

/// A bundle without a defect gets further than a hostile one: its blobs are planned for the target, too.
#[test]
fn many_blobs_below_one_index_need_little_memory() {
    const COUNT: usize = 120_000;
    let airlift = Airlift::new();
    let mut layout = MadeLayout::create(&airlift.path("b.tar"));
    let blobs: Vec<String> = (0..COUNT).map(|number| number.to_string()).collect();
    let listed = |blob: &String| {
        format!(r#"{{"digest":"{}","size":{}}}"#, Digest::sha256(blob.as_bytes()), blob.len())
    };
    let mut image = |blobs: &[String]| {
        let list: Vec<String> = blobs.iter().map(listed).collect();
        layout.manifest(
            OCI_MANIFEST,
            &format!(r#"{{"config":{},"layers":[{}]}}"#, list[0], list[1..].join(",")),
        )
    };
    let images: Vec<String> = blobs.chunks(15_000).map(&mut image).collect();
    let index = layout.manifest(OCI_INDEX, &format!(r#"{{"manifests":[{}]}}"#, images.join(",")));
    let name = r#","annotations":{"org.opencontainers.image.ref.name":"registry.example.com/app:1"}}"#;
    layout.roots.push(index.trim_end_matches('}').to_owned() + name);
    blobs.iter().for_each(|blob| layout.blob(&Digest::sha256(blob.as_bytes()), blob));
    layout.finish();
    let target = Embedded::start(Options::default());
    for step in
        [&["verify", "b.tar"][..], &["inspect", "b.tar"], &["push", "b.tar", target.authority(), "--dry-run"]]
    {
        let (ran, peak) = airlift.run_measured(step);
        ran.expect(0);
        assert!(peak <= LIMIT, "{step:?} held {} MiB", peak >> 20);
    }
}
