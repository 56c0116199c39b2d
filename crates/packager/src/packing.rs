//! A plan with all that is needed to carry it out.

use std::collections::HashMap;
use std::sync::Arc;

use airlift_bundle::plan::Content;
use airlift_bundle::resume::ResumeState;
use airlift_bundle::{Plan, PlannedEntry};
use airlift_oci::Digest;
use airlift_oci::graph::BlobEntry;

use crate::blob_job::BlobJob;
use crate::blob_supply::WantedBlob;
use crate::choose_platforms::ConfigPlatforms;
use crate::location::Location;
use crate::origin::Origin;
use crate::source::Source;
use crate::surveyed_image::SurveyedImage;

/// One image of a plan, as people want to see it.
#[derive(Clone, Debug)]
pub struct ImagePlan {
    /// The name in the bundle.
    pub reference: String,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// That one's media type.
    pub media_type: String,
    /// The platforms that are carried.
    pub platforms: Vec<String>,
    /// The platforms that are left out.
    pub omitted_platforms: Vec<String>,
    /// Bytes of its manifests and the blobs that are carried, what it shares with other images included.
    pub size: u64,
    /// What is attached to it, directly or not, and comes along.
    pub referrers: Vec<Digest>,
    /// What is listed as attached to it, directly or not, and is not at the source any more.
    pub missing_referrers: Vec<Digest>,
}

/// A plan with all that is needed to carry it out.
pub struct Packing {
    pub(crate) source: Arc<Source>,
    pub(crate) plan: Arc<Plan>,
    /// For each root: where its content is taken from.
    pub(crate) locations: Vec<Location>,
    /// What configs say of platforms that no index names.
    pub(crate) configs: ConfigPlatforms,
    /// Blobs that come from elsewhere.
    pub(crate) origins: HashMap<Digest, Origin>,
    pub(crate) images: Vec<ImagePlan>,
    pub(crate) surveyed: Vec<SurveyedImage>,
    /// The names of images that were asked for, and have none of the chosen platforms.
    pub(crate) left_out: Vec<String>,
}

impl Packing {
    /// The plan of the archive.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The images, in the bundle's order.
    pub fn images(&self) -> &[ImagePlan] {
        &self.images
    }

    /// What a lock says of the images that were asked for.
    pub fn surveyed(&self) -> &[SurveyedImage] {
        &self.surveyed
    }

    /// The names of the images that were asked for and are left out, because they have none of the chosen
    /// platforms.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The job of writing one blob of the plan, of which the output has as much as `state` says.
    pub(crate) fn job(&self, entry: &PlannedEntry, state: ResumeState) -> Option<BlobJob> {
        let Content::Blob(position) = entry.content else { return None };
        let graph = self.plan.graph();
        let blob = graph.blob(position)?;
        let wanted = WantedBlob {
            entry: *entry,
            descriptor: blob.descriptor.read(),
            path: graph.path_of_blob(&blob),
            origin: self.origin_of(&blob)?,
            state,
        };
        Some(self.source.blobs.job(wanted))
    }

    /// Where a blob is fetched from.
    fn origin_of(&self, blob: &BlobEntry<'_>) -> Option<Origin> {
        let known = self.origins.get(&blob.descriptor.digest).cloned();
        known.or_else(|| {
            let root = self.plan.graph().manifests.get(blob.manifest)?.root;
            self.locations.get(root).cloned().map(Origin::from)
        })
    }
}
