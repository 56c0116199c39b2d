//! Which platforms of an image are carried, and which manifests below a root that concerns.
//!
//! A bundle has all manifests of an index: they are small, and without them no registry takes the index. A
//! selection leaves out the configs and layers of the other platforms. It is written to `index.json`, so
//! that this file and the manifests alone decide what an archive must hold.

use crate::{Digest, Platform};

/// What was chosen of a root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The platforms, normalised, sorted, each once.
    platforms: Vec<Platform>,
    /// Chosen manifests whose platform no index names; only their configs do. Sorted, each once.
    manifests: Vec<Digest>,
}

impl Selection {
    /// A selection of platforms.
    pub fn new(platforms: impl IntoIterator<Item = Platform>) -> Self {
        let mut platforms: Vec<Platform> =
            platforms.into_iter().map(|platform| platform.normalised()).collect();
        platforms.sort_by_key(Platform::to_string);
        platforms.dedup();
        Selection { platforms, manifests: Vec::new() }
    }

    /// The same, and with these manifests, whose configs name a chosen platform.
    pub fn with_manifests(self, manifests: impl IntoIterator<Item = Digest>) -> Self {
        let mut manifests: Vec<Digest> = manifests.into_iter().collect();
        manifests.sort();
        manifests.dedup();
        Selection { manifests, ..self }
    }

    /// What one of the two takes.
    #[must_use]
    pub fn and(self, other: &Selection) -> Self {
        let manifests = self.manifests.into_iter().chain(other.manifests.iter().copied());
        Selection::new(self.platforms.into_iter().chain(other.platforms.iter().cloned()))
            .with_manifests(manifests)
    }

    /// The platforms.
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    /// The manifests that were chosen by their configs.
    pub fn manifests(&self) -> &[Digest] {
        &self.manifests
    }

    /// Whether an image for `platform` was chosen.
    pub fn takes(&self, platform: &Platform) -> bool {
        self.platforms.iter().any(|wanted| platform.satisfies(wanted))
    }
}
