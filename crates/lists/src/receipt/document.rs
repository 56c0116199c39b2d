//! What is read of a receipt: all that proves later what was pushed.

use airlift_oci::{Digest, Reference};
use schemars::JsonSchema;
use serde::Serialize;

use crate::timestamp::Timestamp;

/// A receipt as it was read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptFile {
    /// The id of the bundle that was pushed.
    pub bundle: Option<Digest>,
    /// The destination, as the user gave it.
    pub target: String,
    /// When the push ended. Receipts of older versions lack it.
    pub at: Option<Timestamp>,
    /// Whether the push ended before all images were through.
    pub interrupted: bool,
    /// The images, in the order of the file.
    pub images: Vec<ReceiptImage>,
    /// What was asked for and could not be had at the source.
    pub failed: Vec<String>,
}

/// One image of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptImage {
    /// Its name at the source. Layouts of other tools have any text.
    pub source: String,
    /// Its name at the target.
    pub target: Reference,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// That one's media type.
    pub media_type: String,
    /// What became of it.
    pub status: ReceiptStatus,
    /// The platforms that were left out by choice.
    pub omitted_platforms: Vec<String>,
    /// The manifests below it that are at the target.
    pub children: Vec<Digest>,
    /// The manifests of what is attached to it that are at the target.
    pub referrers: Vec<Digest>,
    /// What its tag stood for before, and since. Receipts of older versions lack it.
    pub tag: Option<TagMove>,
    /// When it was through. Receipts of older versions lack it.
    pub at: Option<Timestamp>,
    /// The lists of referrers that the push wrote.
    pub fallback_tags: Vec<ReceiptTag>,
    /// The tags of what is attached, such as cosign's. Receipts of older versions lack them.
    pub referrer_tags: Vec<ReceiptTag>,
    /// Where only single platforms were pushed: their manifests. `digest` is not at the target then.
    pub selected_children: Vec<ReceiptTag>,
}

/// What became of an image of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// It was sent, and read back byte for byte.
    Pushed,
    /// It was there already.
    Present,
    /// It did not arrive.
    Failed,
    /// The push ended while it was on its way.
    Interrupted,
    /// The push ended before its turn came.
    Waiting,
}

/// What a tag stood for before and after a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TagMove {
    /// Before. Absent where the tag was not there, or the registry didn't show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// Since.
    pub to: Digest,
}

/// A manifest that a push wrote beside an image, under a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptTag {
    /// Its name at the target.
    pub target: Reference,
    /// Its digest.
    pub digest: Digest,
}

impl ReceiptStatus {
    pub(super) const ALL: [(ReceiptStatus, &str); 5] = [
        (ReceiptStatus::Pushed, "pushed"),
        (ReceiptStatus::Present, "present"),
        (ReceiptStatus::Failed, "failed"),
        (ReceiptStatus::Interrupted, "interrupted"),
        (ReceiptStatus::Waiting, "waiting"),
    ];

    /// Whether the image was at the target when the receipt was written.
    pub fn is_there(self) -> bool {
        matches!(self, ReceiptStatus::Pushed | ReceiptStatus::Present)
    }
}
