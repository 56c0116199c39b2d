//! Which blobs of a graph are there with the right size, and where.

use airlift_bundle::Archive;
use airlift_bundle::read::ByteRange;
use airlift_oci::{Digest, DigestMap};

/// Where each blob's content lies, as far as it is there with the right size. The archive knows where it has
/// content under a name, and a hostile archive has a million names. So what lies there takes one bit.
#[derive(Debug, Default)]
pub(crate) struct FoundBlobs {
    /// A bit for each blob of the archive, by its position there.
    by_name: Vec<u64>,
    /// Blobs that lie elsewhere: the archive doesn't have them under their names, or has other content there.
    elsewhere: DigestMap<ByteRange>,
}

const BITS: usize = u64::BITS as usize;

impl FoundBlobs {
    /// Adds a blob that lies at `range`.
    pub(crate) fn insert(&mut self, archive: &Archive, digest: Digest, range: ByteRange) {
        match archive.range_of(&digest) {
            Some((position, named)) if named == range => {
                let word = position / BITS;
                if word >= self.by_name.len() {
                    self.by_name.resize(word + 1, 0);
                }
                self.by_name[word] |= 1 << (position % BITS);
            }
            _ => {
                self.elsewhere.insert(digest, range);
            }
        }
    }

    /// Where a blob lies; `None` if it was not found.
    pub(crate) fn get(&self, archive: &Archive, digest: &Digest) -> Option<ByteRange> {
        let by_name = || {
            let (position, range) = archive.range_of(digest)?;
            let word = self.by_name.get(position / BITS)?;
            ((word >> (position % BITS)) & 1 == 1).then_some(range)
        };
        by_name().or_else(|| self.elsewhere.get(digest).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_under_its_name_takes_a_bit() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        std::fs::write(folder.path().join("oci-layout"), "{}").unwrap();
        let digests: Vec<Digest> = (0..200_u8).map(|number| Digest::sha256(&[number])).collect();
        for digest in &digests {
            std::fs::write(folder.path().join(format!("blobs/sha256/{}", digest.hex())), "x").unwrap();
        }
        let archive = Archive::open(folder.path()).unwrap();
        let (named, moved) = (ByteRange { offset: 0, size: 1 }, ByteRange { offset: 512, size: 1 });
        let unnamed = Digest::sha256(b"unnamed");
        let mut found = FoundBlobs::default();
        digests.iter().skip(1).step_by(2).for_each(|digest| found.insert(&archive, *digest, named));
        assert!(found.elsewhere.is_empty() && found.by_name.len() <= 200_usize.div_ceil(BITS));
        found.insert(&archive, digests[0], moved);
        found.insert(&archive, unnamed, moved);
        for (number, digest) in digests.iter().enumerate() {
            let expected = if number == 0 { Some(moved) } else { (number % 2 == 1).then_some(named) };
            assert_eq!(found.get(&archive, digest), expected, "{number}");
        }
        assert_eq!(found.get(&archive, &unnamed), Some(moved));
        assert_eq!(found.get(&archive, &Digest::sha256(b"other")), None);
    }
}
