//! What becomes of a reference.

use airlift_oci::Digest;
use airlift_oci::reference::{repository_of, tag_of};

/// What becomes of a reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Its new repository, with the registry. `None`: it stays.
    pub repository: Option<String>,
    /// What becomes of its digest.
    pub digest: DigestChange,
}

/// What becomes of a reference's digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestChange {
    /// It stays, or stays away.
    #[default]
    Keep,
    /// The reference gets this one.
    Set(Digest),
    /// It goes.
    Remove,
}

impl Change {
    /// The reference with this change.
    pub fn applied(&self, reference: &str) -> String {
        let old = reference.split_once('@').map(|(_, digest)| digest.to_owned());
        let name = repository_of(reference).unwrap_or(reference);
        // A name alone is no tag here.
        let tag = repository_of(reference).and_then(|_| tag_of(reference));
        let digest = match self.digest {
            DigestChange::Keep => old,
            DigestChange::Set(digest) => Some(digest.to_string()),
            DigestChange::Remove => None,
        };
        let mut changed = self.repository.as_deref().unwrap_or(name).to_owned();
        for (sign, part) in [(':', tag), ('@', digest.as_deref())] {
            if let Some(part) = part {
                changed.push(sign);
                changed.push_str(part);
            }
        }
        changed
    }
}
