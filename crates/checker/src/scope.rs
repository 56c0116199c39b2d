//! Which manifests below an image should be there. What was left out by choice is no hole.

use std::collections::HashSet;

use airlift_oci::{Descriptor, Digest, Platform, Selection};

/// Which of the manifests below an image should be there.
#[derive(Clone, Debug, Default)]
pub enum Scope {
    /// All that its index names.
    #[default]
    Whole,
    /// Those of these platforms, and those that the index gives no platform.
    Platforms(Selection),
    /// These, and no others.
    Manifests(HashSet<Digest>),
}

impl Scope {
    /// Whether a child of an index should be there. `left_out` has what is not, as far as is known: an
    /// attestation is only there for what it describes.
    pub(crate) fn takes(&self, child: &Descriptor, left_out: &HashSet<Digest>) -> bool {
        match self {
            Scope::Whole => true,
            Scope::Manifests(manifests) => manifests.contains(&child.digest),
            Scope::Platforms(_) if child.is_attestation() => {
                !child.attested().is_some_and(|attested| left_out.contains(&attested))
            }
            Scope::Platforms(selection) => {
                let named = child.platform.as_ref().filter(|platform: &&Platform| !platform.is_unknown());
                selection.manifests().contains(&child.digest)
                    || named.is_none_or(|platform| selection.takes(platform))
            }
        }
    }
}
