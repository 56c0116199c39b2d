//! All manifests first: they name every blob's size, so the archive can be laid out before the first blob arrives.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use airlift_bundle::graph::BlobEntry;
use airlift_bundle::plan::PlanError;
use airlift_bundle::{
    Digest, Event, Graph, GraphError, Limits, ManifestError, Observer, Plan, Platform, Root, summary,
};
use airlift_registry::{Error, Repository};
use bytes::Bytes;

use crate::attached::{AttachedError, Gathered, Gatherer, Gone, Subject};
use crate::choose::{Choice, ConfigPlatforms, choose};
use crate::external::{ForeignLayers, Origin, settle};
use crate::resolve::Resolved;
use crate::source::Source;
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
    /// What is attached to an image could not be gathered.
    #[error(transparent)]
    Attached(#[from] AttachedError),
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

/// Whether what is attached to the images comes along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Referrers {
    /// All of it: referrers, and cosign's tags.
    #[default]
    All,
    /// None of it, and nobody asks for it.
    None,
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
    /// Whether signatures and the like come along.
    pub referrers: Referrers,
    /// What to do with foreign layers that the registry doesn't have.
    pub foreign_layers: ForeignLayers,
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
    /// What is attached to it, directly or not, and comes along.
    pub referrers: Vec<Digest>,
    /// What is listed as attached to it, directly or not, and is not at the source any more.
    pub missing_referrers: Vec<Digest>,
}

/// A plan with all that is needed to carry it out.
pub struct Packing {
    pub(crate) source: Arc<Source>,
    pub(crate) plan: Arc<Plan>,
    /// For each root: where its content is fetched from.
    pub(crate) sources: Vec<Repository>,
    /// Blobs that come from elsewhere.
    pub(crate) origins: HashMap<Digest, Origin>,
    /// Blobs that came with the manifests: inline data, and configs that were read for their platform.
    pub(crate) at_hand: HashMap<Digest, Bytes>,
    pub(crate) images: Vec<ImagePlan>,
}

impl Packing {
    /// Fetches every manifest below the roots, chooses platforms, gathers what is attached, and lays out the archive.
    pub async fn plan(
        source: Arc<Source>,
        resolved: Vec<Resolved>,
        options: &PlanOptions,
        observer: &dyn Observer,
    ) -> Result<Self, PackError> {
        let walker = Walker { source: &source, jobs: options.jobs.max(1), limits: options.limits, observer };
        let chosen = Chosen::new(&walker, resolved, options, observer).await?;
        let Chosen { images, graph, configs, at_hand } = chosen;
        let (images, graph, gone) = match options.referrers {
            Referrers::None => (images, graph, Vec::new()),
            Referrers::All => with_attached(&walker, images, graph).await?,
        };
        let sources: Vec<Repository> = images.into_iter().map(|image| image.repository).collect();
        let (graph, origins) = settle(&walker, graph, &sources, options.foreign_layers, observer).await?;
        let mut at_hand = at_hand;
        at_hand.extend(inline_blobs(&graph));
        let shown = graph.roots.iter().zip(&sources).filter(|(root, _)| root.subject.is_none());
        let shown = shown.map(|(root, repository)| {
            let gone = gone.iter().filter(|gone| gone.subject.repository == *repository);
            image_plan(&graph, root, &configs, &gone.collect::<Vec<_>>())
        });
        let shown = shown.collect();
        let plan = Arc::new(Plan::new(graph)?);
        Ok(Packing { source, plan, sources, origins, at_hand, images: shown })
    }

    /// Where a blob is fetched from.
    pub(crate) fn origin_of(&self, blob: &BlobEntry) -> Option<Origin> {
        let known = self.origins.get(&blob.descriptor.digest).cloned();
        known.or_else(|| {
            let root = self.plan.graph().manifests.get(blob.manifest)?.root;
            self.sources.get(root).cloned().map(Origin::Registry)
        })
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

/// The images with what was chosen of each.
struct Chosen {
    images: Vec<Resolved>,
    graph: Graph,
    configs: ConfigPlatforms,
    at_hand: HashMap<Digest, Bytes>,
}

impl Chosen {
    async fn new(
        walker: &Walker<'_>,
        mut images: Vec<Resolved>,
        options: &PlanOptions,
        observer: &dyn Observer,
    ) -> Result<Self, PackError> {
        let mut graph = walker.walk(&images, None).await?;
        let mut at_hand = inline_blobs(&graph);
        let configs = ConfigPlatforms::read(walker, &images, &graph, &mut at_hand).await?;
        let mut kept = Vec::new();
        for mut image in images {
            match choose(&graph, &image.root, &options.platforms, &configs, options.missing)? {
                Choice::All => kept.push(image),
                Choice::Some(selection) => {
                    image.root.selection = Some(selection);
                    kept.push(image);
                }
                Choice::None => {
                    let message = format!("{} has none of the platforms and is left out", image.root.name());
                    observer.notice(Event::Warning { message });
                }
            }
        }
        images = kept;
        if images.is_empty() {
            return Err(PackError::NothingLeft);
        }
        // What was fetched is known by now; walking again only puts the chosen roots into their places.
        graph = walker.walk(&images, Some(&graph)).await?;
        Ok(Chosen { images, graph, configs, at_hand })
    }
}

/// Adds what is attached to the carried manifests, in the bundle's one order.
async fn with_attached(
    walker: &Walker<'_>,
    mut images: Vec<Resolved>,
    graph: Graph,
) -> Result<(Vec<Resolved>, Graph, Vec<Gone>), PackError> {
    let mut subjects = Vec::new();
    for image in &images {
        let below = graph.below(&image.root.descriptor.digest);
        let carried = below.into_iter().filter(|entry| graph.carries(&entry.descriptor.digest));
        subjects.extend(
            carried.map(|entry| Subject {
                repository: image.repository.clone(),
                digest: entry.descriptor.digest,
            }),
        );
    }
    let Gathered { found, gone } = Gatherer::new(walker).gather(subjects).await?;
    if found.is_empty() {
        return Ok((images, graph, gone));
    }
    // Somebody may have asked for one of them by name; that one is there already.
    let asked: Vec<Option<String>> = images.iter().map(|image| image.root.reference.clone()).collect();
    images.extend(found.into_iter().filter(|found| !asked.contains(&found.root.reference)));
    images.sort_by(|a, b| a.root.canonical_key().cmp(&b.root.canonical_key()));
    let graph = walker.walk(&images, Some(&graph)).await?;
    Ok((images, graph, gone))
}

/// Content that descriptors carry themselves; it was proven when they were read.
fn inline_blobs(graph: &Graph) -> HashMap<Digest, Bytes> {
    graph
        .blobs
        .iter()
        .filter_map(|blob| Some((blob.descriptor.digest, Bytes::from(blob.descriptor.data.clone()?))))
        .collect()
}

fn image_plan(graph: &Graph, root: &Root, configs: &ConfigPlatforms, gone: &[&Gone]) -> ImagePlan {
    let platforms = configs.names(graph, root);
    let attached = summary::attached_to(graph, root);
    let trees = attached.iter().copied().chain([root]).flat_map(|root| graph.below(&root.descriptor.digest));
    let subjects: HashSet<Digest> = trees.map(|entry| entry.descriptor.digest).collect();
    let gone = gone.iter().filter(|gone| subjects.contains(&gone.subject.digest));
    ImagePlan {
        reference: root.reference.clone().unwrap_or_default(),
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
        platforms: platforms.carried,
        omitted_platforms: platforms.omitted,
        size: summary::size_of(graph, root),
        referrers: attached.iter().map(|found| found.descriptor.digest).collect(),
        missing_referrers: gone.map(|gone| gone.digest).collect(),
    }
}
