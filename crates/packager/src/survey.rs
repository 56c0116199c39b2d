//! What a lock says of images: their platforms and sizes. No blob is fetched for it, except configs that
//! alone say of which platform an image is.

use std::sync::Arc;

use airlift_oci::contents::{self, PlatformContent};
use airlift_oci::{Digest, Observer, Referrers};

use crate::attempts::{Attempted, EachOnce, attempt};
use crate::error::PackError;
use crate::options::PlanOptions;
use crate::plan::Planned;
use crate::resolved::Resolved;
use crate::source::Source;
use crate::walk::Walker;

/// What a lock says of one image.
#[derive(Clone, Debug)]
pub struct SurveyedImage {
    /// Its full name, as the bundle's `index.json` has it.
    pub reference: String,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// The type of that.
    pub media_type: String,
    /// Bytes of all configs and layers of the chosen platforms, each once.
    pub size: u64,
    /// All platforms that the index has, chosen or not.
    pub platforms: Vec<PlatformContent>,
}

/// Fetches all manifests of the images, and says what is below them. Nothing that is attached to them is
/// looked for.
pub async fn survey(
    source: &Arc<Source>,
    images: Vec<Resolved>,
    options: &PlanOptions,
    observer: &dyn Observer,
) -> Attempted<Vec<SurveyedImage>> {
    let observer = EachOnce::new(observer);
    let walker = Walker::new(source, options, &observer);
    attempt(images, async |images| survey_all(&walker, images, options).await).await
}

async fn survey_all(
    walker: &Walker<'_>,
    mut images: Vec<Resolved>,
    options: &PlanOptions,
) -> Result<Vec<SurveyedImage>, PackError> {
    for image in &mut images {
        image.choice.referrers = Referrers::None;
    }
    let Planned { images, graph, configs, .. } = Planned::new(walker, images, options).await?;
    let surveyed = |(image, root): (&Resolved, &airlift_oci::Root)| SurveyedImage {
        reference: image.root.reference.clone().unwrap_or_default(),
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
        size: contents::blob_size_of(&graph, root),
        platforms: contents::contents_by(&graph, root, |leaf| configs.of(leaf).cloned()),
    };
    Ok(images.iter().zip(&graph.roots).map(surveyed).collect())
}
