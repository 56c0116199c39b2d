//! What `airlift push --dry-run` says.

use airlift_oci::Digest;
use airlift_pusher::{PlannedAttached, PlannedImage, Preview, PushPlan, TagState};
use schemars::JsonSchema;
use serde::Serialize;

const PUSH_PLAN: &str = "airlift.push-plan/v1";

/// What would be pushed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushPlanDocument {
    /// `airlift.push-plan/v1`.
    #[schemars(extend("const" = PUSH_PLAN))]
    pub schema: &'static str,
    /// The destination, as it was given.
    pub target: String,
    /// The projects that would be created at the target first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_projects: Vec<String>,
    /// The images, in the bundle's order.
    pub images: Vec<PushedImage>,
}

/// One image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushedImage {
    /// Its name in the bundle.
    pub source: String,
    /// Its name at the target.
    pub target: String,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// That one's media type.
    pub media_type: String,
    /// The platforms that it is for.
    pub platforms: Vec<String>,
    /// The platforms that were left out by choice.
    pub omitted_platforms: Vec<String>,
    /// Manifests of its index that the bundle leaves out, by platform. Where there are any, the registry is
    /// asked first whether it takes such an index.
    pub omitted: Vec<String>,
    /// Bytes of its manifests and blobs.
    pub size: u64,
    /// What stands under its name at the target.
    pub status: Found,
    /// The digest that stands there, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub there: Option<Digest>,
    /// Signatures, SBOMs and the like that go with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<PushedAttached>,
}

/// Something that is attached to an image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushedAttached {
    /// Its tag at the target, or its digest there.
    pub target: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest that it is attached to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// What kind of artifact it is, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What stands there.
    pub status: Found,
    /// The digest that stands there, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub there: Option<Digest>,
}

/// What stands under a name.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// Nothing.
    New,
    /// The image itself.
    Present,
    /// Something else.
    Taken,
    /// That can't be known: the registry shows neither the tag nor a list of tags, or refuses to answer.
    Unknown,
}

fn found(standing: Option<&TagState>) -> (Found, Option<Digest>) {
    match standing {
        Some(TagState::Absent) => (Found::New, None),
        Some(TagState::Present) => (Found::Present, None),
        Some(TagState::Other(there)) => (Found::Taken, Some(*there)),
        Some(TagState::Hidden(_)) | None => (Found::Unknown, None),
    }
}

impl PushedAttached {
    fn new((attached, standing): (&PlannedAttached, &Option<TagState>)) -> Self {
        let (status, there) = found(standing.as_ref());
        PushedAttached {
            target: attached.target.clone(),
            digest: attached.digest,
            subject: attached.subject,
            artifact_type: attached.artifact_type.clone(),
            status,
            there,
        }
    }
}

impl PushPlanDocument {
    pub(crate) fn new(plan: &PushPlan, preview: &Preview) -> Self {
        let standings = preview.images.iter().zip(&preview.attached);
        let image =
            |(image, (standing, attached)): (&PlannedImage, (&Option<TagState>, &Vec<Option<TagState>>))| {
                let (status, there) = found(standing.as_ref());
                PushedImage {
                    source: image.source.clone(),
                    target: image.target.to_string(),
                    digest: image.digest,
                    media_type: image.media_type.clone(),
                    platforms: image.platforms.clone(),
                    omitted_platforms: image.omitted_platforms.clone(),
                    omitted: image.omitted.iter().map(|child| child.label.clone()).collect(),
                    size: image.size,
                    status,
                    there,
                    attached: image.attached.iter().zip(attached).map(PushedAttached::new).collect(),
                }
            };
        PushPlanDocument {
            schema: PUSH_PLAN,
            target: plan.destination().to_string(),
            missing_projects: preview.missing_projects.clone(),
            images: plan.images().iter().zip(standings).map(image).collect(),
        }
    }
}
