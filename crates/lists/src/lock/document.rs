//! The lock as a document: what it says of each image, in the order in which it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use airlift_oci::text::harmless_json;
use airlift_oci::{Digest, Platform, Referrers, Repository, SourceReference};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::fetched_from::FetchedFrom;
use crate::choice::Choice;
use crate::groups::{UnknownGroups, check_groups};
use crate::timestamp::Timestamp;

/// What a lock calls itself.
pub const SCHEMA: &str = "airlift.lock/v1";

/// Which digest each reference stood for, and when. Sorted by reference, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lock {
    /// `airlift.lock/v1`.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The images, sorted by reference.
    images: Vec<LockedImage>,
}

/// One image of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockedImage {
    /// The full name with its tag, `name@digest` where it was asked for by digest alone, or a place in a
    /// layout for an image that has no full name.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub reference: SourceReference,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// The type of that.
    pub media_type: String,
    /// Bytes of all configs and layers of the chosen platforms, each once.
    pub size: u64,
    /// All platforms that the index has, chosen or not.
    pub platforms: Vec<LockedPlatform>,
    /// What was chosen of it. Absent where that is everything.
    #[serde(rename = "choose", serialize_with = "as_chosen", skip_serializing_if = "is_everything")]
    #[schemars(with = "Chosen")]
    pub choice: Choice,
    /// The groups of the list that name it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// By which tag selectors, or patterns of a layout, it came, a line each. Absent where the list names it.
    #[serde(rename = "selector", serialize_with = "as_lines", skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "String")]
    pub selectors: BTreeSet<String>,
    /// When the reference stood for this digest for the first time that is known.
    pub resolved: Timestamp,
    /// Where it was fetched from: a mirror's repository or a layout. Absent where that is what the reference
    /// says.
    #[serde(serialize_with = "as_optional_text", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub from: Option<FetchedFrom>,
    /// What the reference stood for before, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PastDigest>,
}

/// A platform of a locked image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LockedPlatform {
    /// `linux/amd64`, as the index or the config names it.
    pub platform: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Bytes of its config and layers, each once. 0 where the source doesn't have it.
    pub size: u64,
}

/// What a reference stood for once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PastDigest {
    /// The digest.
    pub digest: Digest,
    /// When it was resolved.
    pub resolved: Timestamp,
}

/// What was chosen of an image, as it is written.
#[derive(Serialize, JsonSchema)]
struct Chosen {
    /// The platforms. Absent for all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<String>,
    /// Whether attached content comes along: `all` or `none`. Absent where the list doesn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    referrers: Option<&'static str>,
}

/// One reference that would have two digests in a lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reference} stands for two digests: {} and {}", .digests[0], .digests[1])]
pub struct TwoDigests {
    /// The reference.
    pub reference: String,
    /// Both.
    pub digests: [Digest; 2],
}

impl Lock {
    /// A lock of these images, in any order. Of an image that is there twice, the first stays.
    ///
    /// # Errors
    /// If one reference has two digests.
    pub fn new(mut images: Vec<LockedImage>) -> Result<Self, TwoDigests> {
        images.sort_by_cached_key(|image| image.reference.to_string());
        let is_same = |a: &LockedImage, b: &LockedImage| a.reference == b.reference;
        let mut pairs = images.iter().zip(images.iter().skip(1));
        if let Some((first, second)) = pairs.find(|(a, b)| is_same(a, b) && a.digest != b.digest) {
            let digests = [first.digest, second.digest];
            return Err(TwoDigests { reference: first.reference.to_string(), digests });
        }
        images.dedup_by(|next, kept| is_same(kept, next));
        Ok(Lock { schema: SCHEMA, images })
    }

    /// The images, sorted by reference.
    pub fn images(&self) -> &[LockedImage] {
        &self.images
    }

    /// This lock and, of references that it doesn't have, the entries of other locks, with their times and
    /// histories. Of an image that is there twice, the first stays.
    pub fn with_others<'a>(&'a self, others: impl IntoIterator<Item = &'a LockedImage>) -> Lock {
        let mut images = BTreeMap::new();
        for image in self.images.iter().chain(others) {
            images.entry(image.reference.to_string()).or_insert_with(|| image.clone());
        }
        Lock { schema: SCHEMA, images: images.into_values().collect() }
    }

    /// The image that has this reference.
    pub fn find(&self, reference: &SourceReference) -> Option<&LockedImage> {
        let text = reference.to_string();
        let found = self.images.binary_search_by(|image| image.reference.to_string().cmp(&text));
        found.ok().map(|position| &self.images[position])
    }

    /// The images of these groups, and those without a group; without any groups, all.
    ///
    /// # Errors
    /// If the lock has no group of one of the names.
    pub fn of_groups(&self, groups: &[String]) -> Result<Lock, UnknownGroups> {
        check_groups(groups, &self.images.iter().flat_map(|image| image.groups.iter().cloned()).collect())?;
        let is_chosen = |image: &&LockedImage| {
            let of_image = &image.groups;
            groups.is_empty() || of_image.is_empty() || groups.iter().any(|group| of_image.contains(group))
        };
        Ok(Lock { schema: SCHEMA, images: self.images.iter().filter(is_chosen).cloned().collect() })
    }

    /// How many past digests the image with most of them has.
    pub fn longest_history(&self) -> usize {
        self.images.iter().map(|image| image.history.len()).max().unwrap_or_default()
    }

    /// The text of the file: indented by two, a line end at its end, the same bytes for the same lock.
    ///
    /// # Errors
    /// If it can't be written as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(harmless_json(&text).into_owned())
    }
}

impl Default for Lock {
    fn default() -> Self {
        Lock { schema: SCHEMA, images: Vec::new() }
    }
}

impl LockedImage {
    /// The repository at a mirror from which it was fetched, if it was.
    pub fn mirror(&self) -> Option<&Repository> {
        match &self.from {
            Some(FetchedFrom::Mirror(repository)) => Some(repository),
            Some(FetchedFrom::Layout { .. }) | None => None,
        }
    }

    /// The platforms whose content was locked: those that were chosen among those that the index has.
    pub fn chosen_platforms(&self) -> Vec<&LockedPlatform> {
        let is_chosen = |locked: &&LockedPlatform| takes(&self.choice.platforms, &locked.platform);
        self.platforms.iter().filter(is_chosen).collect()
    }
}

/// Whether a choice takes a platform of this name. An empty choice takes all.
pub(super) fn takes(chosen: &[Platform], name: &str) -> bool {
    chosen.is_empty()
        || name.parse().is_ok_and(|platform: Platform| chosen.iter().any(|one| platform.satisfies(one)))
}

/// The word for a choice about attached content.
pub(super) fn word(referrers: Referrers) -> &'static str {
    match referrers {
        Referrers::All => "all",
        Referrers::None => "none",
    }
}

fn is_everything(choice: &Choice) -> bool {
    *choice == Choice::default()
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_optional_text<S: Serializer>(value: &Option<FetchedFrom>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

fn as_chosen<S: Serializer>(choice: &Choice, serializer: S) -> Result<S::Ok, S::Error> {
    let platforms = choice.platforms.iter().map(|platform| platform.normalised().to_string());
    let platforms = BTreeSet::from_iter(platforms).into_iter().collect();
    Chosen { platforms, referrers: choice.referrers.map(word) }.serialize(serializer)
}

fn as_lines<S: Serializer>(lines: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n"))
}
