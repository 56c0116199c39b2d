//! Tags as versions.

use std::cmp::Ordering;

use semver::{BuildMetadata, Prerelease, Version};

/// A tag that counts as a version: `v?N[.N[.N]]` with an optional `-pre` or `+build`. Missing numbers are 0,
/// and numbers may start with zeros, as in `24.04`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TagVersion<'a> {
    tag: &'a str,
    pub(super) version: Version,
    /// How many numbers are written.
    numbers: usize,
}

impl<'a> TagVersion<'a> {
    /// The version; `None` for a tag that is none.
    pub(super) fn parse(tag: &'a str) -> Option<Self> {
        let (rest, build) = match tag.split_once('+') {
            Some((_, "")) => return None,
            Some((rest, build)) => (rest, build),
            None => (tag, ""),
        };
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let (numbers, pre) = match rest.split_once('-') {
            Some((_, "")) => return None,
            Some((numbers, pre)) => (numbers, pre),
            None => (rest, ""),
        };
        let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Option<_>>()?;
        let at = |index: usize| numbers.get(index).copied().unwrap_or_default();
        let version = Version {
            major: at(0),
            minor: at(1),
            patch: at(2),
            pre: Prerelease::new(pre).ok()?,
            build: BuildMetadata::new(build).ok()?,
        };
        (numbers.len() <= 3).then_some(TagVersion { tag, version, numbers: numbers.len() })
    }

    /// The order of versions, in which no two tags are equal: of tags with the same version, the one that
    /// says most comes last, and one without `v` comes after the one with it.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |of: &Self| (of.numbers, !of.tag.starts_with('v'));
        let by_version = self.version.cmp(&other.version);
        by_version.then_with(|| key(self).cmp(&key(other))).then_with(|| self.tag.cmp(other.tag))
    }
}

fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_tags_are_versions() {
        for (tag, version) in [
            ("1", "1.0.0"),
            ("v1.2", "1.2.0"),
            ("1.27.3", "1.27.3"),
            ("1.27-alpine", "1.27.0-alpine"),
            ("v1.31.2-k3s1", "1.31.2-k3s1"),
            ("1.2.3-rc.1+b5", "1.2.3-rc.1+b5"),
            ("1.2.3+b5", "1.2.3+b5"),
            ("24.04", "24.4.0"),
            ("20240105", "20240105.0.0"),
            ("1.2.3-0.x-y", "1.2.3-0.x-y"),
        ] {
            assert_eq!(TagVersion::parse(tag).unwrap().version.to_string(), version, "{tag}");
        }
        for tag in [
            "",
            "v",
            "latest",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4",
            "V1",
            "vv1",
            "1.x",
            "1.2-",
            "1.2-a_b",
            "1.2-01",
            "+1",
            "1.2+",
            "1.2-a..b",
            "stable-1.2",
            "-1",
            "99999999999999999999",
            "1 2",
            "ä",
        ] {
            assert_eq!(TagVersion::parse(tag), None, "{tag}");
        }
    }

    #[test]
    fn versions_are_in_order() {
        let order =
            ["v1.9", "1.10-alpine", "1.10-rc.2", "1.10-rc.10", "v1", "1", "1.0", "1.0.0", "1.10.0", "v2"];
        let mut sorted: Vec<TagVersion<'_>> =
            order.iter().rev().filter_map(|tag| TagVersion::parse(tag)).collect();
        sorted.sort_by(TagVersion::order);
        let sorted: Vec<&str> = sorted.iter().map(|version| version.tag).collect();
        assert_eq!(
            sorted,
            ["v1", "1", "1.0", "1.0.0", "v1.9", "1.10-alpine", "1.10-rc.2", "1.10-rc.10", "1.10.0", "v2"]
        );
    }
}
