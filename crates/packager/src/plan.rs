//! All manifests first: they name every blob's size, so the archive can be laid out before the first blob
//! arrives.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use airlift_bundle::Plan;
use airlift_bundle::plan::PlanError;
use airlift_oci::graph::BlobEntry;
use airlift_oci::{
    Carried, Digest, Event, Graph, GraphError, Limits, ManifestError, Observer, Platform, Repository, Root,
    contents,
};
use airlift_registry::Error;
use bytes::Bytes;

use crate::attached::{AttachedError, Gathered, Gatherer, Gone, Subject};
use crate::choose::{Choice, ConfigPlatforms, LackingPlatforms, choose};
use crate::external::{ForeignLayers, Origin, settle};
use crate::resolve::Resolved;
use crate::several::{Kind, Several};
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
    /// Manifests that indexes name are gone, and belong to what was asked for.
    #[error(transparent)]
    Missing(#[from] Several<MissingManifest>),
    /// What came is no manifest that can be carried.
    #[error("can't use {}", .path.join(" → "))]
    Manifest {
        /// Where it stands.
        path: Vec<String>,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// Platforms that images don't have.
    #[error(transparent)]
    NoSuchPlatform(#[from] Several<LackingPlatforms>),
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

/// A manifest that an index names and that is not at the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is missing at the source: {repository} has no manifest {digest}, although its index names it{}", .path.join(" → "), only(.there))]
pub struct MissingManifest {
    /// Where it stands.
    pub path: Vec<String>,
    /// Where it was asked for.
    pub repository: Repository,
    /// The manifest.
    pub digest: Digest,
    /// The platforms of the image that are there.
    pub there: Vec<String>,
    /// Whether it is below something that is attached to an image.
    pub is_attached: bool,
}

impl Kind for MissingManifest {
    fn of(count: usize) -> String {
        format!("{count} manifests that indexes name are missing at the source")
    }
}

fn only(there: &[String]) -> String {
    if there.is_empty() { String::new() } else { format!("; what is there is {}", there.join(", ")) }
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
    /// Fetches every manifest below the roots, chooses platforms, gathers what is attached, and lays out the
    /// archive.
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
            Referrers::All => with_attached(&walker, images, graph, &configs).await?,
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
        let mut graph = walker.walk(&mut images, None).await?;
        let mut at_hand = inline_blobs(&graph);
        let configs = ConfigPlatforms::read(walker, &images, &graph, &mut at_hand).await?;
        images = chosen_of(&graph, images, &configs, options, observer)?;
        // What was fetched is known by now; walking again only puts the chosen roots into their places.
        graph = walker.walk(&mut images, Some(&graph)).await?;
        check_absent(&images, &graph, &configs)?;
        warn_of_absent(&graph, observer);
        Ok(Chosen { images, graph, configs, at_hand })
    }
}

/// What was chosen of each image; without those that have nothing of it.
fn chosen_of(
    graph: &Graph,
    images: Vec<Resolved>,
    configs: &ConfigPlatforms,
    options: &PlanOptions,
    observer: &dyn Observer,
) -> Result<Vec<Resolved>, PackError> {
    let (mut kept, mut lacking) = (Vec::new(), Vec::new());
    for mut image in images {
        let chosen = choose(graph, &image.root, &options.platforms, configs, options.missing);
        match chosen {
            Ok(Choice::All) => kept.push(image),
            Ok(Choice::Some { selection, lacking }) => {
                if let Some(lacking) = lacking {
                    let message = format!(
                        "{lacking}; of the platforms that were asked for, it is carried for those that it has"
                    );
                    observer.notice(Event::Warning { message });
                }
                image.root.selection = selection;
                kept.push(image);
            }
            Ok(Choice::None(lacking)) => {
                let LackingPlatforms { image, there, .. } = lacking;
                let there =
                    if there.is_empty() { String::new() } else { format!("; it has {}", there.join(", ")) };
                let message = format!("{image} has none of the platforms and is left out{there}");
                observer.notice(Event::Warning { message });
            }
            Err(error) => lacking.push(error),
        }
    }
    Several::check(lacking)?;
    if kept.is_empty() { Err(PackError::NothingLeft) } else { Ok(kept) }
}

/// Refuses what the source doesn't have and what was asked for.
fn check_absent(images: &[Resolved], graph: &Graph, configs: &ConfigPlatforms) -> Result<(), PackError> {
    let missing =
        graph.absent().iter().filter(|entry| entry.carried == Carried::Missing).filter_map(|entry| {
            let image = images.get(entry.root)?;
            Some(MissingManifest {
                path: graph.path_of_absent(entry),
                repository: image.repository.clone(),
                digest: entry.descriptor.digest,
                there: configs.there(graph, &image.root),
                is_attached: image.root.subject.is_some(),
            })
        });
    Ok(Several::check(missing.collect())?)
}

/// Warns of what the source doesn't have, where that isn't simply another platform: attestations of what is
/// carried, and children without a platform.
fn warn_of_absent(graph: &Graph, observer: &dyn Observer) {
    for entry in graph.absent() {
        let descriptor = &entry.descriptor;
        let of = descriptor.attested();
        let is_expected = match of {
            Some(subject) => !graph.carries(&subject),
            None => descriptor.platform.as_ref().is_some_and(|platform| !platform.is_unknown()),
        };
        if !is_expected {
            let (path, digest) = (graph.path_of_absent(entry).join(" → "), descriptor.digest);
            let message =
                format!("{path} ({digest}) is missing at the source, so the bundle does not have it");
            observer.notice(Event::Warning { message });
        }
    }
}

/// Adds what is attached to the carried manifests, in the bundle's one order.
async fn with_attached(
    walker: &Walker<'_>,
    mut images: Vec<Resolved>,
    graph: Graph,
    configs: &ConfigPlatforms,
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
    let graph = walker.walk(&mut images, Some(&graph)).await?;
    check_absent(&images, &graph, configs)?;
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
    let attached = airlift_oci::graph::attached_to(graph, root);
    let trees = attached.iter().copied().chain([root]).flat_map(|root| graph.below(&root.descriptor.digest));
    let subjects: HashSet<Digest> = trees.map(|entry| entry.descriptor.digest).collect();
    let gone = gone.iter().filter(|gone| subjects.contains(&gone.subject.digest));
    ImagePlan {
        reference: root.reference.clone().unwrap_or_default(),
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
        platforms: platforms.carried,
        omitted_platforms: platforms.omitted,
        size: contents::size_of(graph, root),
        referrers: attached.iter().map(|found| found.descriptor.digest).collect(),
        missing_referrers: gone.map(|gone| gone.digest).collect(),
    }
}
