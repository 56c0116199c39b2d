//! The fuzz targets' bodies on stable: all seeds, inputs that once broke a promise, and some hundred made-up
//! inputs each.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "../../../crates/oci/tests/oci/json_tokens.rs"]
mod json_tokens;

use airlift_fuzz_bodies::archives::archives;
use airlift_fuzz_bodies::documents::documents;
use airlift_fuzz_bodies::lists::lists;
use airlift_fuzz_bodies::manifests::manifests;
use airlift_fuzz_bodies::mutations::{mutate, mutations};
use airlift_fuzz_bodies::seeds;
use airlift_fuzz_bodies::tars::tars;
use airlift_fuzz_bodies::values::{digests, paths, platforms, references};
use json_tokens::TOKENS;
use proptest::prelude::*;
use proptest::sample::Index;

/// Calls the body of a target.
fn body(target: &str, input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match target {
        "archives" => archives(input),
        "digests" => digests(&text),
        "documents" => documents(input),
        "lists" => lists(input),
        "manifests" => manifests(input),
        "platforms" => platforms(&text),
        "mutations" => mutations(input),
        "references" => references(&text),
        "tars" => tars(input),
        other => panic!("{other} is no target"),
    }
}

#[test]
fn every_target_has_a_file_and_seeds_that_hold() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz_targets");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, seeds::TARGETS);
    for target in seeds::TARGETS {
        let seeds = seeds::of(target);
        assert!(seeds.len() >= 5, "{target}");
        seeds.iter().for_each(|seed| body(target, seed));
    }
}

/// The text seeds are committed for everybody to read; they are what the code makes.
#[test]
fn committed_seeds_are_the_ones_that_are_made() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for target in ["digests", "documents", "lists", "manifests", "platforms", "references"] {
        for seed in seeds::of(target) {
            let name = airlift_oci::Digest::sha256(&seed).short();
            assert_eq!(
                std::fs::read(corpus.join(target).join(name)).unwrap(),
                seed,
                "{target}: run fuzz/run"
            );
        }
    }
}

/// Every change that can be asked for does something; otherwise the fuzzer works on nothing.
#[test]
fn mutations_change_archives() {
    for whose in [0, 1] {
        let (whole, none) = mutate(&[whose]);
        assert_eq!(none, 0);
        for change in 0..14 {
            // Bytes that pick other places each time: some of them have to do something.
            let made = (0..20_u8).map(|seed| {
                let more: Vec<u8> =
                    (0..40_u8).map(|at| at.wrapping_mul(37).wrapping_add(seed * 11) | 1).collect();
                mutate(&[&[whose, change], &more[..]].concat()).0
            });
            assert!(made.into_iter().any(|bytes| bytes != whole), "change {change}");
        }
    }
}

/// A seed with some bytes replaced, put in, or cut off.
fn near(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<Index>(), any::<u8>(), 0..3_u8), 0..6);
    let cut = prop::option::weighted(0.1, any::<Index>());
    (prop::sample::select(seeds::of(target)), edits, cut).prop_map(|(mut input, edits, cut)| {
        for (place, byte, how) in edits {
            let at = place.index(input.len() + 1);
            match how {
                0 => input.insert(at, byte),
                1 => drop(input.get(at).is_some().then(|| input.remove(at))),
                _ => input.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            }
        }
        input.truncate(cut.map_or(input.len(), |cut| cut.index(input.len() + 1)));
        input
    })
}

/// Text that nearly is a manifest: JSON tokens in any order.
fn tokens() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..40)
        .prop_map(|text| text.concat().into_bytes())
}

/// A seed of `tars` with header fields changed, and their checksums repaired or not.
fn near_tars() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<Index>(), 0..512_usize, any::<u8>(), any::<bool>()), 1..6);
    (prop::sample::select(seeds::of("tars")), edits).prop_map(|(mut bytes, edits)| {
        for (block, at, byte, repair) in edits {
            let start = block.index(bytes.len() / 512) * 512;
            let block = &mut bytes[start..start + 512];
            block[at] ^= byte;
            if repair {
                let plain = |(i, b): (usize, &u8)| if (148..156).contains(&i) { 32 } else { u32::from(*b) };
                let sum: u32 = block.iter().enumerate().map(plain).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        bytes
    })
}

proptest! {
    // What was found is made a seed, not kept as a state of the generator.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn digests_hold(text in "(sha256:|sha384:|sha512:|md5:|)[0-9a-fA-F:/.]{0,130}|.{0,80}") {
        digests(&text);
    }

    #[test]
    fn paths_hold(name in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'/'), Just(b'.'), Just(b'a')], 0..20)) {
        paths(&name);
    }

    #[test]
    fn platforms_hold(text in "[a-zA-Z0-9_]{1,6}(\\([0-9.]{1,8}\\))?/[a-zA-Z0-9_-]{1,6}(/v?[0-9a-z]{1,3})?|(.{0,8}\n){0,6}|.{0,20}") {
        platforms(&text);
    }

    #[test]
    fn references_hold(text in "([a-zA-Z0-9.\\[\\]:-]{1,12}/)?[a-z0-9/_.-]{1,12}(:[a-zA-Z0-9_.-]{0,8})?(@sha256:[0-9a-f]{62,65})?|.{0,40}") {
        references(&text);
    }

    #[test]
    fn near_references_hold(text in near("references")) {
        references(&String::from_utf8_lossy(&text));
    }

    #[test]
    fn documents_hold(bytes in prop_oneof![tokens(), near("documents")]) {
        documents(&bytes);
    }

    #[test]
    fn lists_hold(bytes in near("lists")) {
        lists(&bytes);
    }

    #[test]
    fn manifests_hold(bytes in near("manifests")) {
        manifests(&bytes);
    }

    #[test]
    fn tars_hold(bytes in prop_oneof![near("tars"), near_tars()]) {
        tars(&bytes);
    }

    #[test]
    fn archives_hold(bytes in near("archives")) {
        archives(&bytes);
    }

    #[test]
    fn mutations_hold(choices in prop_oneof![near("mutations"), prop::collection::vec(any::<u8>(), 0..60)]) {
        mutations(&choices);
    }
}
