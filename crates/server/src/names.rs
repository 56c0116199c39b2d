//! The grammar of what a request may name: repositories, tags, references.
//!
//! OCI distribution-spec 1.1, "Pulling manifests". Everything below this module works on these types: a text
//! that does not parse here never reaches the storage.

use std::fmt;

use airlift_oci::reference::is_repository_path;
use airlift_oci::{Digest, DigestError, Tag};

/// A repository's name, such as `library/nginx`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Repository(String);

impl Repository {
    /// The repository of that name, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        is_repository_path(text).then(|| Repository(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands after `/manifests/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A name that may move.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

/// Why a text is no reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReferenceError {
    /// It has a colon, so it was meant to be a digest.
    Digest(DigestError),
    /// Neither a digest nor a tag.
    Tag,
}

impl Reference {
    /// The reference that `text` spells.
    pub(crate) fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            text.parse().map(Reference::Digest).map_err(ReferenceError::Digest)
        } else {
            text.parse().map(Reference::Tag).map_err(|_| ReferenceError::Tag)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_follow_the_grammar() {
        for good in ["a", "library/nginx", "a.b_c__d-e---f/g0", "0", &"a".repeat(255)] {
            assert!(Repository::parse(good).is_some(), "{good}");
        }
        let bad = [
            "", "/", "a/", "/a", "a//b", "A", "..", ".", "a/../b", "a..b", "a___b", "a._b", "-a", "a-",
            "a%2fb", "a b", "a\0b", "é", "_catalog",
        ];
        for bad in bad {
            assert!(Repository::parse(bad).is_none(), "{bad}");
        }
        assert!(Repository::parse(&"a".repeat(256)).is_none());
    }

    #[test]
    fn tags_follow_the_grammar() {
        for good in ["1", "_x", "v1.2-rc.3", &"t".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "-x", ".x", "a/b", "a:b", "a%41", "ü", &"t".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_colon_means_a_digest() {
        let digest = Digest::sha256(b"");
        assert_eq!(Reference::parse(&digest.to_string()), Ok(Reference::Digest(digest)));
        assert!(matches!(Reference::parse("sha256:00"), Err(ReferenceError::Digest(_))));
        assert_eq!(Reference::parse(".x"), Err(ReferenceError::Tag));
    }
}
