//! All manifests first: they name every blob's size, so the archive can be laid out before the first blob arrives.

use std::collections::HashMap;
use std::sync::Arc;

use airlift_bundle::plan::PlanError;
use airlift_bundle::{
    Digest, Event, Graph, GraphError, Limits, ManifestError, Observer, Plan, Platform, Root, summary,
};
use airlift_registry::{Error, Repository, Transport};
use bytes::Bytes;

use crate::choose::{Choice, ConfigPlatforms, choose};
use crate::resolve::Resolved;
use crate::walk::Walker;

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A manifest or config could not be fetched.
    #[error("can't fetch {}", .path.join(" → "))]
    Registry {
        /// Where it stands.
        path: Vec<String>,
        /// What happened.
        #[source]
        source: Error,
    },
    /// A manifest that an index names is gone.
    #[error("{} is missing at the source: {repository} has no manifest {digest}, although its index names it", .path.join(" → "))]
    Missing {
        /// Where it stands.
        path: Vec<String>,
        /// Where it was asked for.
        repository: Repository,
        /// The manifest.
        digest: Digest,
    },
    /// What came is no manifest that can be carried.
    #[error("can't use {}", .path.join(" → "))]
    Manifest {
        /// Where it stands.
        path: Vec<String>,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// A platform that an image doesn't have.
    #[error("{image} has no {}; it has {}", .lacking.join(", "), .there.join(", "))]
    NoSuchPlatform {
        /// The image.
        image: String,
        /// What was asked for and isn't there.
        lacking: Vec<String>,
        /// What there is.
        there: Vec<String>,
    },
    /// None of the images has any of the platforms.
    #[error("none of the images has any of the platforms that were asked for")]
    NothingLeft,
    /// The graph is too large, or contradicts itself.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The archive can't be laid out.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// What to do where an image lacks a platform that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Refuse the build.
    #[default]
    Refuse,
    /// Take what the image has; leave out, with a warning, an image that has none.
    Allow,
}

/// How to plan.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Requests side by side.
    pub jobs: usize,
    /// What is taken for an attack.
    pub limits: Limits,
    /// The platforms to carry; empty: all.
    pub platforms: Vec<Platform>,
    /// What to do where an image lacks one of them.
    pub missing: Missing,
}

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
}

/// A plan with all that is needed to carry it out.
pub struct Packing {
    pub(crate) transport: Transport,
    pub(crate) plan: Arc<Plan>,
    /// For each root: where its content is fetched from.
    pub(crate) sources: Vec<Repository>,
    /// Blobs that came with the manifests: inline data, and configs that were read for their platform.
    pub(crate) at_hand: HashMap<Digest, Bytes>,
    pub(crate) images: Vec<ImagePlan>,
}

impl Packing {
    /// Fetches every manifest below the roots, chooses platforms and lays out the archive.
    pub async fn plan(
        transport: &Transport,
        mut resolved: Vec<Resolved>,
        options: &PlanOptions,
        observer: &dyn Observer,
    ) -> Result<Self, PackError> {
        loop {
            let sources: Vec<Repository> = resolved.iter().map(|image| image.repository.clone()).collect();
            let walker = Walker { transport, sources: &sources, jobs: options.jobs.max(1) };
            let graph = walker.walk(&resolved, options.limits).await?;
            let mut at_hand = inline_blobs(&graph);
            let configs = ConfigPlatforms::read(&walker, &graph, &mut at_hand).await?;
            let choices = graph
                .roots
                .iter()
                .map(|root| choose(&graph, root, &options.platforms, &configs, options.missing))
                .collect::<Result<Vec<Choice>, PackError>>()?;
            if choices.iter().any(|choice| matches!(choice, Choice::None)) {
                // Rare: a list of mixed images. Planning again without them costs a few requests and keeps the plan pure.
                resolved = leave_out(resolved, &choices, observer)?;
                continue;
            }
            let mut choices = choices.into_iter();
            let graph = graph.select(|_| match choices.next() {
                Some(Choice::Some(selection)) => Some(selection),
                _ => None,
            })?;
            let images = graph.roots.iter().map(|root| image_plan(&graph, root, &configs)).collect();
            let plan = Arc::new(Plan::new(graph)?);
            return Ok(Packing { transport: transport.clone(), plan, sources, at_hand, images });
        }
    }

    /// The layout of the archive.
    pub fn layout(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The images, in the bundle's order.
    pub fn images(&self) -> &[ImagePlan] {
        &self.images
    }
}

/// Drops the images that have none of the platforms, and says so.
fn leave_out(
    resolved: Vec<Resolved>,
    choices: &[Choice],
    observer: &dyn Observer,
) -> Result<Vec<Resolved>, PackError> {
    let mut kept = Vec::new();
    for (image, choice) in resolved.into_iter().zip(choices) {
        match choice {
            Choice::None => {
                let message = format!("{} has none of the platforms and is left out", image.root.name());
                observer.notice(Event::Warning { message });
            }
            _ => kept.push(image),
        }
    }
    if kept.is_empty() { Err(PackError::NothingLeft) } else { Ok(kept) }
}

/// Content that descriptors carry themselves; it was proven when they were read.
fn inline_blobs(graph: &Graph) -> HashMap<Digest, Bytes> {
    graph
        .blobs
        .iter()
        .filter_map(|blob| Some((blob.descriptor.digest, Bytes::from(blob.descriptor.data.clone()?))))
        .collect()
}

fn image_plan(graph: &Graph, root: &Root, configs: &ConfigPlatforms) -> ImagePlan {
    let platforms = configs.names(graph, root);
    ImagePlan {
        reference: root.reference.clone().unwrap_or_default(),
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
        platforms: platforms.carried,
        omitted_platforms: platforms.omitted,
        size: summary::size_of(graph, root),
    }
}
