//! Whether what is said of an image's platforms is true.

use std::collections::{HashMap, HashSet};

use crate::Digest;
use crate::contents::PlatformContent;

/// One thing in which claimed platforms are not those of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FalseClaim {
    /// A platform has another digest, name or size.
    Altered {
        /// The claim.
        claimed: PlatformContent,
        /// What the image has.
        there: PlatformContent,
    },
    /// The image doesn't have this platform, or it is claimed twice.
    NotThere(PlatformContent),
    /// The image has this platform, and nothing is said of it.
    Unclaimed(PlatformContent),
}

impl FalseClaim {
    /// The name of the platform, as it was claimed if it was.
    pub fn platform(&self) -> &str {
        match self {
            FalseClaim::Altered { claimed, .. } => &claimed.platform,
            FalseClaim::NotThere(content) | FalseClaim::Unclaimed(content) => &content.platform,
        }
    }
}

/// All in which claimed platforms are not those of an image: in the order of the claims, then of the image.
///
/// Below a manifest that the source doesn't have may be more: while the image has one that no claim names, it
/// may have any other platform too.
pub fn false_claims(claimed: &[PlatformContent], there: &[PlatformContent]) -> Vec<FalseClaim> {
    let by_digest: HashMap<Digest, &PlatformContent> = there.iter().map(|one| (one.digest, one)).collect();
    let by_name: HashMap<&str, &PlatformContent> =
        there.iter().rev().map(|one| (one.platform.as_str(), one)).collect();
    let digests: HashSet<Digest> = claimed.iter().map(|one| one.digest).collect();
    let is_hidden = |one: &PlatformContent| one.says_nothing() && !digests.contains(&one.digest);
    let may_have_more = there.iter().any(is_hidden);
    let (mut found, mut met, mut altered) = (Vec::new(), HashSet::new(), HashSet::new());
    for one in claimed {
        let is_first = met.insert(one.digest);
        match (by_digest.get(&one.digest), by_name.get(one.platform.as_str())) {
            (Some(there), _) if is_first && there.agrees_with(one) => {}
            (Some(there), _) if is_first => {
                found.push(FalseClaim::Altered { claimed: one.clone(), there: (*there).clone() });
            }
            (None, Some(there)) => {
                altered.insert(there.digest);
                found.push(FalseClaim::Altered { claimed: one.clone(), there: (*there).clone() });
            }
            (None, None) if may_have_more || one.says_nothing() => {}
            _ => found.push(FalseClaim::NotThere(one.clone())),
        }
    }
    let unclaimed =
        there.iter().filter(|one| !digests.contains(&one.digest) && !altered.contains(&one.digest));
    let unclaimed = unclaimed.filter(|one| !one.says_nothing()).cloned();
    found.extend(unclaimed.map(FalseClaim::Unclaimed));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(platform: &str, of: &str, size: u64) -> PlatformContent {
        PlatformContent { platform: platform.to_owned(), digest: Digest::sha256(of.as_bytes()), size }
    }

    #[test]
    fn each_claim_is_compared_both_ways() {
        let [amd64, arm64] = [content("linux/amd64", "amd64", 10), content("linux/arm64", "arm64", 20)];
        let image = [amd64.clone(), arm64.clone()];
        let of = |claimed: &[&PlatformContent]| {
            let claimed: Vec<PlatformContent> = claimed.iter().copied().cloned().collect();
            false_claims(&claimed, &image)
        };
        let riscv = content("linux/riscv64", "none", 5);
        let other = content("linux/arm64", "other", 20);
        assert_eq!(of(&[&amd64, &arm64]), []);
        assert_eq!(of(&[&arm64, &amd64]), [], "the order says nothing");
        assert_eq!(of(&[&amd64]), [FalseClaim::Unclaimed(arm64.clone())]);
        assert_eq!(of(&[]).len(), 2);
        assert_eq!(of(&[&amd64, &arm64, &riscv]), [FalseClaim::NotThere(riscv)]);
        assert_eq!(of(&[&amd64, &arm64, &amd64]), [FalseClaim::NotThere(amd64.clone())]);
        let altered = FalseClaim::Altered { claimed: other.clone(), there: arm64.clone() };
        assert_eq!(of(&[&amd64, &other]), [altered], "it is reported once");
        let renamed = content("linux/arm", "arm64", 20);
        assert_eq!(of(&[&amd64, &renamed]), [FalseClaim::Altered { claimed: renamed, there: arm64 }]);
    }

    #[test]
    fn what_a_source_lacks_may_hide_platforms() {
        let [amd64, hidden] = [content("linux/amd64", "amd64", 10), content("unnamed (12…)", "nested", 0)];
        let riscv = content("linux/riscv64", "none", 5);
        let image = [amd64.clone(), hidden.clone()];
        assert_eq!(false_claims(&[amd64.clone(), riscv.clone()], &image), []);
        let both = [amd64.clone(), hidden, riscv.clone()];
        assert_eq!(
            false_claims(&both, &image),
            [FalseClaim::NotThere(riscv)],
            "it hides nothing if it is named"
        );
        assert_eq!(false_claims(&both[..2], &[amd64]), []);
    }
}
