//! What a bundle is asked to have.

use airlift_oci::contents::PlatformContent;
use airlift_oci::{Digest, Platform, Reference, Referrers, Repository, SourceReference};

/// One image that a bundle is asked to have, or several of one layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRequest {
    /// The image.
    pub source: SourceReference,
    /// What a lock says of it. Then no tag is asked for.
    pub locked: Option<LockedContent>,
    /// What to carry of it.
    pub choice: ImageChoice,
    /// Where it was asked for, such as `images.txt:3:1`; `None`: on the command line.
    pub place: Option<String>,
}

/// What an image was when it was locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedContent {
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// The type of that. `None` where only the digest is known.
    pub media_type: Option<String>,
    /// Bytes of all configs and layers, each once. `None` where other platforms are chosen than were locked.
    pub size: Option<u64>,
    /// All platforms of its index. `None` where only the digest is known.
    pub platforms: Option<Vec<PlatformContent>>,
    /// The repository at a mirror from which it was fetched, if it was.
    pub from: Option<Repository>,
}

/// What to carry of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageChoice {
    /// The platforms; empty: all.
    pub platforms: Vec<Platform>,
    /// Whether signatures and the like come along.
    pub referrers: Referrers,
}

impl ImageChoice {
    /// Adds what another one carries: all is more than some.
    pub fn unite(&mut self, other: &ImageChoice) {
        if self.platforms.is_empty() || other.platforms.is_empty() {
            self.platforms.clear();
        } else {
            let more = other.platforms.iter().filter(|platform| !self.platforms.contains(platform));
            let more: Vec<Platform> = more.cloned().collect();
            self.platforms.extend(more);
        }
        if other.referrers == Referrers::All {
            self.referrers = Referrers::All;
        }
    }
}

impl From<Reference> for ImageRequest {
    /// The whole image.
    fn from(reference: Reference) -> Self {
        let choice = ImageChoice::default();
        ImageRequest { source: SourceReference::Registry(reference), locked: None, choice, place: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_choices_everything_is_carried() {
        let choice = |platforms: &[&str], referrers| ImageChoice {
            platforms: platforms.iter().map(|platform| platform.parse().unwrap()).collect(),
            referrers,
        };
        let united = |one: ImageChoice, other: ImageChoice| {
            let mut both = one;
            both.unite(&other);
            both
        };
        let (amd, arm) =
            (choice(&["linux/amd64"], Referrers::None), choice(&["linux/arm64"], Referrers::None));
        let both = choice(&["linux/amd64", "linux/arm64"], Referrers::None);
        assert_eq!(united(amd.clone(), arm.clone()), both);
        assert_eq!(united(both.clone(), arm), both);
        assert_eq!(united(amd.clone(), ImageChoice::default()), ImageChoice::default());
        assert_eq!(united(choice(&[], Referrers::None), amd), choice(&[], Referrers::None));
    }
}
