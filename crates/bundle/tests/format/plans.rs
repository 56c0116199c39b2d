//! A plan knows all entries of an archive before anything is written.

use std::collections::BTreeSet;

use airlift_bundle::Plan;
use airlift_oci::{Descriptor, Digest, Graph, Limits, contents};

use crate::images::{Images, LAYER, json};

fn walked(images: &Images) -> Graph {
    images.try_graph(Limits::default()).unwrap()
}

/// A layer that is a manifest as well has one entry.
#[test]
fn a_digest_is_planned_once() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    let layer = Descriptor::new(LAYER, image.digest, image.size);
    let outer = images.image("arm64", &[layer]);
    let index = images.index(&[json(&image, ""), json(&outer, "")]);
    images.root(&index, "registry.example.com/both:1");
    let plan = Plan::new(walked(&images)).unwrap();
    let names: Vec<_> = plan.entries().map(|entry| entry.path()).collect();
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), unique.len(), "a digest once, at its first place");
}

#[test]
fn plans_whose_sizes_overflow_are_refused() {
    let mut images = Images::default();
    let layers: Vec<_> = (0..3_u64)
        .map(|number| Descriptor::new(LAYER, Digest::sha256(&number.to_le_bytes()), i64::MAX as u64 - number))
        .collect();
    for count in 1..=3 {
        let image = images.image("amd64", &layers[..count]);
        images.roots.clear();
        images.root(&image, "registry.example.com/huge:1");
        assert!(Plan::new(walked(&images)).is_err());
        let graph = walked(&images);
        assert!(contents::size_of(&graph, &graph.roots[0]) >= i64::MAX as u64);
    }
}
