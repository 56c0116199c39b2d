//! What `airlift lock` says.

use std::path::Path;

use airlift_lists::lock::Difference;
use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

use crate::locks::changes::{Change, Changes};

const LOCK_RESULT: &str = "airlift.lock-result/v1";
const LOCK_CHECK: &str = "airlift.lock-check/v1";

/// What an update changed in a lock.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockResultDocument {
    /// `airlift.lock-result/v1`.
    #[schemars(extend("const" = LOCK_RESULT))]
    pub schema: &'static str,
    /// The lock's path, as it was given.
    pub lock: String,
    /// Whether the file was written. It is not if nothing changes, and in a dry run.
    pub written: bool,
    /// The entries that change, sorted by reference.
    pub images: Vec<LockChange>,
    /// How many entries stay as they are.
    pub unchanged: usize,
}

/// One entry that changes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockChange {
    /// The reference.
    pub reference: String,
    /// What becomes of it.
    pub change: ChangeKind,
    /// The digest before. Absent for an entry that is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// The digest now. Absent for an entry that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Digest>,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// No list asks for it any more.
    Removed,
    /// Its reference stands for another digest.
    Moved,
    /// The digest stays, and its platforms, groups or selector are other ones.
    Changed,
}

/// Whether a lock is that of its lists.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockCheckDocument {
    /// `airlift.lock-check/v1`.
    #[schemars(extend("const" = LOCK_CHECK))]
    pub schema: &'static str,
    /// The lock's path, as it was given.
    pub lock: String,
    /// Whether they agree.
    pub ok: bool,
    /// All differences.
    pub differences: Vec<LockDifference>,
}

/// One difference between a lock and its lists.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockDifference {
    /// The reference, or what the list says instead.
    pub reference: String,
    /// Of which kind it is.
    pub difference: DifferenceKind,
    /// The difference in words.
    pub message: String,
}

/// A kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// The list asks for it, and the lock lacks it.
    Missing,
    /// The lock has it, and no entry asks for it.
    Superfluous,
    /// The list names another digest.
    Digest,
    /// The list chooses other platforms, or says something else about attached content.
    Choice,
    /// Other groups name it.
    Groups,
    /// It came by another tag selector.
    Selector,
    /// It was locked from another place than the list takes it from.
    Source,
}

impl LockResultDocument {
    pub(crate) fn new(lock: &Path, changes: Changes, written: bool) -> Self {
        let images = changes.images.into_iter().map(LockChange::from).collect();
        let (lock, unchanged) = (lock.display().to_string(), changes.unchanged);
        LockResultDocument { schema: LOCK_RESULT, lock, written, images, unchanged }
    }
}

impl From<(String, Change)> for LockChange {
    fn from((reference, change): (String, Change)) -> Self {
        let (change, from, to) = match change {
            Change::Added(digest) => (ChangeKind::Added, None, Some(digest)),
            Change::Moved { from, to } => (ChangeKind::Moved, Some(from), Some(to)),
            Change::Changed(digest) => (ChangeKind::Changed, Some(digest), Some(digest)),
            Change::Removed(digest) => (ChangeKind::Removed, Some(digest), None),
        };
        LockChange { reference, change, from, to }
    }
}

impl LockCheckDocument {
    pub(crate) fn new(lock: &Path, differences: &[Difference], messages: &[String]) -> Self {
        let difference = |(difference, message): (&Difference, &String)| {
            let (reference, kind) = match difference {
                Difference::Missing { wanted, .. } => (wanted.clone(), DifferenceKind::Missing),
                Difference::Superfluous { reference } => (reference.to_string(), DifferenceKind::Superfluous),
                Difference::OtherDigest { reference, .. } => (reference.to_string(), DifferenceKind::Digest),
                Difference::OtherChoice { reference, .. } => (reference.to_string(), DifferenceKind::Choice),
                Difference::OtherGroups { reference } => (reference.to_string(), DifferenceKind::Groups),
                Difference::OtherSelector { reference } => (reference.to_string(), DifferenceKind::Selector),
                Difference::OtherSource { reference, .. } => (reference.to_string(), DifferenceKind::Source),
            };
            LockDifference { reference, difference: kind, message: message.clone() }
        };
        LockCheckDocument {
            schema: LOCK_CHECK,
            lock: lock.display().to_string(),
            ok: differences.is_empty(),
            differences: differences.iter().zip(messages).map(difference).collect(),
        }
    }
}
