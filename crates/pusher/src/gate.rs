//! Decides, before anything moves, which way each image goes, and refuses what the registry would refuse
//! after hours.

use std::fmt;
use std::sync::Arc;

use airlift_oci::{Digest, Observer};
use airlift_registry::{Error, Transport};

use crate::plan::{Options, Partial, PlannedImage, Presence, Probe, PushPlan};
use crate::push::PushError;
use crate::source::ContentSource;
use crate::sparse::{OmittedChild, Route, Verdict, are_there, probe};
use crate::survey::{Standing, is_whole};

/// A registry that wants all children of an index, and the images that don't have them all.
#[derive(Debug)]
pub struct SparseRefusal {
    /// The registry.
    pub registry: String,
    /// The images, with what the bundle leaves out of each.
    pub images: Vec<(String, Digest, Vec<OmittedChild>)>,
    /// Whether the registry is known to refuse.
    pub certainty: Certainty,
    /// What it answered.
    pub answer: Error,
}

/// What is known of a registry that didn't take the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It refuses indexes with absent children.
    Refuses,
    /// Its answer tells nothing of that.
    Inconclusive,
}

impl std::error::Error for SparseRefusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.answer)
    }
}

impl fmt::Display for SparseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = &self.registry;
        match self.certainty {
            Certainty::Inconclusive => write!(
                f,
                "whether registry {registry} takes an index with absent children could not be found out, and the bundle leaves out"
            )?,
            Certainty::Refuses => {
                write!(f, "registry {registry} requires every child of an index, and the bundle leaves out")?;
            }
        }
        for (position, (image, digest, omitted)) in self.images.iter().enumerate() {
            let names: Vec<String> =
                omitted.iter().map(|child| format!("{} ({}…)", child.label, child.digest.short())).collect();
            let separator = if position == 0 { "" } else { ";" };
            write!(f, "{separator} of {image} (index {digest}): {}", names.join(", "))?;
        }
        f.write_str("; nothing was uploaded")
    }
}

/// What deciding takes.
pub(crate) struct Gate<'a> {
    pub(crate) plan: &'a PushPlan,
    pub(crate) transport: &'a Transport,
    pub(crate) options: &'a Options,
    pub(crate) observer: &'a Arc<dyn Observer>,
}

impl Gate<'_> {
    /// The way for each image. A partial image that is said to be present is looked at more closely, and any
    /// image if that was asked for: the children that the bundle carries and their blobs must answer, too, or
    /// it counts as absent.
    pub(crate) async fn routes(
        &self,
        source: &dyn ContentSource,
        standings: &mut [Result<Standing, Error>],
    ) -> Result<Vec<Route>, PushError> {
        let mut routes = vec![Route::Whole; self.plan.images.len()];
        let mut refused = Vec::new();
        for (position, image) in self.plan.images.iter().enumerate() {
            let Some(Ok(standing)) = standings.get(position) else { continue };
            let is_partial = !image.omitted.is_empty();
            if *standing == Standing::Present && (is_partial || self.options.presence == Presence::Content) {
                let whole =
                    is_whole(source, &image.digest, image.target.repository(), self.transport, self.jobs());
                if self.try_image(standings, position, whole).await.unwrap_or(true) {
                    continue;
                }
                standings[position] = Ok(Standing::Absent);
            }
            if !is_partial {
                continue;
            }
            let complete = are_there(self.transport, image.target.repository(), &image.omitted, self.jobs());
            match self.try_image(standings, position, complete).await {
                None | Some(true) => {}
                Some(false) if self.options.partial == Partial::Children => {
                    routes[position] = Route::Children
                }
                Some(false) => refused.push(image),
            }
        }
        if refused.is_empty() || self.options.probe == Probe::Skip {
            return Ok(routes);
        }
        self.ask(&refused).await.map(|()| routes)
    }

    fn jobs(&self) -> usize {
        self.options.jobs.max(1)
    }

    /// The answer for one image; where there is none, the image fails by itself and `None` is returned.
    async fn try_image<T>(
        &self,
        standings: &mut [Result<Standing, Error>],
        position: usize,
        question: impl Future<Output = Result<T, Error>>,
    ) -> Option<T> {
        match question.await {
            Ok(answer) => Some(answer),
            Err(error) => {
                standings[position] = Err(error);
                None
            }
        }
    }

    /// Asks the registry, once, whether it takes what `images` lack.
    async fn ask(&self, images: &[&PlannedImage]) -> Result<(), PushError> {
        let Some(first) = images.first() else { return Ok(()) };
        let mut omitted: Vec<OmittedChild> = Vec::new();
        for child in images.iter().flat_map(|image| &image.omitted) {
            if !omitted.iter().any(|known| known.platform == child.platform) {
                omitted.push(child.clone());
            }
        }
        let (certainty, answer) = match probe(self.transport, first, &omitted, self.observer).await {
            Verdict::Accepts => return Ok(()),
            Verdict::Refuses(answer) => (Certainty::Refuses, answer),
            Verdict::Inconclusive(answer) => (Certainty::Inconclusive, answer),
        };
        let left_out = |image: &&PlannedImage| (image.source.clone(), image.digest, image.omitted.clone());
        Err(PushError::Sparse(Box::new(SparseRefusal {
            registry: self.plan.destination().host().to_string(),
            images: images.iter().map(left_out).collect(),
            certainty,
            answer,
        })))
    }
}
