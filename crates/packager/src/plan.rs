//! All manifests first: they name every blob's size, so the archive can be laid out before the first blob arrives.

use std::collections::HashMap;
use std::sync::Arc;

use airlift_bundle::graph::ManifestEntry;
use airlift_bundle::{
    Descriptor, Digest, Graph, GraphBuilder, GraphError, Limits, ManifestError, Plan, RawManifest,
    plan::PlanError, summary,
};
use airlift_registry::{Access, BlobSink, Error, Repository, Selector, Transport};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use crate::resolve::Resolved;

/// Configs that were read for their platform are kept for the archive, up to this many bytes in all.
const KEPT_CONFIGS: usize = 8 << 20;

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
    /// The graph is too large, or contradicts itself.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The archive can't be laid out.
    #[error(transparent)]
    Plan(#[from] PlanError),
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
    /// Bytes of its manifests and blobs, what it shares with other images included.
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
    /// Fetches every manifest below the roots and lays out the archive.
    pub async fn plan(
        transport: &Transport,
        resolved: Vec<Resolved>,
        jobs: usize,
        limits: Limits,
    ) -> Result<Self, PackError> {
        let sources: Vec<Repository> = resolved.iter().map(|image| image.repository.clone()).collect();
        let planner = Planner { transport, sources: &sources, jobs: jobs.max(1) };
        let graph = planner.walk(&resolved, limits).await?;
        let mut at_hand = inline_blobs(&graph);
        let platforms = planner.platforms(&graph, &mut at_hand).await?;
        let images = resolved.iter().map(|image| image_plan(&graph, image, &platforms)).collect();
        Ok(Packing {
            transport: transport.clone(),
            plan: Arc::new(Plan::new(graph)?),
            sources,
            at_hand,
            images,
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

struct Planner<'a> {
    transport: &'a Transport,
    sources: &'a [Repository],
    jobs: usize,
}

impl Planner<'_> {
    async fn walk(&self, resolved: &[Resolved], limits: Limits) -> Result<Graph, PackError> {
        let roots = resolved.iter().map(|image| image.root.clone()).collect();
        let known: HashMap<Digest, &RawManifest> =
            resolved.iter().map(|image| (image.manifest.digest(), &image.manifest)).collect();
        let mut builder = GraphBuilder::new(roots, limits)?;
        while !builder.wanted().is_empty() {
            let answers = futures::stream::iter(builder.wanted().iter().enumerate())
                .map(|(number, wanted)| {
                    let path = builder.path_of(number);
                    self.manifest(wanted, known.get(&wanted.descriptor.digest).copied(), path)
                })
                .buffered(self.jobs)
                .map_ok(Some)
                .try_collect()
                .await?;
            builder.supply(answers)?;
        }
        Ok(builder.finish()?)
    }

    async fn manifest(
        &self,
        wanted: &ManifestEntry,
        known: Option<&RawManifest>,
        path: Vec<String>,
    ) -> Result<RawManifest, PackError> {
        let ManifestEntry { descriptor, root, .. } = wanted;
        if let Some(known) = known {
            return Ok(known.clone());
        }
        if let Some(data) = &descriptor.data {
            return RawManifest::prove(data.clone().into(), descriptor)
                .map_err(|source| PackError::Manifest { path, source });
        }
        let repository = &self.sources[*root];
        let selector = Selector::Digest(descriptor.digest);
        let fetched = match self.transport.get_manifest(repository, &selector, Access::Pull).await {
            Ok(Some(fetched)) => fetched,
            Ok(None) => {
                return Err(PackError::Missing {
                    path,
                    repository: repository.clone(),
                    digest: descriptor.digest,
                });
            }
            Err(source) => return Err(PackError::Registry { path, source }),
        };
        RawManifest::prove(fetched.bytes, descriptor)
            .and_then(|raw| raw.announced_as(fetched.content_type.as_deref()))
            .map_err(|source| PackError::Manifest { path, source })
    }

    /// The platform of each image manifest. Where the index doesn't name it, the config does, and is fetched now.
    async fn platforms(
        &self,
        graph: &Graph,
        at_hand: &mut HashMap<Digest, Bytes>,
    ) -> Result<HashMap<Digest, String>, PackError> {
        let mut configs: Vec<(usize, Descriptor)> = Vec::new();
        for (position, entry) in graph.manifests.iter().enumerate() {
            summary::platform_of(entry, |config| {
                configs.push((position, config.clone()));
                None
            });
        }
        configs.retain(|(_, config)| !at_hand.contains_key(&config.digest));
        let mut fetches = futures::stream::iter(configs)
            .map(|(position, config)| async move {
                let bytes = self.config(graph, position, &config).await?;
                Ok::<_, PackError>((config.digest, bytes))
            })
            .buffered(self.jobs);
        let mut configs: HashMap<Digest, Option<airlift_bundle::Platform>> = HashMap::new();
        let mut kept = 0;
        while let Some((digest, bytes)) = fetches.try_next().await? {
            configs.insert(digest, airlift_bundle::document::platform_of_config(&bytes));
            kept += bytes.len();
            if kept <= KEPT_CONFIGS {
                at_hand.insert(digest, bytes);
            }
        }
        let mut platforms = HashMap::new();
        for entry in &graph.manifests {
            let mut from_config = None;
            let named = summary::platform_of(entry, |config| {
                from_config = configs.get(&config.digest).cloned().flatten();
                at_hand.get(&config.digest).map(|bytes| bytes.to_vec())
            });
            if let Some(platform) = named.or(from_config) {
                platforms.insert(entry.descriptor.digest, platform.to_string().escape_debug().to_string());
            }
        }
        Ok(platforms)
    }

    async fn config(&self, graph: &Graph, position: usize, config: &Descriptor) -> Result<Bytes, PackError> {
        let repository = &self.sources[graph.manifests[position].root];
        let mut sink = Memory(Vec::new());
        match self.transport.fetch_blob(repository, config, &mut sink).await {
            Ok(_) => Ok(sink.0.into()),
            Err(source) => {
                let mut path = graph.path_of_manifest(position);
                path.push("config".to_owned());
                Err(PackError::Registry { path, source })
            }
        }
    }
}

/// Takes a small blob into memory.
struct Memory(Vec<u8>);

impl BlobSink for Memory {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(piece);
        Ok(())
    }

    fn restart(&mut self) -> std::io::Result<()> {
        self.0.clear();
        Ok(())
    }
}

/// Content that descriptors carry themselves; it was proven when they were read.
fn inline_blobs(graph: &Graph) -> HashMap<Digest, Bytes> {
    graph
        .blobs
        .iter()
        .filter_map(|blob| Some((blob.descriptor.digest, Bytes::from(blob.descriptor.data.clone()?))))
        .collect()
}

fn image_plan(graph: &Graph, image: &Resolved, platforms: &HashMap<Digest, String>) -> ImagePlan {
    let digest = image.root.descriptor.digest;
    let mut carried: Vec<String> = Vec::new();
    for entry in graph.below(&digest) {
        if let Some(platform) = platforms.get(&entry.descriptor.digest)
            && !carried.contains(platform)
        {
            carried.push(platform.clone());
        }
    }
    ImagePlan {
        reference: image.root.reference.clone().unwrap_or_default(),
        digest,
        media_type: image.root.descriptor.media_type.clone(),
        platforms: carried,
        omitted_platforms: Vec::new(),
        size: summary::size_of(graph, &digest),
    }
}
