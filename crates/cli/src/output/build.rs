//! What `airlift build` says.

use std::path::Path;

use airlift_bundle::volumes::{Volume, VolumeRange, VolumeSet};
use airlift_bundle::write::zst::size_at_most;
use airlift_bundle::{Plan, zst};
use airlift_oci::Digest;
use airlift_packager::{Fetched, ImagePlan, Packing};
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

/// The size of a bundle that was written: by the plan, or, where how much compression gains had to be seen,
/// by the file.
pub(crate) fn size_at(bundle: &Path, layout: &Plan) -> u64 {
    let found = zst::is_asked_for(bundle).then(|| std::fs::metadata(bundle).ok()).flatten();
    found.map_or(layout.size(), |file| file.len())
}

impl BuildDocument {
    pub(crate) fn new(bundle: &Path, packing: &Packing, fetched: Fetched) -> Self {
        BuildDocument {
            schema: BUILD,
            bundle: bundle.display().to_string(),
            id: packing.layout().id(),
            size: size_at(bundle, packing.layout()),
            downloaded: fetched.downloaded,
            reused: fetched.reused,
            images: packing.images().iter().map(PlannedImage::from).collect(),
            volumes: None,
        }
    }

    pub(crate) fn in_volumes(self, set: Option<VolumeSet>) -> Self {
        BuildDocument { volumes: set.map(|set| set.volumes), ..self }
    }
}

impl PlanDocument {
    pub(crate) fn in_volumes(self, spans: Option<&[VolumeRange]>) -> Self {
        let volume = |span: &VolumeRange| PlannedVolume { number: span.number, size: span.size };
        PlanDocument { volumes: spans.map(|spans| spans.iter().map(volume).collect()), ..self }
    }

    pub(crate) fn new(bundle: Option<&Path>, packing: &Packing, foreseen: Fetched) -> Self {
        let layout = packing.layout();
        let in_frames = bundle.is_some_and(zst::is_asked_for);
        PlanDocument {
            schema: PLAN,
            bundle: bundle.map(|path| path.display().to_string()),
            id: layout.id(),
            size: if in_frames { size_at_most(layout) } else { layout.size() },
            downloaded: foreseen.downloaded,
            reused: foreseen.reused,
            images: packing.images().iter().map(PlannedImage::from).collect(),
            volumes: None,
            blobs: None,
        }
    }

    pub(crate) fn with_blobs(self, packing: &Packing) -> Self {
        let layout = packing.layout();
        let blob = |entry: &airlift_bundle::PlannedEntry| PlannedBlob {
            digest: entry.digest,
            size: entry.size,
            offset: entry.data_offset,
            path: layout.path_of(entry),
        };
        PlanDocument { blobs: Some(layout.blobs().map(blob).collect()), ..self }
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
