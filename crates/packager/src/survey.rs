//! What a lock says of images: their platforms and sizes. No blob is fetched for it, except configs that
//! alone say of which platform an image is.

use std::sync::Arc;

use airlift_oci::{Observer, Referrers};

use crate::attempts::{Attempted, EachOnce, attempt};
use crate::error::PackError;
use crate::options::PlanOptions;
use crate::plan::Planned;
use crate::resolved::Resolved;
use crate::source::Source;
use crate::surveyed_image::SurveyedImage;
use crate::walk::Walker;

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
    let planned = Planned::new(walker, images, options).await?;
    Ok(SurveyedImage::all(&planned.images, &planned.graph, &planned.configs))
}
