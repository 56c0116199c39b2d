//! Fetches every manifest below the roots, level by level.

use std::collections::HashMap;

use airlift_bundle::graph::ManifestEntry;
use airlift_bundle::{Descriptor, Digest, Graph, GraphBuilder, Limits, RawManifest};
use airlift_registry::{Access, BlobSink, Repository, Selector, Transport};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use crate::plan::PackError;
use crate::resolve::Resolved;

/// What fetching manifests takes.
pub(crate) struct Walker<'a> {
    pub(crate) transport: &'a Transport,
    /// For each root: where its content is fetched from.
    pub(crate) sources: &'a [Repository],
    pub(crate) jobs: usize,
}

impl Walker<'_> {
    /// The whole graph, nothing left out.
    pub(crate) async fn walk(&self, resolved: &[Resolved], limits: Limits) -> Result<Graph, PackError> {
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
                let (repository, digest) = (repository.clone(), descriptor.digest);
                return Err(PackError::Missing { path, repository, digest });
            }
            Err(source) => return Err(PackError::Registry { path, source }),
        };
        RawManifest::prove(fetched.bytes, descriptor)
            .and_then(|raw| raw.announced_as(fetched.content_type.as_deref()))
            .map_err(|source| PackError::Manifest { path, source })
    }

    /// A small blob, proven, in memory.
    pub(crate) async fn small_blob(
        &self,
        graph: &Graph,
        manifest: &Digest,
        blob: &Descriptor,
    ) -> Result<Bytes, PackError> {
        let position = graph.manifests.iter().position(|entry| entry.descriptor.digest == *manifest);
        let root = position.and_then(|position| graph.manifests.get(position)).map_or(0, |entry| entry.root);
        let mut sink = Memory(Vec::new());
        match self.transport.fetch_blob(&self.sources[root], blob, &mut sink).await {
            Ok(_) => Ok(sink.0.into()),
            Err(source) => {
                let mut path = position.map(|position| graph.path_of_manifest(position)).unwrap_or_default();
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
