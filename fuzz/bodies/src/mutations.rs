//! Archives that nearly are right: a whole one, changed as the input says, with checksums, digests and sizes
//! repaired, so that the change gets past the first check.

use airlift_bundle::EntryPath;
use airlift_oci::Digest;

use crate::images::Images;
use crate::second_reader::tar_files;
use crate::tar_file::{header, pax_record};

/// An input that says what to change: the result is held to what holds for all archives, and an archive that
/// nothing was done to is whole.
pub fn mutations(choices: &[u8]) {
    let (bytes, changes) = mutate(choices);
    if changes == 0 {
        assert!(crate::archives::examine(&bytes).is_some_and(|report| report.ok), "nothing was changed");
    }
    crate::archives::archives(&bytes);
}

/// The archive that these choices make, and how many changes they ask for.
pub fn mutate(choices: &[u8]) -> (Vec<u8>, usize) {
    const MOST: usize = 8;
    let mut choices = Choices(choices);
    let mut archive =
        Archive { entries: base(choices.byte() % 2 == 0), tail: vec![0; 1024], raw: Vec::new() };
    let mut changes = 0;
    while !choices.0.is_empty() && changes < MOST {
        archive.change(&mut choices);
        changes += 1;
    }
    (archive.into_bytes(), changes)
}

/// The input as a row of choices: what is left of it.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    fn below(&mut self, limit: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % limit.max(1)
    }

    fn bytes(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte() % 24).min(self.0.len());
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn pick<'b>(&mut self, list: &[&'b str]) -> &'b str {
        list[usize::from(self.byte()) % list.len()]
    }
}

/// One entry: its header blocks, and what they are the header of.
#[derive(Clone)]
struct Entry {
    head: Vec<u8>,
    content: Vec<u8>,
}

impl Entry {
    fn new(name: &[u8], kind: u8, content: &[u8]) -> Self {
        let head = header(name, kind, content.len() as u64).as_bytes().to_vec();
        Entry { head, content: content.to_vec() }
    }

    /// The last header block, which is the one of the file itself.
    fn block(&mut self) -> &mut [u8] {
        let start = self.head.len() - 512;
        &mut self.head[start..]
    }

    fn fix_checksum(&mut self) {
        let block = self.block();
        let plain = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) };
        let sum: u32 = block.iter().enumerate().map(plain).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }

    fn fix_size(&mut self) {
        let size = format!("{:011o}\0", self.content.len());
        self.block()[124..136].copy_from_slice(size.as_bytes());
        self.fix_checksum();
    }

    fn is_document(&self) -> bool {
        self.content.starts_with(b"{")
    }
}

/// The sample, as we write it or as another tool would, taken apart.
fn base(ours: bool) -> Vec<Entry> {
    thread_local! {
        static SAMPLES: [Vec<Entry>; 2] = [apart(&Images::sample().archive()), foreign()];
    }
    SAMPLES.with(|samples| samples[usize::from(!ours)].clone())
}

fn apart(archive: &[u8]) -> Vec<Entry> {
    let mut start = 0;
    let files = tar_files(archive).expect("our own archive is one");
    let entries = files.into_iter().map(|(_, offset, size)| {
        let (offset, size) = (offset as usize, size as usize);
        let entry =
            Entry { head: archive[start..offset].to_vec(), content: archive[offset..offset + size].to_vec() };
        start = (offset + size).next_multiple_of(512);
        entry
    });
    entries.collect()
}

fn foreign() -> Vec<Entry> {
    let files = Images::sample().foreign_files();
    let entries = files.iter().map(|(name, content)| {
        let mut entry = Entry::new(name.as_bytes(), b'0', content);
        if name.len() > 100 {
            entry.head.splice(0..0, long_name_record(&[("path", name)]));
        }
        entry
    });
    entries.collect()
}

fn long_name_record(records: &[(&str, &str)]) -> Vec<u8> {
    let records: String = records.iter().map(|(key, value)| pax_record(key, value)).collect();
    record(b'x', records.as_bytes())
}

fn record(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut blocks = header(b"././@LongLink", kind, data.len() as u64).as_bytes().to_vec();
    blocks.extend_from_slice(data);
    blocks.resize(blocks.len().next_multiple_of(512), 0);
    blocks
}

/// Pieces of JSON that readers trip over.
const PIECES: [&str; 26] = [
    "{}",
    "[]",
    "null",
    "0",
    "-1",
    "1e2",
    "18446744073709551615",
    "\"\"",
    ",",
    "{",
    "}",
    "[",
    "]",
    "\"\\ud800\"",
    "\"manifests\":[],",
    "\"Layers\":[],",
    "\"layer\u{17f}\":[],",
    "\"config\":null,",
    "\"urls\":[\"https://x\"],",
    "\"data\":\"e30=\",",
    "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\"},",
    "\"annotations\":{},",
    "\"io.airlift.platforms\":\"linux/amd64\",",
    "\"io.airlift.external\":\"sha256:",
    "\"schemaVersion\":1,",
    "\"mediaType\":\"application/vnd.oci.image.index.v1+json\",",
];
const NAMES: [&str; 12] = [
    "oci-layout",
    "index.json",
    "./index.json",
    "blobs/",
    "blobs/sha256/",
    "../x",
    "/etc/passwd",
    "a//b",
    "INDEX.JSON",
    "index.json/",
    "blobs/sha256/00",
    "manifest.json",
];
const KEYS: [&str; 10] = [
    "path",
    "size",
    "linkpath",
    "GNU.sparse.major",
    "GNU.sparse.realsize",
    "SCHILY.xattr.user.x",
    "mtime",
    "hdrcharset",
    "Path",
    "comment",
];

struct Archive {
    entries: Vec<Entry>,
    tail: Vec<u8>,
    /// Bits that are flipped at the very end, behind all repairs.
    raw: Vec<(usize, u8)>,
}

impl Archive {
    fn change(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() % 14 {
            0..=3 => self.edit_document(choices),
            4 => {
                let at = choices.below(self.entries.len() + 1);
                let kind = [b'0', 0, b'1', b'2', b'5', b'7', b'g', b'K', b'S', b'x', b'L'][choices.below(11)];
                let entry = Entry::new(choices.pick(&NAMES).as_bytes(), kind, choices.bytes());
                self.entries.insert(at, entry);
            }
            5 => self.at(choices, |entry, choices| {
                let value = if choices.byte() % 2 == 0 {
                    entry.content.len().to_string()
                } else {
                    String::from_utf8_lossy(choices.bytes()).into_owned()
                };
                entry.head.splice(0..0, long_name_record(&[(choices.pick(&KEYS), &value)]));
            }),
            6 => self.at(choices, |entry, choices| {
                entry.head.splice(0..0, record(b'L', choices.bytes()));
            }),
            7 => self.at(choices, |entry, choices| {
                let (at, bytes) = (choices.below(512), choices.bytes());
                entry.block().iter_mut().skip(at).zip(bytes).for_each(|(old, new)| *old = *new);
                entry.fix_checksum();
            }),
            8 => {
                let (from, to) = (choices.below(self.entries.len()), choices.below(self.entries.len()));
                self.entries.swap(from, to);
            }
            9 => {
                let at = choices.below(self.entries.len());
                let again = self.entries[at].clone();
                self.entries.insert(at, again);
            }
            10 => {
                let at = choices.below(self.entries.len());
                self.entries.truncate(self.entries.len().max(2));
                self.entries.remove(at.min(self.entries.len() - 1));
                self.entries.extend(self.entries.is_empty().then(|| Entry::new(b"x", b'0', b"")));
            }
            11 => self.at(choices, |entry, choices| {
                let mut name = choices.pick(&NAMES).as_bytes().to_vec();
                name.resize(100, 0);
                entry.block()[..100].copy_from_slice(&name);
                entry.fix_checksum();
            }),
            12 => self.tail = vec![choices.byte() % 2; choices.below(4096)],
            _ => self.raw.push((choices.below(usize::MAX), choices.byte())),
        }
    }

    fn at(&mut self, choices: &mut Choices<'_>, change: impl FnOnce(&mut Entry, &mut Choices<'_>)) {
        let at = choices.below(self.entries.len());
        change(&mut self.entries[at], choices);
    }

    /// Replaces a part of a document, and mostly what names it by digest and size.
    fn edit_document(&mut self, choices: &mut Choices<'_>) {
        let documents: Vec<usize> =
            (0..self.entries.len()).filter(|at| self.entries[*at].is_document()).collect();
        let Some(at) = documents.get(choices.below(documents.len())).copied() else { return };
        let old = self.entries[at].content.clone();
        let start = choices.below(old.len());
        // Where members begin is more to the point than anywhere.
        let start = match choices.byte() % 4 {
            0 => start,
            _ => old[start..]
                .iter()
                .position(|byte| b"\"{[:,".contains(byte))
                .map_or(start, |more| start + more),
        };
        let end = (start + usize::from(choices.byte() % 32)).min(old.len());
        let new = match choices.byte() % 3 {
            0 => choices.bytes(),
            1 => choices.pick(&PIECES).as_bytes(),
            _ => &[],
        };
        self.entries[at].content.splice(start..end, new.iter().copied());
        self.entries[at].fix_size();
        if !choices.byte().is_multiple_of(8) {
            self.repair(at, &old);
        }
    }

    /// Puts the new digest and size in the place of the old ones, wherever they stand, and so on upwards.
    fn repair(&mut self, at: usize, old: &[u8]) {
        let mut changed = vec![(at, old.to_vec())];
        // Documents name each other in one direction, unless the choices made them do otherwise.
        for _ in 0..32 {
            let Some((at, old)) = changed.pop() else { return };
            let (before, after) = (Digest::sha256(&old), Digest::sha256(&self.entries[at].content));
            let (old_size, new_size) = (old.len(), self.entries[at].content.len());
            let name = EntryPath::of_blob(&before).to_string();
            if self.entries[at].block().starts_with(name.as_bytes()) {
                let name = EntryPath::of_blob(&after).to_string();
                self.entries[at].block()[..name.len()].copy_from_slice(name.as_bytes());
                self.entries[at].fix_checksum();
            }
            for (other, entry) in self.entries.iter_mut().enumerate().filter(|(_, entry)| entry.is_document())
            {
                let text = String::from_utf8_lossy(&entry.content).into_owned();
                if other == at || !text.contains(&before.to_string()) {
                    continue;
                }
                let sized = |digest: &Digest, size| format!("\"{digest}\",\"size\":{size}");
                let fixed = text.replace(&sized(&before, old_size), &sized(&after, new_size));
                let fixed = fixed.replace(&before.to_string(), &after.to_string());
                changed.push((other, std::mem::replace(&mut entry.content, fixed.into_bytes())));
                entry.fix_size();
            }
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in &self.entries {
            bytes.extend_from_slice(&entry.head);
            bytes.extend_from_slice(&entry.content);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.extend_from_slice(&self.tail);
        for (at, bit) in self.raw {
            let at = at % bytes.len().max(1);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bit);
        }
        bytes
    }
}
