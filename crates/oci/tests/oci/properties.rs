//! Whatever the bytes: an answer, never a panic; and what is printed can be read back.

use airlift_oci::document::Document;
use airlift_oci::layout::{Root, parse_index, parse_layout};
use airlift_oci::media_type::OCI_MANIFEST;
use airlift_oci::{Algorithm, Descriptor, Digest, Platform, RawManifest, Selection, layout};
use proptest::prelude::*;

use crate::images::Images;
use crate::json_tokens::TOKENS;

fn digests() -> impl Strategy<Value = Digest> {
    let algorithms = prop::sample::select(vec![Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512]);
    (algorithms, any::<[u8; 8]>()).prop_map(|(algorithm, seed)| Digest::of(algorithm, &seed))
}

/// Text that nearly is a manifest: JSON tokens in any order, and a manifest with some bytes replaced.
fn near_json() -> impl Strategy<Value = Vec<u8>> {
    let soup =
        prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..40).prop_map(|t| t.concat().into_bytes());
    let sample = Images::sample();
    let texts: Vec<Vec<u8>> =
        sample.contents.values().filter(|text| text.starts_with(b"{")).cloned().collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let edited = (prop::sample::select(texts), edits).prop_map(|(mut text, edits)| {
        for (place, byte) in edits {
            let at = place.index(text.len());
            text[at] = byte;
        }
        text
    });
    prop_oneof![soup, edited]
}

proptest! {
    #[test]
    fn digests_are_printed_and_parsed(digest in digests()) {
        prop_assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        let json = serde_json::to_string(&digest).unwrap();
        prop_assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    }

    #[test]
    fn what_parses_as_a_digest_prints_the_same(text in "(sha256:|sha512:|md5:|)[0-9a-fA-F:/.]{0,130}|.{0,80}") {
        match text.parse::<Digest>() {
            Ok(digest) => prop_assert_eq!(digest.to_string(), text),
            Err(error) => prop_assert!(!error.to_string().chars().any(char::is_control)),
        }
    }

    #[test]
    fn platforms_are_printed_and_parsed(text in "[a-zA-Z0-9_]{1,6}(\\([0-9.]{1,8}\\))?/[a-zA-Z0-9_-]{1,6}(/v?[0-9a-z]{1,3})?|.{0,20}") {
        if let Ok(platform) = text.parse::<Platform>() {
            prop_assert_eq!(platform.to_string().parse::<Platform>(), Ok(platform.clone()));
            prop_assert!(platform.satisfies(&platform));
        }
    }

    #[test]
    fn documents_never_panic(bytes in near_json()) {
        for outcome in [Document::parse(&bytes).map(drop), parse_index(&bytes).map(drop), parse_layout(&bytes).map(drop)] {
            if let Err(error) = outcome {
                prop_assert!(!error.to_string().chars().any(char::is_control));
            }
        }
        let digest = Digest::sha256(&bytes);
        if let Ok(raw) = RawManifest::received(bytes.clone().into(), digest, None) {
            prop_assert_eq!(raw.bytes().as_ref(), &bytes[..], "bytes are kept as they came");
        }
    }

    #[test]
    fn roots_are_written_and_read(
        names in prop::collection::btree_set("[a-z]{1,9}(\\.[a-z]{1,3})?/[a-z\"\\\\\u{e9}]{1,9}:[a-z0-9]{1,5}", 1..5),
        digest in digests(),
        platforms in prop::collection::vec("linux/[a-z0-9]{1,6}", 0..3),
        size in 0..=i64::MAX as u64,
        subject in prop::option::of(digests()),
    ) {
        let mut roots: Vec<Root> = names
            .into_iter()
            .map(|name| Root::new(Descriptor::new(OCI_MANIFEST, digest, size), Some(name)))
            .collect();
        let platforms: Vec<Platform> = platforms.iter().map(|text| text.parse().unwrap()).collect();
        roots[0].selection = (!platforms.is_empty()).then(|| Selection::new(platforms));
        roots[0].subject = subject;
        layout::canonical_order(&mut roots);
        let bytes = layout::encode_index(&roots).unwrap();
        let mut read = parse_index(&bytes).unwrap();
        for root in &mut read {
            root.descriptor.annotations.clear();
        }
        prop_assert_eq!(read, roots);
    }
}
