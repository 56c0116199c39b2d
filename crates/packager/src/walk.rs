//! Fetches every manifest below the roots, level by level.

use std::collections::HashMap;

use airlift_bundle::graph::ManifestEntry;
use airlift_bundle::{Descriptor, Digest, Graph, GraphBuilder, Limits, Observer, RawManifest};
use airlift_registry::{Host, Repository, Selector};
use futures::{StreamExt, TryStreamExt};

use crate::plan::PackError;
use crate::resolve::Resolved;
use crate::source::Source;

/// What fetching manifests takes.
pub(crate) struct Walker<'a> {
    pub(crate) source: &'a Source,
    pub(crate) jobs: usize,
    pub(crate) limits: Limits,
    pub(crate) observer: &'a dyn Observer,
}

impl Walker<'_> {
    /// The graph of these roots. Manifests of an earlier walk are not fetched again.
    pub(crate) async fn walk(
        &self,
        images: &[Resolved],
        earlier: Option<&Graph>,
    ) -> Result<Graph, PackError> {
        let roots = images.iter().map(|image| image.root.clone()).collect();
        let mut known: HashMap<Digest, &RawManifest> =
            images.iter().map(|image| (image.manifest.digest(), &image.manifest)).collect();
        let walked = earlier.iter().flat_map(|graph| &graph.manifests).filter_map(|entry| entry.raw.as_ref());
        known.extend(walked.map(|raw| (raw.digest(), raw)));
        let mut builder = GraphBuilder::new(roots, self.limits)?;
        while !builder.wanted().is_empty() {
            self.warn_of_limits(builder.wanted(), images, &known);
            let answers = futures::stream::iter(builder.wanted().iter().enumerate())
                .map(|(number, wanted)| {
                    let path = builder.path_of(number);
                    let known = known.get(&wanted.descriptor.digest).copied();
                    self.manifest(&images[wanted.root].repository, &wanted.descriptor, known, path)
                })
                .buffered(self.jobs)
                .map_ok(Some)
                .try_collect()
                .await?;
            builder.supply(answers)?;
        }
        Ok(builder.finish()?)
    }

    /// Tells of registries that allow fewer pulls than this level takes.
    fn warn_of_limits(
        &self,
        wanted: &[ManifestEntry],
        images: &[Resolved],
        known: &HashMap<Digest, &RawManifest>,
    ) {
        let mut needed: HashMap<&Host, usize> = HashMap::new();
        for entry in wanted {
            let host = images[entry.root].repository.host();
            let Descriptor { digest, data, .. } = &entry.descriptor;
            // Only registries that have a limit make it worth a look at what is at hand.
            let is_fetched = !known.contains_key(digest)
                && data.is_none()
                && self.source.transport.rate_limit(host).is_some()
                && self.source.known_manifest(digest).is_none();
            *needed.entry(host).or_default() += usize::from(is_fetched);
        }
        for (host, needed) in needed {
            self.source.warn_of_limit(host, needed, self.observer);
        }
    }

    async fn manifest(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        known: Option<&RawManifest>,
        path: Vec<String>,
    ) -> Result<RawManifest, PackError> {
        // A known one was proven by its own descriptor; this one may claim something else.
        if let Some(known) = known {
            return RawManifest::prove(known.bytes().clone(), descriptor)
                .map_err(|source| PackError::Manifest { path, source });
        }
        if let Some(data) = &descriptor.data {
            return RawManifest::prove(data.clone().into(), descriptor)
                .map_err(|source| PackError::Manifest { path, source });
        }
        if let Some(bytes) = self.source.known_manifest(&descriptor.digest) {
            return RawManifest::prove(bytes, descriptor)
                .map_err(|source| PackError::Manifest { path, source });
        }
        let selector = Selector::Digest(descriptor.digest);
        let fetched = match self.source.fetch_manifest(repository, &selector).await {
            Ok(Some(fetched)) => fetched,
            Ok(None) => {
                let (repository, digest) = (repository.clone(), descriptor.digest);
                return Err(PackError::Missing { path, repository, digest });
            }
            Err(source) => return Err(PackError::Registry { path, source }),
        };
        RawManifest::prove(fetched.bytes, descriptor)
            .and_then(|raw| raw.announced_as(fetched.content_type.as_deref()))
            .map_err(|source| PackError::Manifest { path, source })
    }
}
