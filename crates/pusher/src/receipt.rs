//! The receipt: what the target holds now, as it was read back.

use airlift_lists::Timestamp;
use airlift_lists::receipt::TagMove;
use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

use crate::failed_source::FailedSource;
use crate::fault::{Fault, KnownCause};
use crate::image_error::ImageError;
use crate::plan::planned_image::PlannedImage;
use crate::request::Request;

/// What the receipt calls itself.
pub const SCHEMA: &str = "airlift.receipt/v1";

/// What a push did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// `airlift.receipt/v1`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: &'static str,
    /// The bundle's id.
    pub bundle: Digest,
    /// The destination, as it was given.
    pub target: String,
    /// Whether everything is at the target: each image, and the lists of what is attached to it.
    pub ok: bool,
    /// Whether the push ended before all images were through. Such a receipt is written on the way, and
    /// replaced at the end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// When the push ended. While it goes on: when this was written.
    pub at: Timestamp,
    /// The images, in the bundle's order.
    pub images: Vec<ImageReceipt>,
    /// What was asked for and could not be had at the source, so that nothing of it was pushed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedSource>,
}

/// What became of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was sent, and read back byte for byte.
    Pushed,
    /// It was there already.
    Present,
    /// It is not there; `error` says why.
    Failed,
    /// The push ended while it was on its way.
    Interrupted,
    /// The push ended before its turn came.
    Waiting,
}

/// One image of a push.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageReceipt {
    /// Its name in the bundle.
    pub source: String,
    /// Its name at the target.
    pub target: String,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// That one's media type.
    pub media_type: String,
    /// The platforms that the bundle leaves out by choice.
    pub omitted_platforms: Vec<String>,
    /// What became of it.
    pub status: Status,
    /// Whether it is there with all that is attached to it, listed where clients look for it.
    pub ok: bool,
    /// Whether `digest` resolves at the target. It doesn't where only single platforms were pushed. After a
    /// failure the registry was asked; one that could not be reached gives `false`.
    pub digest_resolves: bool,
    /// What its tag stood for before the push, and since, as it was read back. Absent where no tag was
    /// written, and where it did not get so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<TagMove>,
    /// When it was through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// After a failure: what the tag stands for at the target now, as far as the registry says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_digest: Option<Digest>,
    /// The manifests below it, which the target holds too.
    pub children: Vec<Digest>,
    /// What is attached to this image and is at the target, too.
    pub referrers: Vec<Digest>,
    /// Lists of referrers that were written because the registry keeps none itself. These manifests are not
    /// in the bundle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallback_tags: Vec<FallbackTag>,
    /// The tags of what is attached, such as those by which cosign finds signatures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrer_tags: Vec<ReferrerTag>,
    /// What is at the target, and not listed there as attached: clients will not find it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<Unlisted>,
    /// Where only single platforms were pushed: what they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selected_children: Vec<SelectedChild>,
    /// Bytes of blobs that were sent.
    pub uploaded: u64,
    /// Bytes of blobs that the registry took from another of its repositories.
    pub mounted: u64,
    /// Bytes of blobs that were there already.
    pub skipped: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Which side caused the failure; for exit codes, not for the receipt.
    #[serde(skip)]
    pub fault: Option<Fault>,
    /// Why it failed, where the caller can give advice; for people, not for the receipt.
    #[serde(skip)]
    pub cause: Option<KnownCause>,
}

/// A list of referrers that Airlift wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FallbackTag {
    /// Its tag at the target.
    pub target: String,
    /// Its digest.
    pub digest: Digest,
}

/// The tag of something attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerTag {
    /// The tag at the target.
    pub target: String,
    /// What it stands for.
    pub digest: Digest,
}

/// Referrers that the registry can't list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unlisted {
    /// What they are attached to.
    pub subject: Digest,
    /// What is not listed.
    pub referrers: Vec<Digest>,
    /// Why not.
    pub reason: String,
    /// The same, where the caller can give advice; for people, not for the receipt.
    #[serde(skip)]
    pub cause: Option<KnownCause>,
}

/// One platform's manifest that was pushed without its index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectedChild {
    /// Its tag at the target.
    pub target: String,
    /// Its digest.
    pub digest: Digest,
    /// What it is for, where anything says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

impl ImageReceipt {
    /// Whether its push is over, with success or not.
    pub fn is_through(&self) -> bool {
        matches!(self.status, Status::Pushed | Status::Present | Status::Failed)
    }

    /// An image of which nothing is known yet.
    pub(crate) fn new(image: &PlannedImage) -> Self {
        ImageReceipt {
            source: image.source.clone(),
            target: image.target.to_string(),
            digest: image.digest,
            media_type: image.media_type.clone(),
            omitted_platforms: image.omitted_platforms.clone(),
            status: Status::Waiting,
            ok: false,
            digest_resolves: false,
            tag: None,
            at: None,
            tag_digest: None,
            children: Vec::new(),
            referrers: Vec::new(),
            fallback_tags: Vec::new(),
            referrer_tags: Vec::new(),
            unlisted: Vec::new(),
            selected_children: Vec::new(),
            uploaded: 0,
            mounted: 0,
            skipped: 0,
            error: None,
            fault: None,
            cause: None,
        }
    }

    /// Notes that it failed, and why.
    pub(crate) fn fail(&mut self, error: &ImageError) {
        self.status = Status::Failed;
        self.ok = false;
        self.fault = Some(error.fault());
        self.error = Some(error.in_one_line());
        self.cause = error.known_cause();
    }

    /// Takes over what became of a list of referrers in the end, if it is one of this image's.
    pub(crate) fn settle_list(&mut self, target: &str, settled: &Result<Digest, ImageError>) {
        let Some(list) = self.fallback_tags.iter_mut().find(|list| list.target == target) else { return };
        match settled {
            Ok(digest) => list.digest = *digest,
            Err(error) => self.fail(error),
        }
    }

    /// Notes that these can't be listed.
    pub(crate) fn give_up_listing(&mut self, unlisted: Unlisted) {
        self.fault = Some(Fault::Registry);
        self.unlisted.push(unlisted);
    }
}

/// How a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is there.
    Done,
    /// Something isn't: the cause is the registry, the network, or damage to the bundle.
    Failed,
    /// Tags that stand for something else were left alone, and nothing else is missing.
    Refused,
    /// The bundle could not be read.
    Unreadable,
}

impl Receipt {
    /// The receipt of a push as far as it has come.
    pub(crate) fn new(request: &Request<'_>, images: Vec<ImageReceipt>) -> Self {
        Receipt {
            schema: SCHEMA,
            bundle: request.source.id(),
            target: request.plan.destination().to_string(),
            ok: images.iter().all(|image| image.ok) && request.failed.is_empty(),
            interrupted: !images.iter().all(ImageReceipt::is_through),
            at: (request.clock)(),
            images,
            failed: request.failed.to_vec(),
        }
    }

    /// How the push ended.
    pub fn verdict(&self) -> Verdict {
        let any = |fault| self.images.iter().any(|image| image.fault == Some(fault));
        if any(Fault::Local) {
            Verdict::Unreadable
        } else if any(Fault::Registry) || any(Fault::Bundle) {
            Verdict::Failed
        } else if any(Fault::Policy) {
            Verdict::Refused
        } else {
            Verdict::Done
        }
    }
}
