//! Sections that are hashed side by side have the same digests as by themselves.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use airlift_bundle::{HashStep, Section, Unhashed, UnhashedList, hash_all};
use airlift_disk::{Access, FilePart, FileSequence};
use airlift_oci::{Algorithm, Digest, MultiBuffer};

/// How much of a section is read at a time.
const PIECE: usize = 64 << 10;

/// Sizes around the borders of blocks, steps and pieces, and some larger ones.
const SIZES: [usize; 24] = [
    0,
    1,
    55,
    56,
    63,
    64,
    65,
    4_095,
    4_096,
    4_097,
    PIECE - 1,
    PIECE,
    PIECE + 1,
    2 * PIECE - 1,
    2 * PIECE,
    2 * PIECE + 1,
    3 * PIECE + 12_345,
    100_000,
    200_063,
    300_064,
    400_065,
    1 << 20,
    (1 << 20) + 1,
    1_500_001,
];

/// So many contents, one behind the other as in an archive, and where each lies.
struct Contents {
    bytes: Vec<u8>,
    /// Offset and size of each.
    ranges: Vec<(usize, usize)>,
}

impl Contents {
    fn new(count: usize) -> Self {
        let mut bytes = vec![7; 512];
        let pattern: Vec<u8> = (0..1_700_000_u32).map(|place| (place * 31 + place / 251) as u8).collect();
        let mut ranges = Vec::new();
        for number in 0..count {
            let size = SIZES[(number * 7 + count) % SIZES.len()];
            ranges.push((bytes.len(), size));
            bytes.extend(&pattern[number * 1_000..][..size]);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        Contents { bytes, ranges }
    }

    fn digests(&self) -> Vec<Digest> {
        self.ranges.iter().map(|(offset, size)| Digest::sha256(&self.bytes[*offset..offset + size])).collect()
    }

    fn write(&self, path: &Path) -> Arc<File> {
        let mut file = File::create(path).unwrap();
        file.write_all(&self.bytes).unwrap();
        file.sync_all().unwrap();
        Arc::new(File::open(path).unwrap())
    }

    fn sections(&self, file: &Arc<File>) -> Vec<Section> {
        self.ranges.iter().map(|(offset, size)| Section::new(file, *offset as u64, *size as u64)).collect()
    }
}

/// The sections of a test, and what was noticed of each.
struct Noted<'a> {
    sections: &'a [Section],
    steps: Mutex<Vec<Vec<HashStep>>>,
}

impl UnhashedList for Noted<'_> {
    type Found = Option<Digest>;

    fn count(&self) -> usize {
        self.sections.len()
    }

    fn at(&self, position: usize) -> Option<Unhashed> {
        Some(Unhashed { section: self.sections[position].clone(), algorithm: Algorithm::Sha256 })
    }

    fn notice(&self, position: usize, step: HashStep) {
        self.steps.lock().unwrap()[position].push(step);
    }

    fn keep(&self, _: usize, digest: io::Result<Digest>) -> Option<Option<Digest>> {
        Some(digest.ok())
    }
}

fn found(sections: &[Section], jobs: usize, processor: Option<MultiBuffer>) -> Vec<Option<Digest>> {
    let noted = Noted { sections, steps: Mutex::new(vec![Vec::new(); sections.len()]) };
    let found = hash_all(&noted, jobs, processor);
    let steps = noted.steps.into_inner().unwrap();
    for ((steps, section), found) in steps.into_iter().zip(sections).zip(&found) {
        let [HashStep::Started, between @ .., HashStep::Finished] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        let hashed = between.iter().map(|step| match step {
            HashStep::Hashed(bytes) => *bytes,
            other => panic!("{other:?} twice"),
        });
        let hashed: u64 = hashed.sum();
        assert!(found.is_none() || hashed == section.size(), "{hashed} of {}", section.size());
    }
    found
}

/// Both ways, where this machine has both.
fn processors() -> impl Iterator<Item = Option<MultiBuffer>> {
    [None].into_iter().chain(MultiBuffer::detect().map(Some))
}

#[test]
fn one_to_forty_sections_from_the_cache_and_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    for count in (1..=40).chain([100]) {
        let contents = Contents::new(count);
        let file = contents.write(&folder.path().join("f"));
        let (sections, wanted) = (contents.sections(&file), contents.digests());
        let wanted: Vec<Option<Digest>> = wanted.into_iter().map(Some).collect();
        for processor in processors() {
            for jobs in [1, 2] {
                assert_eq!(found(&sections, jobs, processor), wanted, "{count}, {jobs}, {processor:?}");
            }
            airlift_disk::drop_cached(&file);
            assert_eq!(found(&sections, 2, processor), wanted, "{count}, cold, {processor:?}");
        }
    }
}

#[test]
fn sections_over_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let contents = Contents::new(60);
    let mut parts = Vec::new();
    for (number, bytes) in contents.bytes.chunks(1_000_003).enumerate() {
        let path = folder.path().join(number.to_string());
        std::fs::write(&path, bytes).unwrap();
        let start = (number * 1_000_003) as u64;
        parts.push(FilePart { path, start, size: bytes.len() as u64, identity: None });
    }
    let files = Arc::new(FileSequence::new(parts, Access::Read));
    let section =
        |(offset, size): &(usize, usize)| Section::new(Arc::clone(&files), *offset as u64, *size as u64);
    let sections: Vec<Section> = contents.ranges.iter().map(section).collect();
    let wanted: Vec<Option<Digest>> = contents.digests().into_iter().map(Some).collect();
    for processor in processors() {
        assert_eq!(found(&sections, 1, processor), wanted);
    }
}

#[test]
fn only_altered_sections_have_other_digests_and_an_end_inside_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut contents = Contents::new(48);
    let wanted: Vec<Option<Digest>> = contents.digests().into_iter().map(Some).collect();
    let altered: Vec<usize> =
        (0..48).filter(|place| place % 5 == 0 && contents.ranges[*place].1 > 0).collect();
    for place in &altered {
        let (offset, size) = contents.ranges[*place];
        contents.bytes[offset + size - 1] ^= 1;
    }
    // The last content that isn't empty is cut off.
    let cut = (0..48).rev().find(|place| contents.ranges[*place].1 > 1).unwrap();
    let (offset, size) = contents.ranges[cut];
    contents.bytes.truncate(offset + size - 1);
    let file = contents.write(&folder.path().join("f"));
    let sections = contents.sections(&file);
    for processor in processors() {
        let found = found(&sections, 1, processor);
        for place in 0..cut {
            assert_eq!(found[place] != wanted[place], altered.contains(&place), "{place}");
            assert!(found[place].is_some());
        }
        assert_eq!(found[cut], None);
    }
}
