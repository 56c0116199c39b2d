//! What a push would find and be refused, found out without sending an image.

use airlift_registry::Error;
use futures::{StreamExt, TryStreamExt};

use crate::plan::{Options, PushPlan, TagMoves};
use crate::push::{PushError, Request, is_registry};
use crate::sparse::Route;
use crate::survey::{Standing, standing, survey};
use crate::tags::{hidden_beside, look_beside, refuse_taken_beside};

/// What a push would find.
#[derive(Debug)]
pub struct Preview {
    /// What stands under each image's name, in the plan's order.
    pub images: Vec<Standing>,
    /// The same of what is attached to each image, in the order of
    /// [`PlannedImage::attached`](crate::PlannedImage::attached).
    pub attached: Vec<Vec<Standing>>,
    /// What the push would be refused for, before anything moves.
    pub refusal: Option<PushError>,
}

/// Asks the target what is there, and whether it takes what the bundle has, as [`push`](crate::push()) does
/// before anything moves. For that, an index that is made up may be sent and deleted again, if the options
/// don't forbid it.
///
/// # Errors
/// If the registry can't be asked.
pub async fn preview(request: &Request<'_>) -> Result<Preview, PushError> {
    let Request { source, plan, transport, options, observer } = *request;
    let failed = |source| PushError::Registry { host: plan.destination().host().clone(), source };
    let mut standings = survey(plan, transport, options.jobs, observer).await;
    is_registry(plan, &standings, transport).await?;
    if let Some(position) = standings.iter().position(Result::is_err)
        && let Err(source) = standings.swap_remove(position)
    {
        return Err(failed(source));
    }
    let refusal = match request.routes(&mut standings).await {
        Ok(routes) => {
            let beside = look_beside(&**source, plan, transport, &routes, options).await;
            let taken = refuse_taken_beside(&beside).err();
            let hidden = taken.or_else(|| hidden_tag(plan, &standings, &routes, options));
            hidden.or_else(|| hidden_beside(beside))
        }
        Err(refusal) => Some(refusal),
    };
    let images: Result<Vec<Standing>, Error> = standings.into_iter().collect();
    let images = images.map_err(failed)?;
    let attached = attached(request).await.map_err(failed)?;
    Ok(Preview { images, attached, refusal })
}

/// A tag of which nothing can be known. The push refuses its image alone.
fn hidden_tag(
    plan: &PushPlan,
    standings: &[Result<Standing, Error>],
    routes: &[Route],
    options: &Options,
) -> Option<PushError> {
    let mut images = plan.images.iter().zip(standings).zip(routes);
    images.find_map(|((image, standing), route)| match standing {
        Ok(Standing::Hidden(refusal)) if *route == Route::Whole && options.tags == TagMoves::Refuse => {
            let source = Error::from(refusal.as_ref().clone());
            Some(PushError::TagHidden { target: image.target.to_string(), source })
        }
        _ => None,
    })
}

async fn attached(request: &Request<'_>) -> Result<Vec<Vec<Standing>>, Error> {
    let mut found = Vec::with_capacity(request.plan.images.len());
    for image in &request.plan.images {
        let asks = image.attached.iter().map(|attached| {
            standing(&attached.tree.repository, &attached.tree.selector, &attached.digest, request.transport)
        });
        let asks: Vec<_> = asks.collect();
        let answers = futures::stream::iter(asks).buffered(request.options.jobs.max(1));
        found.push(answers.try_collect().await?);
    }
    Ok(found)
}
