//! What an unfinished or foreign file has of a blob: all of it, a prefix, or nothing. Only hashing decides,
//! never names or sizes.
//!
//! A blob is written from start to end into space that reads as zeros. Where writing stopped early, the file
//! has a prefix of the blob, and zeros behind it. Only the digest of the whole blob proves the prefix. So the
//! code that goes on from a prefix feeds the following bytes into the same hash, and throws all of them away
//! if the digest turns out to be wrong.

use std::io::{self, BufRead};

use airlift_disk::ReadAt;
use airlift_oci::{Digest, Event, HashedPrefix, Hasher, Observer};

use crate::compare::{Region, difference, entry_difference, tail_difference};
use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::parallel;
use crate::plan::{Plan, PlannedEntry};
use crate::tar::header::BLOCK;

/// A shorter prefix isn't worth a request for the rest alone.
const LEAST: u64 = 64 << 10;

/// How much of a blob a file has.
#[derive(Clone, Debug, Default)]
pub enum ResumeState {
    /// All of it, proven by its digest.
    Complete,
    /// This prefix, which only the digest of the whole blob can prove.
    Prefix(Box<HashedPrefix>),
    /// Nothing that could be used.
    #[default]
    Missing,
}

/// Hashes a blob's place from its start, and remembers where writing may have stopped.
struct BlobHash {
    hasher: Hasher,
    count: u64,
    /// Before the last piece that was more than zeros: that piece may have been cut short.
    prefix: Option<HashedPrefix>,
}

impl BlobHash {
    fn new(digest: &Digest) -> Self {
        BlobHash { hasher: Hasher::new(digest.algorithm()), count: 0, prefix: None }
    }

    fn update(&mut self, piece: &[u8]) {
        // Content rarely starts with a zero, so this ends at once.
        if self.count.is_multiple_of(BLOCK) && piece.iter().any(|byte| *byte != 0) {
            self.prefix = Some(HashedPrefix { bytes: self.count, hasher: self.hasher.clone() });
        }
        self.hasher.update(piece);
        self.count += piece.len() as u64;
    }

    fn finish(self, digest: &Digest) -> ResumeState {
        if self.hasher.finish() == *digest {
            return ResumeState::Complete;
        }
        let prefix = self.prefix.filter(|prefix| prefix.bytes >= LEAST);
        prefix.map_or(ResumeState::Missing, |prefix| ResumeState::Prefix(Box::new(prefix)))
    }
}

/// Reads a blob's place, hands each piece to `take`, and says how much of the blob the place has. The end of
/// the file ends the blob.
///
/// # Errors
/// The outer result has an error if reading fails, the inner one if `take` fails.
pub fn hash_blob<E>(
    section: &Section,
    digest: &Digest,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> io::Result<Result<ResumeState, E>> {
    let mut hash = BlobHash::new(digest);
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
        hash.update(piece);
        reader.consume(count);
    }
    Ok(Ok(hash.finish(digest)))
}

/// What a file has of each of the plan's blobs at their places, in archive order. Headers and padding are
/// compared, data is hashed. Nothing is taken on trust, so a half-written archive needs no journal.
///
/// # Errors
/// If the file can't be read.
pub fn resume_states(
    file: impl Into<Storage>,
    plan: &Plan,
    jobs: usize,
    observer: &dyn Observer,
) -> io::Result<Vec<ResumeState>> {
    let file = file.into();
    let blobs: Vec<PlannedEntry> = plan.blobs().collect();
    parallel::map(&blobs, jobs, |entry| resume_state(&file, entry, observer)).into_iter().collect()
}

fn resume_state(file: &Storage, entry: &PlannedEntry, observer: &dyn Observer) -> io::Result<ResumeState> {
    let difference = entry_difference(file, entry)?;
    if matches!(difference, Some((Region::Header, _))) {
        // Nothing of it was written yet.
        observer.notice(Event::Shortened { bytes: entry.size });
        return Ok(ResumeState::Missing);
    }
    let section = Section::new(file, entry.data_offset, entry.size);
    let digest = entry.digest;
    let outcome = hash_blob(&section, &digest, |piece| {
        observer.notice(Event::Advanced { digest, bytes: piece.len() as u64 });
        Ok::<(), std::convert::Infallible>(())
    })?;
    Ok(match outcome {
        // The last bytes and the padding are written together. If only the padding is wrong, the file was
        // altered: write both again.
        Ok(ResumeState::Complete) if difference.is_some() => ResumeState::Missing,
        Ok(state) => state,
        Err(never) => match never {},
    })
}

/// Whether a file is, to the last byte, the archive of this plan.
///
/// # Errors
/// If the file can't be read.
pub fn is_archive_of(
    archive: impl Into<Storage>,
    plan: &Plan,
    jobs: usize,
    observer: &dyn Observer,
) -> io::Result<bool> {
    let archive = archive.into();
    let length = archive.size()?;
    if length != plan.size() || tail_difference(&archive, length, plan)?.is_some() {
        return Ok(false);
    }
    for entry in plan.entries() {
        let Some(data) = plan.known_data(&entry) else { break };
        if entry_difference(&archive, &entry)?.is_some()
            || difference(&archive, data, entry.data_offset)?.is_some()
        {
            return Ok(false);
        }
    }
    let states = resume_states(archive, plan, jobs, observer)?;
    Ok(states.iter().all(|state| matches!(state, ResumeState::Complete)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(content: &[u8], there: &[u8], pieces: usize) -> ResumeState {
        let digest = Digest::sha256(content);
        let mut hash = BlobHash::new(&digest);
        for piece in there.chunks(pieces) {
            hash.update(piece);
        }
        hash.finish(&digest)
    }

    fn content() -> Vec<u8> {
        (0..1_000_000_u32).map(|n| (n % 251) as u8 + 1).collect()
    }

    #[test]
    fn a_prefix_before_zeros_is_found() {
        let content = content();
        for cut in [70_000, 100_000, 131_072, 500_000, 999_999] {
            let mut there = content.clone();
            there[cut..].fill(0);
            let ResumeState::Prefix(prefix) = hashed(&content, &there, 512) else {
                panic!("nothing at {cut}")
            };
            let HashedPrefix { bytes, mut hasher } = *prefix;
            assert!(bytes <= cut as u64 && bytes + 512 >= cut as u64, "{bytes} of {cut}");
            hasher.update(&content[bytes as usize..]);
            assert_eq!(hasher.finish(), Digest::sha256(&content));
        }
    }

    #[test]
    fn complete_and_missing_blobs_are_distinguished() {
        let content = content();
        assert!(matches!(hashed(&content, &content, 4096), ResumeState::Complete));
        assert!(matches!(hashed(&content, &vec![0; content.len()], 4096), ResumeState::Missing));
        assert!(matches!(hashed(&content, &content[..60_000], 4096), ResumeState::Missing));
        // Pieces that don't end at a block give no place to go on from.
        assert!(matches!(hashed(&content, &content[..100_000], 4097), ResumeState::Missing));
    }
}
