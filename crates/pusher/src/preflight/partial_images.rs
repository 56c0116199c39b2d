//! Decides, before anything moves, whether partial images go with their index. A registry that doesn't take
//! such an index would refuse it only after hours.

use airlift_registry::{Error, HeadTrust};
use futures::{StreamExt, TryStreamExt};

use crate::error::PushError;
use crate::existence::{Content, is_complete, look_up};
use crate::options::{Partial, Presence, Probe};
use crate::plan::omitted::OmittedChild;
use crate::plan::planned_image::{ImageForm, PlannedImage};
use crate::preflight::sparse::{Certainty, ProbeOutcome, SparseRefusal, probe};
use crate::preflight::tag_state::TagState;
use crate::request::Request;

/// Decides on partial images.
pub(crate) struct PartialImages<'a> {
    pub(crate) request: &'a Request<'a>,
}

impl PartialImages<'_> {
    /// How much of each image goes. A partial image that seems to be present is looked at more closely, and
    /// any image if that was asked for: the children that the bundle carries and their blobs must answer,
    /// too, or it counts as absent.
    ///
    /// # Errors
    /// [`PushError::Sparse`].
    pub(crate) async fn image_forms(
        &self,
        states: &mut [Result<TagState, Error>],
    ) -> Result<Vec<ImageForm>, PushError> {
        let (plan, options) = (self.request.plan, self.request.options);
        let mut forms = vec![ImageForm::Whole; plan.images.len()];
        let mut refused = Vec::new();
        let looks: Vec<_> =
            plan.images.iter().zip(states).map(|(image, state)| self.lacks_omitted(image, state)).collect();
        let lacks: Vec<bool> =
            futures::stream::iter(looks).buffered(self.request.concurrency().tasks).collect().await;
        for (position, (image, lacks)) in plan.images.iter().zip(lacks).enumerate() {
            match lacks {
                false => {}
                true if options.partial == Partial::Children => forms[position] = ImageForm::WithoutIndex,
                true => refused.push(image),
            }
        }
        if refused.is_empty() || options.probe == Probe::Skip {
            return Ok(forms);
        }
        self.ask(&refused).await.map(|()| forms)
    }

    /// Whether an image has to be sent and the target lacks some of the children that the bundle leaves out.
    /// If that can't be looked at, `state` becomes the image's own error.
    async fn lacks_omitted(&self, image: &PlannedImage, state: &mut Result<TagState, Error>) -> bool {
        let Ok(found) = state else { return false };
        let is_partial = !image.omitted.is_empty();
        let transport = self.request.transport;
        if *found == TagState::Present && (is_partial || self.request.options.presence == Presence::Content) {
            match is_complete(transport, &image.tree, self.request.concurrency().tasks).await {
                Ok(true) => return false,
                Ok(false) => *state = Ok(TagState::Absent),
                Err(error) => {
                    *state = Err(error);
                    return false;
                }
            }
        }
        if !is_partial {
            return false;
        }
        match self.has_all_omitted(image).await {
            Ok(has_all) => !has_all,
            Err(error) => {
                *state = Err(error);
                false
            }
        }
    }

    /// Whether all omitted children of an image are in the target repository already: then the index is
    /// complete there.
    async fn has_all_omitted(&self, image: &PlannedImage) -> Result<bool, Error> {
        let (transport, repository) = (self.request.transport, image.target.repository());
        let look = |child: &OmittedChild| {
            look_up(transport, repository, Content::Manifest(child.digest), HeadTrust::IfFound)
        };
        let looks: Vec<_> = image.omitted.iter().map(look).collect();
        let found: Vec<_> =
            futures::stream::iter(looks).buffered(self.request.concurrency().tasks).try_collect().await?;
        Ok(found.into_iter().all(|lookup| lookup.there().is_some()))
    }

    /// Asks the registry, once, whether it takes what `images` lack.
    async fn ask(&self, images: &[&PlannedImage]) -> Result<(), PushError> {
        let Some(first) = images.first() else { return Ok(()) };
        let Request { plan, transport, observer, .. } = *self.request;
        let mut omitted: Vec<OmittedChild> = Vec::new();
        for child in images.iter().flat_map(|image| &image.omitted) {
            if !omitted.iter().any(|known| known.platform == child.platform) {
                omitted.push(child.clone());
            }
        }
        let (certainty, answer) = match probe(transport, first.target.repository(), &omitted, observer).await
        {
            ProbeOutcome::Accepts => return Ok(()),
            ProbeOutcome::Refuses(answer) => (Certainty::Refuses, answer),
            ProbeOutcome::Inconclusive(answer) => (Certainty::Inconclusive, answer),
        };
        let left_out = |image: &&PlannedImage| (image.source.clone(), image.digest, image.omitted.clone());
        Err(PushError::Sparse(Box::new(SparseRefusal {
            registry: plan.destination().host().to_string(),
            images: images.iter().map(left_out).collect(),
            certainty,
            answer,
        })))
    }
}
