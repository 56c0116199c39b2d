//! Any bytes get an answer, never a panic; and no path leads out of the archive.

use airlift_bundle::EntryPath;
use airlift_bundle::tar::scan::scan;
use airlift_oci::{Algorithm, Digest};
use proptest::prelude::*;

use crate::images::Images;
use crate::tar_file::Tar;

fn digests() -> impl Strategy<Value = Digest> {
    let algorithms = prop::sample::select(vec![Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512]);
    (algorithms, any::<[u8; 8]>()).prop_map(|(algorithm, seed)| Digest::of(algorithm, &seed))
}

proptest! {
    #[test]
    fn paths_of_blobs_lead_back_to_their_digests(digest in digests()) {
        prop_assert_eq!(EntryPath::of_blob(&digest).digest(), Some(digest));
    }

    #[test]
    fn paths_never_lead_out(name in prop::collection::vec(prop_oneof![
        any::<u8>(), Just(b'/'), Just(b'.'), Just(b'a')], 0..20)) {
        if let Ok(Some(path)) = EntryPath::parse(&name) {
            prop_assert!(!path.as_str().starts_with('/'));
            prop_assert!(path.as_str().split('/').all(|part| !matches!(part, "" | "." | "..")));
            prop_assert_eq!(EntryPath::parse(path.as_str().as_bytes()), Ok(Some(path)));
        }
    }

    #[test]
    fn scans_of_damaged_archives_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
        repair in any::<bool>(),
    ) {
        let mut bytes = Images::sample().archive();
        let blocks = bytes.len() / 512;
        for (place, byte) in edits {
            // The parser only reads headers, which are a small part of the bytes.
            let at = place.index(blocks) * 512 + usize::from(byte) * 2 % 512;
            bytes[at] ^= byte;
            if repair {
                let block: &mut [u8] = &mut bytes[at / 512 * 512..][..512];
                let sum: u32 = block.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) }).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let file = Tar(bytes.clone()).save();
        let length = bytes.len() as u64;
        let mut ends = Vec::new();
        let findings = scan(file.as_file(), length, |entry| ends.push(entry.data_offset + entry.size)).unwrap();
        prop_assert!(ends.iter().all(|end| *end <= length));
        prop_assert!(ends.is_sorted(), "entries don't overlap");
        prop_assert!(findings.iter().all(|finding| !finding.message.chars().any(char::is_control)));
    }
}
