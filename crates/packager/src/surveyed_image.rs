//! What a lock says of one image.

use airlift_oci::contents::{self, PlatformContent};
use airlift_oci::{Digest, Graph, Platform, Root};

use crate::choose_platforms::ConfigPlatforms;
use crate::location::Location;
use crate::resolved::Resolved;

/// What a lock says of one image.
#[derive(Clone, Debug)]
pub struct SurveyedImage {
    /// The positions of the requests that ask for it.
    pub requests: Vec<usize>,
    /// Its name in a bundle; `None` for an image of a layout that has none.
    pub reference: Option<String>,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// The type of that.
    pub media_type: String,
    /// Bytes of all configs and layers of the chosen platforms, each once.
    pub size: u64,
    /// All platforms that the index has, chosen or not.
    pub platforms: Vec<PlatformContent>,
    /// The platforms that its layout has of it, if these are not all.
    pub layout_platforms: Vec<Platform>,
    /// What it is called by: its own repository, or a layout.
    pub location: Location,
    /// What gave its manifest: a mirror, its own repository, or a layout.
    pub fetched_from: Location,
}

impl SurveyedImage {
    /// The images that were asked for. `images` are those of the graph's roots.
    pub(crate) fn all(images: &[Resolved], graph: &Graph, configs: &ConfigPlatforms) -> Vec<Self> {
        let asked = images.iter().zip(&graph.roots).filter(|(image, _)| !image.requests.is_empty());
        let surveyed = |(image, root): (&Resolved, &Root)| SurveyedImage {
            requests: image.requests.clone(),
            reference: root.reference.clone(),
            digest: root.descriptor.digest,
            media_type: root.descriptor.media_type.clone(),
            size: contents::blob_size_of(graph, root),
            platforms: contents::contents_by(graph, root, |leaf| configs.of(leaf).cloned())
                .into_iter()
                .map(|one| of_layout(one, &image.layout_platforms))
                .collect(),
            layout_platforms: image.layout_platforms.clone(),
            location: image.location.clone(),
            fetched_from: image.fetched_from.clone(),
        };
        asked.map(surveyed).collect()
    }
}

/// What a layout has of a platform: nothing, if it is none of those that are there. No platforms: all are.
fn of_layout(one: PlatformContent, there: &[Platform]) -> PlatformContent {
    let is_it =
        |there: &Platform| one.platform.parse().is_ok_and(|platform: Platform| platform.satisfies(there));
    let is_there = there.is_empty() || there.iter().any(is_it);
    PlatformContent { size: if is_there { one.size } else { 0 }, ..one }
}
