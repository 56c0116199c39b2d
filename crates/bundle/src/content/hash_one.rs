//! Sections whose digests are wanted, and how one is hashed.

use std::io;

use airlift_oci::{Algorithm, Digest};

use crate::content::section::Section;

/// A section whose digest is wanted.
#[derive(Clone, Debug)]
pub struct Unhashed {
    /// The section.
    pub section: Section,
    /// How it is hashed.
    pub algorithm: Algorithm,
}

/// How far the hashing of a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashStep {
    /// It begins.
    Started,
    /// So many more bytes were read and hashed.
    Hashed(u64),
    /// It is over, whether it succeeded or not.
    Finished,
}

/// Many sections whose digests are wanted, each with a position. There may be a million, so each is made when
/// its turn comes.
pub trait UnhashedList: Sync {
    /// What is kept of a digest.
    type Found: Send;

    /// How many positions there are.
    fn count(&self) -> usize;

    /// The section at a position; `None` if it isn't there.
    fn at(&self, position: usize) -> Option<Unhashed>;

    /// Takes note of how far a section is.
    fn notice(&self, position: usize, step: HashStep);

    /// What is kept of a digest. An error says that the section can't be read, or that the archive ends
    /// before it does.
    fn keep(&self, position: usize, digest: io::Result<Digest>) -> Option<Self::Found>;
}

/// Hashes the section at a position by itself.
pub(crate) fn hash_one<L: UnhashedList>(list: &L, position: usize) -> Option<L::Found> {
    let Unhashed { section, algorithm } = list.at(position)?;
    list.notice(position, HashStep::Started);
    let digest = section.digest(algorithm, |bytes| list.notice(position, HashStep::Hashed(bytes)));
    list.notice(position, HashStep::Finished);
    list.keep(position, digest)
}
