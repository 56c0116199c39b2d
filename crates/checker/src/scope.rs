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

#[cfg(test)]
mod tests {
    use super::*;

    fn child(name: &str, platform: Option<&str>) -> Descriptor {
        let platform = platform.map(|platform| platform.parse().unwrap());
        Descriptor { platform, ..Descriptor::new("application/x", Digest::sha256(name.as_bytes()), 1) }
    }

    #[test]
    fn a_choice_of_platforms_leaves_out_the_others_and_what_describes_them() {
        let (amd64, arm64) = (child("a", Some("linux/amd64")), child("b", Some("linux/arm64")));
        let unnamed = child("c", None);
        let chosen = Scope::Platforms(Selection::new(["linux/amd64".parse().unwrap()]));
        let none = HashSet::new();
        assert!(chosen.takes(&amd64, &none) && chosen.takes(&unnamed, &none) && !chosen.takes(&arm64, &none));
        let by_digest = Selection::new(["linux/amd64".parse().unwrap()]).with_manifests([arm64.digest]);
        assert!(Scope::Platforms(by_digest).takes(&arm64, &none));
        let attestation = |of: &Descriptor| {
            let mut attestation = child("attestation", Some("unknown/unknown"));
            let members = [
                ("vnd.docker.reference.type", "attestation-manifest".to_owned()),
                ("vnd.docker.reference.digest", of.digest.to_string()),
            ];
            attestation.annotations = members.map(|(name, value)| (name.to_owned(), value)).into();
            attestation
        };
        let left_out = HashSet::from([arm64.digest]);
        assert!(chosen.takes(&attestation(&amd64), &left_out));
        assert!(!chosen.takes(&attestation(&arm64), &left_out));
    }

    #[test]
    fn all_is_taken_where_nothing_was_chosen() {
        let (one, other) = (child("a", Some("linux/amd64")), child("b", None));
        let none = HashSet::new();
        assert!(Scope::Whole.takes(&one, &none) && Scope::Whole.takes(&other, &none));
        let listed = Scope::Manifests(HashSet::from([one.digest]));
        assert!(listed.takes(&one, &none) && !listed.takes(&other, &none));
    }
}
