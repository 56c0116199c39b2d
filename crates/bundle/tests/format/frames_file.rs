//! Compressed archives of made-up images. Shared with the verifier's tests.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use airlift_bundle::write::frames::FramesWriter;
use airlift_bundle::{Existing, Form, Plan};
use airlift_oci::{Digest, Unobserved};

use crate::images::{Images, LAYER, json};

pub(crate) const PLAIN_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Content that gains, but not all of it: lines, and noise behind them.
pub(crate) fn plain_layer(lines: usize, noise: usize) -> Vec<u8> {
    let mut content: Vec<u8> =
        (0..lines).flat_map(|n| format!("line {} of a file\n", n % 977).into_bytes()).collect();
    let blocks =
        (0..noise as u64).step_by(32).flat_map(|n| Digest::sha256(&n.to_le_bytes()).as_bytes().to_vec());
    content.extend(blocks.take(noise));
    content
}

/// The sample, and an image with a layer that is compressed here, one that is too small for it, and one that
/// gains nothing.
pub(crate) fn sample() -> Images {
    let mut images = Images::sample();
    let layers = [
        images.blob(PLAIN_LAYER, &plain_layer(400, 100)),
        images.blob(PLAIN_LAYER, b"too small"),
        images.blob(PLAIN_LAYER, &plain_layer(0, 5_000)),
    ];
    let image = images.image("s390x", &layers);
    let index = images.index(&[json(&image, r#","platform":{"os":"linux","architecture":"s390x"}"#)]);
    images.root(&index, "registry.example.com/plain:1");
    images
}

/// One image with a layer that is compressed here and one that isn't: small enough to try every bit.
pub(crate) fn small() -> Images {
    let mut images = Images::default();
    let layers = [images.blob(PLAIN_LAYER, &plain_layer(230, 40)), images.blob(LAYER, b"compressed already")];
    let image = images.image("s390x", &layers);
    images.root(&image, "registry.example.com/small:1");
    images
}

/// Opens a file to write frames to.
pub(crate) fn open(path: &Path) -> Arc<File> {
    Arc::new(File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap())
}

/// Writes what the writer still lacks.
pub(crate) fn write_rest(images: &Images, writer: &mut FramesWriter) {
    writer.write_known().unwrap();
    while let Some(mut entry) = writer.next_entry() {
        let digest = entry.entry().digest;
        for piece in images.contents[&digest].chunks(1_013) {
            entry.write(piece).unwrap();
        }
        entry.finish().unwrap();
    }
    writer.finish().unwrap();
}

/// Writes the compressed archive of some images.
pub(crate) fn write(images: &Images, output: &Path) -> Arc<Plan> {
    let plan = images.plan();
    let (writer, _) = Form::Zst.output().open(output).unwrap().output.writer(&plan).unwrap();
    writer.resume(&Unobserved).unwrap();
    writer.write_known().unwrap();
    for entry in plan.blobs() {
        let mut blob = writer.blob(&entry).unwrap();
        for piece in images.contents[&entry.digest].chunks(1_013) {
            blob.write(piece).unwrap();
        }
        blob.finish().unwrap();
    }
    writer.publish(Existing::Keep, &Unobserved).unwrap();
    plan
}
