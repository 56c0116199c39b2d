//! What `airlift build` says.

use std::path::Path;

use airlift_bundle::volumes::{Volume, VolumeRange};
use airlift_bundle::write::output::Measure;
use airlift_oci::Digest;
use airlift_packager::{Built, Fetched, ImagePlan, Packing};
use schemars::JsonSchema;
use serde::Serialize;

const BUILD: &str = "airlift.build/v1";
const PLAN: &str = "airlift.plan/v1";

/// What was built.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildDocument {
    /// `airlift.build/v1`.
    #[schemars(extend("const" = BUILD))]
    pub schema: &'static str,
    /// The bundle's path, as it was given.
    pub bundle: String,
    /// The bundle's id: the digest of its `index.json`.
    pub id: Digest,
    /// The archive's size in bytes.
    pub size: u64,
    /// Bytes of blobs that came over the network.
    pub downloaded: u64,
    /// Bytes of blobs that were there already, hashed again.
    pub reused: u64,
    /// The images, in the bundle's order.
    pub images: Vec<PlannedImage>,
    /// Images that were asked for and have none of the chosen platforms, so `--allow-missing-platform` leaves
    /// them out. Absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Images that can't be had, which `--keep-going` leaves out, as they were asked for. Absent where there
    /// are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// The volumes, in order; only with `--volume-size`. `bundle` is then the path of their manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<Volume>>,
}

/// What would be built.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanDocument {
    /// `airlift.plan/v1`.
    #[schemars(extend("const" = PLAN))]
    pub schema: &'static str,
    /// The bundle's path, as it was given; `null` where none was.
    pub bundle: Option<String>,
    /// The id that the bundle will have: the digest of its `index.json`.
    pub id: Digest,
    /// The size in bytes that the archive will have.
    pub size: u64,
    /// Bytes of blobs that would be fetched.
    pub downloaded: u64,
    /// Bytes of blobs that need no fetching: what `--reuse`, the output and an unfinished bundle beside it
    /// have, hashed, and what descriptors carry themselves.
    pub reused: u64,
    /// The images, in the bundle's order.
    pub images: Vec<PlannedImage>,
    /// Images that were asked for and have none of the chosen platforms, so `--allow-missing-platform` leaves
    /// them out. Absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Images that can't be had, which `--keep-going` leaves out, as they were asked for. Absent where there
    /// are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// The volumes that there would be, in order; only with `--volume-size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<PlannedVolume>>,
    /// The blobs, in the archive's order; only with `-v`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blobs: Option<Vec<PlannedBlob>>,
}

/// One volume.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedVolume {
    /// Its number, from 1.
    pub number: usize,
    /// Its size in bytes.
    pub size: u64,
}

/// One image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedImage {
    /// Its full name in the bundle.
    pub reference: String,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// That one's media type.
    pub media_type: String,
    /// The platforms that are carried.
    pub platforms: Vec<String>,
    /// The platforms that were left out by choice.
    pub omitted_platforms: Vec<String>,
    /// Bytes of its manifests and blobs, what it shares with other images included.
    pub size: u64,
    /// What is attached to it and comes along: signatures, SBOMs, attestations.
    pub referrers: Vec<Digest>,
    /// What its registry lists as attached to it and doesn't have any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_referrers: Vec<Digest>,
}

/// One blob with its place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where its first byte will be in the archive, in bytes from the archive's start.
    pub offset: u64,
    /// Image, platform and part at its first use, outermost first.
    pub path: Vec<String>,
}

impl BuildDocument {
    pub(crate) fn new(bundle: &Path, packing: &Packing, built: Built, failed: Vec<String>) -> Self {
        let Built { fetched, published, .. } = built;
        BuildDocument {
            schema: BUILD,
            bundle: bundle.display().to_string(),
            id: packing.plan().id(),
            size: published.size,
            downloaded: fetched.downloaded,
            reused: fetched.reused,
            images: packing.images().iter().map(PlannedImage::from).collect(),
            left_out: packing.left_out().to_vec(),
            failed,
            volumes: published.volumes.map(|set| set.volumes),
        }
    }
}

impl PlanDocument {
    pub(crate) fn new(
        bundle: Option<&Path>,
        packing: &Packing,
        forecast: Fetched,
        measure: &Measure,
        failed: Vec<String>,
    ) -> Self {
        let volume = |range: &VolumeRange| PlannedVolume { number: range.number, size: range.size };
        PlanDocument {
            schema: PLAN,
            bundle: bundle.map(|path| path.display().to_string()),
            id: packing.plan().id(),
            size: measure.size.bytes(),
            downloaded: forecast.downloaded,
            reused: forecast.reused,
            images: packing.images().iter().map(PlannedImage::from).collect(),
            left_out: packing.left_out().to_vec(),
            failed,
            volumes: measure.volumes.as_ref().map(|ranges| ranges.iter().map(volume).collect()),
            blobs: None,
        }
    }

    pub(crate) fn with_blobs(self, packing: &Packing) -> Self {
        let plan = packing.plan();
        let blob = |entry: airlift_bundle::PlannedEntry| PlannedBlob {
            digest: entry.digest,
            size: entry.size,
            offset: entry.data_offset,
            path: plan.path_of(&entry),
        };
        PlanDocument { blobs: Some(plan.blobs().map(blob).collect()), ..self }
    }
}

impl From<&ImagePlan> for PlannedImage {
    fn from(image: &ImagePlan) -> Self {
        PlannedImage {
            reference: image.reference.clone(),
            digest: image.digest,
            media_type: image.media_type.clone(),
            platforms: image.platforms.clone(),
            omitted_platforms: image.omitted_platforms.clone(),
            size: image.size,
            referrers: image.referrers.clone(),
            missing_referrers: image.missing_referrers.clone(),
        }
    }
}
