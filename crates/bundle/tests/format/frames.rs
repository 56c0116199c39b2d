//! Archives in zstd frames: what is written, that any zstd can unpack it, and what is refused.

use std::fs;
use std::sync::Arc;

use airlift_bundle::write::frames::{FramesWriter, size_at_most};
use airlift_bundle::zst::CHUNK;
use airlift_bundle::{Archive, OpenError, Section, compare, resume};
use airlift_oci::{Digest, Unobserved};

use crate::frames_file::{PLAIN_LAYER, open, plain_layer, sample, write, write_rest};
use crate::images::Images;

/// The content, as any zstd unpacks it.
fn unpacked(file: &[u8]) -> Vec<u8> {
    zstd::decode_all(file).unwrap()
}

fn written(images: &Images) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar.zst");
    write(images, &path);
    fs::read(path).unwrap()
}

#[test]
fn unpacked_it_is_the_plain_archive() {
    let images = sample();
    let (file, archive) = (written(&images), images.archive());
    assert!(unpacked(&file) == archive);
    assert!(file.len() < archive.len() - 6_000, "{} of {}", file.len(), archive.len());
    assert!(file.len() as u64 <= size_at_most(&images.plan()));
    assert!(written(&images) == file, "the same images are the same bytes");
    // Every reader of the seekable format looks for this.
    assert_eq!(file[file.len() - 4..], 0x8F92_EAB1_u32.to_le_bytes());
}

#[test]
fn nothing_that_gains_gives_a_file_of_known_size() {
    let images = Images::sample();
    let plan = images.plan();
    let file = written(&images);
    let frames = plan.entry_count() as u64 + 1;
    // Each frame has a header of 14 bytes, a block's of 3 and an entry of 8; around the table, 49 bytes.
    assert_eq!(file.len() as u64, plan.size() + frames * 25 + 49);
    assert_eq!(file.len() as u64, size_at_most(&plan));
    assert!(unpacked(&file) == images.archive());
}

#[test]
fn it_is_read_in_place_at_the_plain_archives_offsets() {
    let images = sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar.zst");
    let plan = write(&images, &path);
    let archive = images.archive();
    let opened = Archive::open(&path).unwrap();
    assert!(opened.findings().is_empty(), "{:?}", opened.findings());
    assert_eq!(opened.size(), archive.len() as u64);
    let storage = opened.storage().unwrap();
    assert!(storage.is_compressed());
    assert_eq!(compare::frames_difference(storage, &plan), None);
    assert!(resume::is_archive_of(storage, &plan, 2, &Unobserved).unwrap());
    for (digest, content) in &images.contents {
        let section = opened.blob(digest).unwrap();
        assert_eq!(section.digest(digest.algorithm(), |_| ()).unwrap(), *digest);
        assert!(section.read_all().unwrap() == *content);
    }
    for (start, end) in
        [(0, 1), (500, 5_000), (11_776, 13_824), (0, archive.len()), (archive.len() - 1, archive.len())]
    {
        let section = Section::new(storage, start as u64, (end - start) as u64);
        assert!(section.read_all().unwrap() == archive[start..end]);
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut section.reader(), &mut read).unwrap();
        assert!(read == archive[start..end], "{start}..{end}");
    }
    assert!(Section::new(storage, archive.len() as u64 - 1, 2).read_all().is_err());
}

/// Blocks of 128 KiB, chunks of 4 MiB, reads of 1 MiB: none of their borders shows.
#[test]
fn large_content_is_cut_into_blocks_and_chunks() {
    let mut images = Images::default();
    let mut noise = plain_layer(0, 700_000);
    noise.extend_from_within(..);
    let layers = [
        images.blob(crate::images::LAYER, &noise),
        images.blob(PLAIN_LAYER, &plain_layer(400_000, 3_000_000)),
        images.blob(PLAIN_LAYER, &plain_layer(CHUNK as usize / 16, 0)[..CHUNK as usize]),
    ];
    let image = images.image("amd64", &layers);
    images.root(&image, "registry.example.com/large:1");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar.zst");
    let plan = write(&images, &path);
    let archive = images.archive();
    assert!(unpacked(&fs::read(&path).unwrap()) == archive);
    let opened = Archive::open(&path).unwrap();
    let storage = opened.storage().unwrap();
    assert!(resume::is_archive_of(storage, &plan, 2, &Unobserved).unwrap());
    let mut dice = crate::images::Dice(7);
    for _ in 0..60 {
        let start = dice.below(archive.len());
        let end = start + dice.below((archive.len() - start).min(3 << 20)) + 1;
        let section = Section::new(storage, start as u64, (end - start) as u64);
        let digest = Digest::sha256(&archive[start..end]);
        assert_eq!(section.digest(digest.algorithm(), |_| ()).unwrap(), digest, "{start}..{end}");
    }
}

#[test]
fn an_unfinished_file_is_gone_on_with() {
    let images = sample();
    let whole = written(&images);
    let plan = images.plan();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.part");
    for (cut, damage) in [
        (0, None),
        (20, None),
        (9_000, None),
        (whole.len() - 40, None),
        (whole.len(), None),
        (15_000, Some(14_000)),
        (15_000, Some(3)),
    ] {
        let mut start = whole[..cut].to_vec();
        if let Some(at) = damage {
            start[at] ^= 1;
        }
        fs::write(&path, &start).unwrap();
        let mut writer = FramesWriter::within(&path, &open(&path), &plan).unwrap();
        writer.keep(&Unobserved).unwrap();
        let kept = writer.position() as usize;
        assert!(kept <= damage.unwrap_or(cut) && whole[..kept] == start[..kept]);
        assert_eq!(writer.written() > 0, damage.unwrap_or(cut) > 200, "{cut}");
        if cut == whole.len() && damage.is_none() {
            assert_eq!(writer.written(), plan.entry_count());
        }
        write_rest(&images, &mut writer);
        assert!(fs::read(&path).unwrap() == whole, "{cut}");
    }
}

#[test]
fn an_entry_that_starts_over_leaves_no_trace() {
    let images = sample();
    let whole = written(&images);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.part");
    let mut writer = FramesWriter::within(&path, &open(&path), &images.plan()).unwrap();
    writer.write_known().unwrap();
    while let Some(mut entry) = writer.next_entry() {
        let content = &images.contents[&entry.entry().digest];
        entry.write(&vec![9; content.len()]).unwrap();
        entry.restart().unwrap();
        entry.write(&content[..content.len() / 2]).unwrap();
        // Dropped half-way, as when fetching fails.
        drop(entry);
        let mut entry = writer.next_entry().unwrap();
        entry.write(content).unwrap();
        assert!(entry.write(b"x").is_err());
        drop(entry);
        let mut entry = writer.next_entry().unwrap();
        entry.write(content).unwrap();
        entry.finish().unwrap();
    }
    writer.finish().unwrap();
    assert!(fs::read(&path).unwrap() == whole);
}

#[test]
fn an_entry_that_is_missing_is_no_finished_file() {
    let images = sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.part");
    let mut writer = FramesWriter::within(&path, &open(&path), &images.plan()).unwrap();
    writer.write_known().unwrap();
    assert!(writer.finish().is_err());
    let entry = writer.next_entry().unwrap();
    assert!(entry.finish().is_err(), "its data is missing");
}

/// The frame digests and the seek table of a file, taken apart.
struct Ends {
    frames: Vec<u8>,
    digests: Vec<u8>,
    entries: Vec<(u32, u32)>,
}

impl Ends {
    fn of(file: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let footer = file.len() - 9;
        let entries_at = footer - 8 * number(footer) as usize;
        let mut entries: Vec<_> =
            (entries_at..footer).step_by(8).map(|at| (number(at), number(at + 4))).collect();
        let digests_at = entries_at - 8 - entries.pop().unwrap().0 as usize;
        Ends {
            frames: file[..digests_at].to_vec(),
            digests: file[digests_at + 24..entries_at - 8].to_vec(),
            entries,
        }
    }

    fn join(&self) -> Vec<u8> {
        let mut file = self.frames.clone();
        let number = |n: usize| (n as u32).to_le_bytes();
        file.extend(0x184D_2A5D_u32.to_le_bytes());
        file.extend(number(16 + self.digests.len()));
        file.extend(b"io.airlift/zst/1");
        file.extend(&self.digests);
        file.extend(0x184D_2A5E_u32.to_le_bytes());
        file.extend(number(8 * (self.entries.len() + 1) + 9));
        let digests = (24 + self.digests.len() as u32, 0);
        for (packed, size) in self.entries.iter().chain([&digests]) {
            file.extend(packed.to_le_bytes());
            file.extend(size.to_le_bytes());
        }
        file.extend(number(self.entries.len() + 1));
        file.push(0);
        file.extend(0x8F92_EAB1_u32.to_le_bytes());
        file
    }

    /// The packed frame: its entry, and where it starts.
    fn packed(&self) -> (usize, usize) {
        let stored = |size: u32| 14 + size + 3 * size.div_ceil(128 << 10);
        let entry = self.entries.iter().position(|(packed, size)| *packed != stored(*size)).unwrap();
        (entry, self.entries[..entry].iter().map(|entry| entry.0 as usize).sum())
    }

    /// Puts another frame in the packed one's place, with a digest that fits.
    fn replace(&mut self, frame: &[u8], size: u32) {
        let (entry, at) = self.packed();
        self.frames.splice(at..at + self.entries[entry].0 as usize, frame.iter().copied());
        self.entries[entry] = (frame.len() as u32, size);
        self.digests = Digest::sha256(frame).as_bytes().to_vec();
    }
}

fn opened(file: &[u8]) -> Result<Archive, OpenError> {
    let temporary = tempfile::NamedTempFile::new().unwrap();
    fs::write(temporary.path(), file).unwrap();
    Archive::open(temporary.path())
}

/// Whether all of the packed layer can be read.
fn reads(archive: &Archive, images: &Images) -> bool {
    let layer = Digest::sha256(&plain_layer(400, 100));
    assert!(images.contents.contains_key(&layer));
    archive.blob(&layer).is_some_and(|section| section.digest(layer.algorithm(), |_| ()).is_ok())
}

#[test]
fn the_table_is_as_documented() {
    let images = sample();
    let file = written(&images);
    assert!(Ends::of(&file).join() == file);
    assert!(reads(&opened(&file).unwrap(), &images));
}

#[test]
fn frames_that_say_one_thing_and_are_another_are_refused() {
    let images = sample();
    let layer = plain_layer(400, 100);
    let size = layer.len() as u32;
    let compressed = |change: &dyn Fn(&mut zstd::bulk::Compressor<'_>), content: &[u8]| {
        let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
        compressor.include_checksum(true).unwrap();
        change(&mut compressor);
        compressor.compress(content).unwrap()
    };
    let good = compressed(&|_| (), &layer);
    let two = [compressed(&|_| (), &layer[..100]), compressed(&|_| (), &layer[100..])].concat();
    let nothing_behind = [&good[..], &[0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]].concat();
    let mut reserved = good.clone();
    reserved[4] |= 0b1000;
    let streamed = {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        std::io::Write::write_all(&mut encoder, &layer).unwrap();
        encoder.finish().unwrap()
    };
    let large_window = compressed(
        &|compressor| compressor.set_parameter(zstd::zstd_safe::CParameter::WindowLog(27)).unwrap(),
        &layer,
    );
    for (name, frame, says, fine) in [
        ("as it is", &good, size, true),
        ("two frames", &two, size, false),
        ("a frame behind it", &nothing_behind, size, false),
        ("a reserved bit", &reserved, size, false),
        ("no content size", &streamed, size, false),
        ("no checksum", &compressed(&|c| c.include_checksum(false).unwrap(), &layer), size, false),
        ("less than it says", &compressed(&|_| (), &layer[..7_000]), size, false),
        ("more than it says", &compressed(&|_| (), &[&layer[..], b"x"].concat()), size, false),
        ("a window of its own size", &large_window, size, true),
        ("cut off", &good[..good.len() - 1].to_vec(), size, false),
    ] {
        let mut ends = Ends::of(&written(&images));
        ends.replace(frame, says);
        let archive = opened(&ends.join()).unwrap();
        assert_eq!(reads(&archive, &images), fine, "{name}: {:?}", archive.findings());
    }
}

#[test]
fn tables_that_do_not_add_up_are_refused() {
    let images = sample();
    let file = written(&images);
    let good = Ends::of(&file);
    let (entry, at) = good.packed();
    let changed = |change: &dyn Fn(&mut Ends)| {
        let mut ends = Ends::of(&file);
        change(&mut ends);
        ends.join()
    };
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
    let mut huge = file.clone();
    let footer = huge.len() - 9;
    huge[footer..footer + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    for (name, file) in [
        ("a bomb", changed(&|ends| ends.replace(&bomb, 64 << 20))),
        ("a frame too large", changed(&|ends| ends.entries[0].1 = u32::MAX)),
        ("an empty frame", changed(&|ends| ends.entries[0].1 = 0)),
        ("an entry too many", changed(&|ends| ends.entries.push((100, 83)))),
        ("an entry too few", changed(&|ends| ends.entries.truncate(ends.entries.len() - 1))),
        ("no digest", changed(&|ends| ends.digests.clear())),
        ("a digest too many", changed(&|ends| ends.digests.extend([0; 32]))),
        ("half a digest", changed(&|ends| ends.digests.truncate(16))),
        ("a packed frame larger than stored", changed(&|ends| ends.entries[entry].1 = 10)),
        ("something between", changed(&|ends| ends.frames.insert(at, 0))),
        ("a number of frames beyond the file", huge),
        ("something behind", [&file[..], b"x"].concat()),
        ("nothing behind the frames", good.frames.clone()),
    ] {
        let archive = opened(&file).unwrap();
        assert!(archive.is_unreadable(), "{name}");
        assert_eq!(archive.findings().len(), 1);
        assert_eq!(archive.findings()[0].rule.id(), "zst-table", "{name}");
    }
    let other_digest = changed(&|ends| ends.digests[0] ^= 1);
    assert!(!reads(&opened(&other_digest).unwrap(), &images));
}

/// Compressed by others, seekable or not.
#[test]
fn other_compressed_files_are_to_be_unpacked_first() {
    let archive = sample().archive();
    let plain = zstd::bulk::compress(&archive, 3).unwrap();
    let mut seekable = plain.clone();
    seekable.extend(0x184D_2A5E_u32.to_le_bytes());
    seekable.extend(17_u32.to_le_bytes());
    seekable.extend((plain.len() as u32).to_le_bytes());
    seekable.extend((archive.len() as u32).to_le_bytes());
    seekable.extend(1_u32.to_le_bytes());
    seekable.push(0);
    seekable.extend(0x8F92_EAB1_u32.to_le_bytes());
    for file in [plain, seekable] {
        let error = opened(&file).unwrap_err();
        assert!(matches!(error, OpenError::Compressed { format: "zstd", .. }), "{error}");
        assert!(error.to_string().ends_with("unpack it first (zstd -d)"), "{error}");
    }
}

#[test]
fn an_archive_cut_in_another_way_is_found_out() {
    let images = sample();
    let plan = images.plan();
    let mut ends = Ends::of(&written(&images));
    // The first entry in two frames, each as it has to be.
    let content = images.archive()[..1_024].to_vec();
    let frame = |content: &[u8]| {
        let header =
            [&[0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x38][..], &(content.len() as u64).to_le_bytes()].concat();
        let block = ((content.len() as u32) << 3 | 1).to_le_bytes();
        [&header[..], &block[..3], content].concat()
    };
    ends.frames.splice(..1_024 + 17, [frame(&content[..512]), frame(&content[512..])].concat());
    ends.entries.splice(..1, [(529, 512), (529, 512)]);
    let archive = opened(&ends.join()).unwrap();
    let storage = archive.storage().unwrap();
    assert!(resume::is_archive_of(storage, &plan, 1, &Unobserved).unwrap());
    assert_eq!(compare::frames_difference(storage, &plan), Some(0));
    assert_eq!(
        compare::frames_difference(&Arc::new(open(std::path::Path::new("/dev/null"))).as_ref().into(), &plan),
        None
    );
}
