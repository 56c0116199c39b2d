//! Fetches every manifest below the roots, level by level.

use std::collections::HashMap;

use airlift_bundle::{Descriptor, Digest, Graph, GraphBuilder, Limits, RawManifest};
use airlift_registry::{Access, Repository, Selector};
use futures::{StreamExt, TryStreamExt};

use crate::plan::PackError;
use crate::resolve::Resolved;
use crate::source::Source;

/// What fetching manifests takes.
pub(crate) struct Walker<'a> {
    pub(crate) source: &'a Source,
    pub(crate) jobs: usize,
    pub(crate) limits: Limits,
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
        let fetched = match self.source.transport.get_manifest(repository, &selector, Access::Pull).await {
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
