//! The end of a compressed file, behind the frames of content: the digests of the packed frames, and the seek
//! table.
//!
//! Both are skippable frames (RFC 8878, 3.1.2). The seek table is that of zstd's seekable format 0.1.0
//! (`contrib/seekable_format/zstd_seekable_compression_format.md`), without checksums. Its last entry is the
//! frame of the digests.

use std::io;
use std::sync::Arc;

use airlift_disk::ReadAt;

use crate::zst::format::{MAX_FRAMES, MAX_STORED};
use crate::zst::frames::{Frames, FramesBuilder};
use crate::zst::packed::{FRAME_DIGEST_SIZE, FrameDigest, PackedFrame};
use crate::zst::stored;

/// The magic number of the frame of the digests.
const DIGESTS_MAGIC: u32 = 0x184D_2A5D;
/// The magic number of the seek table's frame.
const TABLE_MAGIC: u32 = 0x184D_2A5E;
/// What a seekable file ends with.
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;
/// What the digests start with: whose they are, and of which version of the format.
const TAG: [u8; 16] = *b"io.airlift/zst/1";
/// The size of a skippable frame's header: magic and length.
const SKIPPABLE: usize = 8;
/// The size of the seek table's footer: number of frames, descriptor, magic.
const FOOTER: usize = 9;
/// The size of one entry of the seek table: a frame's compressed and decompressed size.
const ENTRY: usize = 8;

/// The end of a compressed file whose frames of content are `frames`.
pub(crate) fn encode(frames: &FramesBuilder) -> Vec<u8> {
    let mut digests = TAG.to_vec();
    let mut entries: Vec<u8> = Vec::new();
    for frame in frames.iter() {
        digests.extend(frame.digest.into_iter().flatten());
        entries.extend(le32(frame.packed_size));
        entries.extend(le32(frame.size));
    }
    entries.extend(le32((SKIPPABLE + digests.len()) as u64));
    entries.extend(le32(0));
    let count = le32((entries.len() / ENTRY) as u64);
    let mut end = skippable(DIGESTS_MAGIC, digests.len());
    end.extend(digests);
    end.extend(skippable(TABLE_MAGIC, entries.len() + FOOTER));
    end.extend(entries);
    end.extend(count);
    end.push(0);
    end.extend(SEEKABLE_MAGIC.to_le_bytes());
    end
}

/// How many bytes [`encode`] makes for `count` frames of content, `packed` of them packed ones.
pub(crate) fn size_of(count: u64, packed: u64) -> u64 {
    let fixed = (SKIPPABLE + TAG.len() + SKIPPABLE + ENTRY + FOOTER) as u64;
    fixed + count * ENTRY as u64 + packed * FRAME_DIGEST_SIZE as u64
}

/// A number in the format's four bytes. The largest frame has a little more than a GiB, so each number fits.
fn le32(number: u64) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn skippable(magic: u32, length: usize) -> Vec<u8> {
    [magic.to_le_bytes(), le32(length as u64)].concat()
}

/// What the end of a file says.
#[derive(Debug)]
pub(crate) enum SeekTable {
    /// These are the frames.
    Frames(Frames),
    /// The file is not one of ours, as far as its end shows.
    NotOurs,
    /// It is one of ours, and damaged.
    Damaged(DamagedEnd),
}

/// What is damaged at the end of a file, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DamagedEnd {
    pub(crate) what: &'static str,
    pub(crate) position: u64,
}

/// Why reading the end stopped early.
enum Stop {
    Damaged(DamagedEnd),
    Read(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Read(error)
    }
}

fn damaged<T>(what: &'static str, position: u64) -> Result<T, Stop> {
    Err(Stop::Damaged(DamagedEnd { what, position }))
}

/// Reads the end of a compressed file of `length` bytes. Every byte of it must be as [`encode`] writes it,
/// and the frames that it lists must fill the file.
///
/// # Errors
/// If the file can't be read.
pub(crate) fn open(source: &Arc<dyn ReadAt>, length: u64) -> io::Result<SeekTable> {
    match read_end(source, length) {
        Ok(Some(frames)) => Ok(SeekTable::Frames(frames.build(Arc::clone(source)))),
        Ok(None) => Ok(SeekTable::NotOurs),
        // Others write seekable files, too.
        Err(Stop::Damaged(_)) if !starts_like_ours(&**source)? => Ok(SeekTable::NotOurs),
        Err(Stop::Damaged(end)) => Ok(SeekTable::Damaged(end)),
        Err(Stop::Read(error)) => Err(error),
    }
}

/// Whether the first frame is one of ours.
fn starts_like_ours(source: &dyn ReadAt) -> io::Result<bool> {
    let mut start = [0; 64];
    let count = source.read_full_at(&mut start, 0)?;
    Ok(stored::starts_like_ours(&start[..count]))
}

/// All frames of content; `None` if the file is shorter than a footer.
fn read_end(source: &Arc<dyn ReadAt>, length: u64) -> Result<Option<FramesBuilder>, Stop> {
    let Some(footer_at) = length.checked_sub(FOOTER as u64) else { return Ok(None) };
    let [c0, c1, c2, c3, descriptor, magic @ ..] = read::<FOOTER>(&**source, footer_at)?;
    if u32::from_le_bytes(magic) != SEEKABLE_MAGIC {
        return damaged("the end, where the seek table should be,", footer_at);
    }
    let entries = Entries::read(&**source, footer_at, u32::from_le_bytes([c0, c1, c2, c3]), descriptor)?;
    entries.frames(&**source).map(Some)
}

/// The entries of a seek table.
struct Entries {
    /// Those of the frames of content.
    bytes: Vec<u8>,
    /// Where the entries start in the file.
    position: u64,
    /// Where the frame of the digests starts in the file.
    digests_at: u64,
    /// The size of that frame.
    digests_size: u64,
}

impl Entries {
    /// Reads the `count` entries before the footer.
    fn read(source: &dyn ReadAt, footer_at: u64, count: u32, descriptor: u8) -> Result<Self, Stop> {
        let length = u64::from(count) * ENTRY as u64;
        let position = footer_at.checked_sub(length).filter(|_| (1..=MAX_FRAMES).contains(&count));
        let table_at = position.and_then(|position| position.checked_sub(SKIPPABLE as u64));
        let (Some(position), Some(table_at)) = (position, table_at) else {
            return damaged("the number of frames", footer_at);
        };
        if read::<SKIPPABLE>(source, table_at)?[..] != skippable(TABLE_MAGIC, length as usize + FOOTER) {
            return damaged("the header of the seek table", table_at);
        }
        if descriptor != 0 {
            return damaged("the descriptor of the seek table", footer_at + 4);
        }
        // The file has so many bytes, and they are a few MiB at most.
        let mut bytes = vec![0; length as usize];
        fill(source, &mut bytes, position)?;
        let last = bytes.split_off(bytes.len() - ENTRY);
        let (digests_size, nothing) = sizes(&last);
        let digests_at = table_at.checked_sub(digests_size).filter(|_| nothing == 0);
        let Some(digests_at) = digests_at.filter(|_| digests_size >= (SKIPPABLE + TAG.len()) as u64) else {
            return damaged("the last entry of the seek table", footer_at - ENTRY as u64);
        };
        Ok(Entries { bytes, position, digests_at, digests_size })
    }

    /// Reads the digests, and checks that each entry describes a possible frame.
    fn frames(&self, source: &dyn ReadAt) -> Result<FramesBuilder, Stop> {
        let Entries { digests_at, digests_size, .. } = *self;
        let start = read::<{ SKIPPABLE + TAG.len() }>(source, digests_at)?;
        let (header, tag) = start.split_at(SKIPPABLE);
        if header != skippable(DIGESTS_MAGIC, digests_size as usize - SKIPPABLE) || tag != TAG {
            return damaged("the header of the frame digests", digests_at);
        }
        let mut builder = FramesBuilder::default();
        let (mut digest_at, end) = (digests_at + start.len() as u64, digests_at + digests_size);
        for (number, entry) in self.bytes.chunks_exact(ENTRY).enumerate() {
            let (packed, size) = sizes(entry);
            let frame = PackedFrame { position: builder.end(), packed, size };
            if (1..=MAX_STORED).contains(&size) && packed == stored::frame_size(size) {
                builder.push_stored(size);
            } else if frame.is_sane() && digest_at + FRAME_DIGEST_SIZE as u64 <= end {
                let digest: FrameDigest = read(source, digest_at)?;
                digest_at += FRAME_DIGEST_SIZE as u64;
                builder.push_packed(packed, size, digest);
            } else {
                return damaged("an entry of the seek table", self.position + (number * ENTRY) as u64);
            }
        }
        if builder.end() != digests_at {
            return damaged("the seek table, which does not add up to the file,", self.position);
        }
        if digest_at != end {
            return damaged("the number of frame digests", digests_at);
        }
        Ok(builder)
    }
}

/// The compressed and the decompressed size in an entry.
fn sizes(entry: &[u8]) -> (u64, u64) {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (number(&entry[..4]), number(&entry[4..]))
}

fn read<const N: usize>(source: &dyn ReadAt, position: u64) -> io::Result<[u8; N]> {
    let mut buffer = [0; N];
    fill(source, &mut buffer, position)?;
    Ok(buffer)
}

fn fill(source: &dyn ReadAt, buffer: &mut [u8], position: u64) -> io::Result<()> {
    match source.read_full_at(buffer, position)? {
        count if count == buffer.len() => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
