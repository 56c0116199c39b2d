//! What an unfinished or foreign file holds of a blob: all of it, a start of it, or nothing. Found out by
//! hashing, never by names or sizes.
//!
//! Blobs are written from start to end into space that reads as zeros, so where one was broken off, its start
//! stands before zeros. Whether that start is the right one can't be told before the blob is whole: whoever
//! goes on from it hashes what comes behind into the same hash, and throws all of it away if the digest is
//! another one in the end.

use std::io::{self, BufRead};

use airlift_oci::{Digest, Event, HashedPrefix, Hasher, Observer};

use crate::compare::{Region, entry_defect};
use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::parallel;
use crate::plan::{Plan, PlannedEntry};
use crate::tar::header::BLOCK;

/// A shorter start isn't worth a request of its own kind.
const LEAST: u64 = 64 << 10;

/// How much of a blob is there.
#[derive(Clone, Debug, Default)]
pub enum Held {
    /// All of it, proven by its digest.
    Whole,
    /// This start, as far as anybody can tell.
    Start(Box<HashedPrefix>),
    /// Nothing that could be used.
    #[default]
    Nothing,
}

/// Hashes a blob's place from its start, and remembers where it may have been broken off.
struct Gauge {
    hasher: Hasher,
    count: u64,
    /// Before the last piece that was more than zeros: that one may have been cut short.
    begun: Option<HashedPrefix>,
}

impl Gauge {
    fn new(digest: &Digest) -> Self {
        Gauge { hasher: Hasher::new(digest.algorithm()), count: 0, begun: None }
    }

    fn take(&mut self, piece: &[u8]) {
        // Content rarely starts with a zero, so this ends at once.
        if self.count.is_multiple_of(BLOCK) && piece.iter().any(|byte| *byte != 0) {
            self.begun = Some(HashedPrefix { bytes: self.count, hasher: self.hasher.clone() });
        }
        self.hasher.update(piece);
        self.count += piece.len() as u64;
    }

    fn finish(self, digest: &Digest) -> Held {
        if self.hasher.finish() == *digest {
            return Held::Whole;
        }
        self.begun
            .filter(|begun| begun.bytes >= LEAST)
            .map_or(Held::Nothing, |begun| Held::Start(Box::new(begun)))
    }
}

/// Reads a blob's place, hands each piece on, and says how much of the blob it was. The end of the file is
/// the end of what is there.
///
/// # Errors
/// Those of reading as the outer, those of `take` as the inner result.
pub fn gauge<E>(
    section: &Section,
    digest: &Digest,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> io::Result<Result<Held, E>> {
    let mut gauge = Gauge::new(digest);
    let mut reader = section.reader();
    loop {
        let piece = match reader.fill_buf() {
            Ok([]) => break,
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        };
        let count = piece.len();
        if let Err(error) = take(piece) {
            return Ok(Err(error));
        }
        gauge.take(piece);
        reader.consume(count);
    }
    Ok(Ok(gauge.finish(digest)))
}

/// What a file holds of each of the plan's blobs, in archive order, at their places: headers and padding are
/// compared, the data is hashed. Nothing is taken for granted, so a half-written archive is its own journal.
pub fn held(
    file: impl Into<Storage>,
    plan: &Plan,
    jobs: usize,
    observer: &dyn Observer,
) -> io::Result<Vec<Held>> {
    let file = file.into();
    let blobs: Vec<&PlannedEntry> = plan.blobs().collect();
    parallel::map(&blobs, jobs, |entry| held_blob(&file, entry, observer)).into_iter().collect()
}

fn held_blob(file: &Storage, entry: &PlannedEntry, observer: &dyn Observer) -> io::Result<Held> {
    let defect = entry_defect(file, entry)?;
    if matches!(defect, Some((Region::Header, _))) {
        // Nothing of it was written yet.
        observer.notice(Event::Shortened { bytes: entry.size });
        return Ok(Held::Nothing);
    }
    let section = Section::new(file, entry.data_offset, entry.size);
    let digest = entry.digest;
    let outcome = gauge(&section, &digest, |piece| {
        observer.notice(Event::Advanced { digest, bytes: piece.len() as u64 });
        Ok::<(), std::convert::Infallible>(())
    })?;
    Ok(match outcome {
        // The padding is written with the last bytes, so they can't both be right and nobody's fault; write
        // them again.
        Ok(Held::Whole) if defect.is_some() => Held::Nothing,
        Ok(held) => held,
        Err(never) => match never {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauged(content: &[u8], there: &[u8], pieces: usize) -> Held {
        let digest = Digest::sha256(content);
        let mut gauge = Gauge::new(&digest);
        for piece in there.chunks(pieces) {
            gauge.take(piece);
        }
        gauge.finish(&digest)
    }

    fn content() -> Vec<u8> {
        (0..1_000_000_u32).map(|n| (n % 251) as u8 + 1).collect()
    }

    #[test]
    fn a_start_before_zeros_is_found() {
        let content = content();
        for cut in [70_000, 100_000, 131_072, 500_000, 999_999] {
            let mut there = content.clone();
            there[cut..].fill(0);
            let Held::Start(begun) = gauged(&content, &there, 512) else { panic!("nothing at {cut}") };
            let HashedPrefix { bytes, mut hasher } = *begun;
            assert!(bytes <= cut as u64 && bytes + 512 >= cut as u64, "{bytes} of {cut}");
            hasher.update(&content[bytes as usize..]);
            assert_eq!(hasher.finish(), Digest::sha256(&content));
        }
    }

    #[test]
    fn all_and_nothing_are_told_apart() {
        let content = content();
        assert!(matches!(gauged(&content, &content, 4096), Held::Whole));
        assert!(matches!(gauged(&content, &vec![0; content.len()], 4096), Held::Nothing));
        assert!(matches!(gauged(&content, &content[..60_000], 4096), Held::Nothing));
        // Pieces that don't end at a block give no place to go on from.
        assert!(matches!(gauged(&content, &content[..100_000], 4097), Held::Nothing));
    }
}
