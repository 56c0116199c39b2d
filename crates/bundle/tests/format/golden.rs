//! The same images are the same bytes on every machine and in any order. The two digests below are the
//! contract of format version 1: a change that makes this test fail is a new version.

use std::fs;

use airlift_bundle::Plan;
use airlift_oci::{Digest, Limits};

use crate::images::{Dice, Images};

const ID: &str = "sha256:415581e36c25ebe0f1baf89a42014c0edf96007d07e8a41586a4be9356d4e7e1";
const ARCHIVE: &str = "sha256:d3987edaeb33e44e86f6422052ceaff721c0def2efa56dacef02130d2d690a29";

#[test]
fn the_sample_has_the_pinned_id_and_archive_digest() {
    let images = Images::sample();
    let archive = images.archive();
    assert_eq!(images.plan().id().to_string(), ID);
    assert_eq!(Digest::sha256(&archive).to_string(), ARCHIVE);
    assert_eq!(archive.len() as u64, images.plan().size());
}

#[test]
fn the_order_in_which_images_are_named_changes_nothing() {
    let mut images = Images::sample();
    let archive = images.archive();
    images.roots.reverse();
    images.roots.extend(images.roots.clone());
    assert_eq!(images.plan().id().to_string(), ID);
    assert!(images.archive() == archive);
}

#[test]
fn a_plan_is_a_function_of_the_graph() {
    let graph = Images::sample().try_graph(Limits::default()).unwrap();
    let (one, other) = (Plan::new(graph.clone()).unwrap(), Plan::new(graph).unwrap());
    assert!(one.entries().eq(other.entries()));
    assert_eq!((one.id(), one.size()), (other.id(), other.size()));
    let mut at = 0;
    for entry in one.entries() {
        assert_eq!(entry.header_offset, at, "nothing lies between two entries");
        assert_eq!(entry.data_offset, at + entry.header().len() as u64);
        at = entry.end();
    }
    assert_eq!((one.tail_offset(), one.size()), (at, at + 1024));
}

#[test]
fn an_image_more_or_less_is_another_bundle() {
    let mut images = Images::sample();
    images.roots.pop();
    assert_ne!(images.plan().id().to_string(), ID);
    let mut renamed = Images::sample();
    renamed.roots[0].reference = Some("registry.example.com/app:2".to_owned());
    assert_ne!(renamed.plan().id().to_string(), ID);
}

#[test]
fn the_order_in_which_blobs_come_changes_nothing() {
    let images = Images::sample();
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..6 {
        let path = folder.path().join(seed.to_string());
        let mut dice = Dice(seed);
        images.write(&path, |numbers| {
            for last in (1..numbers.len()).rev() {
                numbers.swap(last, dice.below(last + 1));
            }
        });
        assert_eq!(Digest::sha256(&fs::read(path).unwrap()).to_string(), ARCHIVE, "seed {seed}");
    }
}

/// `docs/format.md` walks through the sample's bytes; they must stay what it says.
#[test]
fn the_documented_example_is_the_sample() {
    let text = include_str!("../../../../docs/format.md");
    let images = Images::sample();
    let (plan, archive) = (images.plan(), images.archive());
    let mut facts = vec![ID.to_owned(), ARCHIVE.to_owned(), format!("{} bytes", plan.size())];
    for entry in plan.entries() {
        let path = entry.path();
        let path = path.as_str();
        let path = if path.len() > 40 { format!("{}…", &path[..21]) } else { path.to_owned() };
        let (header, data, size) = (entry.header_offset, entry.data_offset, entry.size);
        facts.push(format!("| {header} | {data} | {size} | `{path}` | {} |", plan.path_of(&entry).join(" ")));
    }
    for entry in plan.entries().take(2) {
        let data = &archive[entry.data_offset as usize..][..entry.size as usize];
        facts.push(String::from_utf8(data.to_vec()).unwrap());
    }
    facts.retain(|fact| !text.contains(fact));
    assert!(facts.is_empty(), "docs/format.md lacks:\n{}", facts.join("\n"));
}
