//! What stands behind the last frame of content: the seals of the packed frames, and the seek table.
//!
//! Both are skippable frames (RFC 8878, 3.1.2). The seek table is that of zstd's seekable format 0.1.0
//! (`contrib/seekable_format/zstd_seekable_compression_format.md`), without checksums; its last line is the
//! frame of the seals.

use std::io;

use airlift_disk::read::ReadAt;

use crate::content::storage::Storage;
use crate::zst::frames::{Frames, FramesBuilder};
use crate::zst::packed::{PackedFrame, SEAL, Seal};
use crate::zst::stored;

/// The magic number of the frame of the seals, and of the seek table's.
const SEALS_MAGIC: u32 = 0x184D_2A5D;
const TABLE_MAGIC: u32 = 0x184D_2A5E;
/// What a seekable file ends with.
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;
/// What the seals start with: whose they are, and of which version of the format.
const TAG: [u8; 16] = *b"io.airlift/zst/1";
/// Of a skippable frame: magic and length.
const SKIPPABLE: usize = 8;
/// Number of frames, descriptor, magic.
const FOOTER: usize = 9;
const LINE: usize = 8;
/// More frames than this are taken for an attack: packed ones of so many would be 8 TiB, and no archive has
/// as many entries.
pub(crate) const MAX_FRAMES: u32 = 1 << 21;

/// The end of a compressed file whose frames of content are `frames`.
pub(crate) fn encode(frames: &FramesBuilder) -> Vec<u8> {
    let mut seals = TAG.to_vec();
    let mut lines: Vec<u8> = Vec::new();
    for frame in frames.iter() {
        seals.extend(frame.seal.into_iter().flatten());
        lines.extend(narrow(frame.packed_size));
        lines.extend(narrow(frame.size));
    }
    lines.extend(narrow((SKIPPABLE + seals.len()) as u64));
    lines.extend(narrow(0));
    let count = narrow((lines.len() / LINE) as u64);
    let mut end = skippable(SEALS_MAGIC, seals.len());
    end.extend(seals);
    end.extend(skippable(TABLE_MAGIC, lines.len() + FOOTER));
    end.extend(lines);
    end.extend(count);
    end.push(0);
    end.extend(SEEKABLE_MAGIC.to_le_bytes());
    end
}

/// The last bytes of a file with `count` frames of content, `packed` of them packed ones.
pub(crate) fn size_of(count: u64, packed: u64) -> u64 {
    (SKIPPABLE + TAG.len() + SKIPPABLE + LINE + FOOTER) as u64 + count * LINE as u64 + packed * SEAL as u64
}

/// As the format has numbers. No frame is larger than a GiB and some, so none is cut short.
fn narrow(number: u64) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn skippable(magic: u32, length: usize) -> Vec<u8> {
    [magic.to_le_bytes(), narrow(length as u64)].concat()
}

/// What the end of a file says.
#[derive(Debug)]
pub(crate) enum Opened {
    /// These are the frames.
    Frames(Frames),
    /// It is not one of ours, as far as its end tells.
    NotOurs,
    /// It is one of ours, and damaged.
    Damaged(Wrong),
}

/// What is wrong with the end of a file, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) what: &'static str,
    pub(crate) position: u64,
}

/// Reads the end of a compressed file of `length` bytes. Every byte of it must be as [`encode`] writes it,
/// and the frames that it lists must fill the file.
pub(crate) fn open(bytes: &Storage, length: u64) -> io::Result<Opened> {
    let Some(footer_at) = length.checked_sub(FOOTER as u64) else { return Ok(Opened::NotOurs) };
    let [c0, c1, c2, c3, descriptor, magic @ ..] = read::<FOOTER>(bytes, footer_at)?;
    let opened = if u32::from_le_bytes(magic) == SEEKABLE_MAGIC {
        read_table(bytes, footer_at, u32::from_le_bytes([c0, c1, c2, c3]), descriptor)?
    } else {
        Opened::Damaged(Wrong { what: "the end, where the seek table should be,", position: footer_at })
    };
    match opened {
        // Others write seekable files, too.
        Opened::Damaged(_) if !starts_like_ours(bytes)? => Ok(Opened::NotOurs),
        opened => Ok(opened),
    }
}

/// Whether the first frame is one of ours, to which the first entry's name belongs.
fn starts_like_ours(bytes: &Storage) -> io::Result<bool> {
    let mut start = [0; 64];
    let count = bytes.read_full_at(&mut start, 0)?;
    Ok(crate::zst::starts_like_ours(&start[..count]))
}

/// Reads the table of `count` frames in front of the footer.
fn read_table(bytes: &Storage, footer_at: u64, count: u32, descriptor: u8) -> io::Result<Opened> {
    let wrong = |what, position| Ok(Opened::Damaged(Wrong { what, position }));
    let lines_length = u64::from(count) * LINE as u64;
    let Some(lines_at) = footer_at.checked_sub(lines_length).filter(|_| (1..=MAX_FRAMES).contains(&count))
    else {
        return wrong("the number of frames", footer_at);
    };
    let Some(table_at) = lines_at.checked_sub(SKIPPABLE as u64) else {
        return wrong("the number of frames", footer_at);
    };
    if read::<SKIPPABLE>(bytes, table_at)?[..] != skippable(TABLE_MAGIC, lines_length as usize + FOOTER) {
        return wrong("the header of the seek table", table_at);
    }
    if descriptor != 0 {
        return wrong("the descriptor of the seek table", footer_at + 4);
    }
    // There are so many bytes in the file, and no more than a few MiB of them.
    let mut lines = vec![0; lines_length as usize];
    fill(bytes, &mut lines, lines_at)?;
    let Some((lines, last)) = lines.split_last_chunk::<LINE>() else {
        return wrong("the seek table", lines_at);
    };
    let (seals_size, nothing) = numbers(last);
    let seals_at = table_at.checked_sub(seals_size).filter(|_| nothing == 0);
    let seals_at = seals_at.filter(|_| seals_size >= (SKIPPABLE + TAG.len()) as u64);
    let Some(seals_at) = seals_at else {
        return wrong("the last line of the seek table", footer_at - LINE as u64);
    };
    frames(bytes, lines, lines_at, (seals_at, seals_size))
}

/// Reads the lines and the seals.
fn frames(bytes: &Storage, lines: &[u8], lines_at: u64, seals: (u64, u64)) -> io::Result<Opened> {
    let (seals_at, seals_size) = seals;
    let wrong = |what, position| Ok(Opened::Damaged(Wrong { what, position }));
    let seals_start = read::<{ SKIPPABLE + TAG.len() }>(bytes, seals_at)?;
    let (header, tag) = seals_start.split_at(SKIPPABLE);
    if header != skippable(SEALS_MAGIC, seals_size as usize - SKIPPABLE) || tag != TAG {
        return wrong("the header of the seals", seals_at);
    }
    let mut builder = FramesBuilder::default();
    let mut seal_at = seals_at + seals_start.len() as u64;
    for (number, line) in lines.chunks_exact(LINE).enumerate() {
        let (packed, size) = numbers(line);
        let position = builder.end();
        let is_stored = (1..=crate::zst::MAX_STORED).contains(&size) && packed == stored::frame_size(size);
        if is_stored {
            builder.push_stored(size);
        } else if (PackedFrame { position, packed, size }).is_sane()
            && seal_at + SEAL as u64 <= seals_at + seals_size
        {
            let seal: Seal = read(bytes, seal_at)?;
            seal_at += SEAL as u64;
            builder.push_packed(packed, size, seal);
        } else {
            return wrong("a line of the seek table", lines_at + (number * LINE) as u64);
        }
    }
    if builder.end() != seals_at {
        return wrong("the seek table, which does not add up to the file,", lines_at);
    }
    if seal_at != seals_at + seals_size {
        return wrong("the number of seals", seals_at);
    }
    Ok(Opened::Frames(builder.build(bytes.clone())))
}

/// The two numbers of a line.
fn numbers(line: &[u8]) -> (u64, u64) {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (number(&line[..4]), number(&line[4..]))
}

fn read<const N: usize>(bytes: &Storage, position: u64) -> io::Result<[u8; N]> {
    let mut buffer = [0; N];
    fill(bytes, &mut buffer, position)?;
    Ok(buffer)
}

fn fill(bytes: &Storage, buffer: &mut [u8], position: u64) -> io::Result<()> {
    match bytes.read_full_at(buffer, position)? {
        count if count == buffer.len() => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
