//! One manifest with all that lies below it: blobs, then children, then itself; and everything read back.

use std::collections::HashSet;
use std::sync::Arc;

use airlift_bundle::graph::ManifestEntry;
use airlift_bundle::{Algorithm, Digest, Graph, RawManifest, media_type};
use airlift_registry::{Access, Error, Repository, Selector};
use futures::{StreamExt, TryStreamExt};
use tokio::task::JoinSet;

use crate::blobs::{Arrival, BlobError};
use crate::failure::ImageError;
use crate::image::Run;

/// A manifest on its way to one place.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) digest: Digest,
    pub(crate) repository: Repository,
    /// The tag or digest under which the manifest itself goes.
    pub(crate) selector: Selector,
    /// What people call it.
    pub(crate) name: String,
}

impl Tree {
    /// The place as people write it.
    pub(crate) fn target(&self) -> String {
        match &self.selector {
            Selector::Tag(tag) => format!("{}:{tag}", self.repository),
            Selector::Digest(digest) => format!("{}@{digest}", self.repository),
        }
    }
}

/// Bytes of blobs, by how they came.
#[derive(Default)]
pub(crate) struct Moved {
    pub(crate) uploaded: u64,
    pub(crate) mounted: u64,
    pub(crate) skipped: u64,
}

impl Run {
    /// The tree is at the target; the bundle's own copy of its blobs is proven all the same.
    pub(crate) async fn check_tree(
        self: &Arc<Self>,
        tree: &Tree,
        moved: &mut Moved,
    ) -> Result<(), ImageError> {
        for_each_blob(self, tree, moved, |run, blob| async move {
            run.blobs.check(blob.digest, blob.label).await.map(|()| Arrival::Skipped)
        })
        .await
    }

    /// Brings the tree to the target.
    pub(crate) async fn send_tree(
        self: &Arc<Self>,
        tree: &Tree,
        moved: &mut Moved,
    ) -> Result<(), ImageError> {
        let repository = tree.repository.clone();
        for_each_blob(self, tree, moved, move |run, blob| {
            let repository = repository.clone();
            async move { run.blobs.bring(blob.digest, blob.label, &repository).await }
        })
        .await?;
        let graph = self.bundle.graph();
        for step in graph.upload_steps(&tree.digest) {
            let carried = step.into_iter().filter(|entry| graph.carries(&entry.descriptor.digest));
            let sends: Vec<_> = carried.map(|entry| self.manifest(tree, entry)).collect();
            futures::stream::iter(sends).buffer_unordered(self.jobs).try_collect::<Vec<()>>().await?;
        }
        Ok(())
    }

    /// Sends one manifest's bytes and reads them back: by digest, and the tree's own by its tag as well.
    async fn manifest(&self, tree: &Tree, entry: &ManifestEntry) -> Result<(), ImageError> {
        let Some(raw) = &entry.raw else { return Ok(()) };
        let by_digest = Selector::Digest(raw.digest());
        let is_root = raw.digest() == tree.digest;
        let selector = if is_root { tree.selector.clone() } else { by_digest.clone() };
        let label = if is_root { tree.target() } else { format!("{} of {}", entry.label, tree.name) };
        // Under a tag, registries file everything by its sha256; another digest has to be told before the tag moves.
        let told_first = by_digest != selector && raw.digest().algorithm() != Algorithm::Sha256;
        for selector in told_first.then_some(&by_digest).into_iter().chain([&selector]) {
            self.transport
                .put_manifest(&tree.repository, selector, raw.media_type(), raw.bytes().clone())
                .await
                .map_err(|source| not_taken(raw, label.clone(), source))?;
        }
        self.read_back(tree, raw, by_digest.clone(), &label).await?;
        if selector != by_digest {
            self.read_back(tree, raw, selector, &label).await?;
        }
        Ok(())
    }

    async fn read_back(
        &self,
        tree: &Tree,
        raw: &RawManifest,
        selector: Selector,
        label: &str,
    ) -> Result<(), ImageError> {
        let label = || label.to_owned();
        match self.transport.get_manifest(&tree.repository, &selector, Access::Push).await {
            Ok(Some(found)) if found.bytes == raw.bytes() => Ok(()),
            Ok(Some(_)) => Err(ImageError::Altered { label: label(), selector }),
            Ok(None) => Err(ImageError::Vanished { label: label(), selector }),
            Err(source) => Err(ImageError::ReadBack { label: label(), source }),
        }
    }
}

/// What a registry's refusal of a manifest means, where that is known of the registries that people have.
fn not_taken(raw: &RawManifest, label: String, source: Error) -> ImageError {
    let has_urls = || Graph::blobs_of(raw).into_iter().any(|(_, blob)| !blob.urls.is_empty());
    let is_docker = [media_type::DOCKER_LIST, media_type::DOCKER_MANIFEST].contains(&raw.media_type());
    let Some(refusal) = source.refusal() else { return ImageError::Manifest { label, source } };
    let advice = match refusal.status {
        _ if raw.digest().algorithm() != Algorithm::Sha256 && refusal.has("DIGEST_INVALID") => {
            "this registry knows manifests by sha256 only, and this one's digest is another"
        }
        415 if is_docker => "this registry takes no Docker media types (zot: http.compat: [docker2s2])",
        413 => "the registry, or a proxy before it, has a limit for the size of manifests",
        400..=599 if has_urls() => {
            "it has layers with urls, which Distribution takes only where validation.manifests.urls.allow permits their addresses"
        }
        _ => return ImageError::Manifest { label, source },
    };
    ImageError::Known { label, advice, source }
}

/// A blob of a tree, with its place in words.
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) label: String,
}

/// All blobs below a manifest that the bundle carries, each once.
pub(crate) fn blobs_below(graph: &Graph, digest: &Digest, name: &str) -> Vec<Blob> {
    let name = airlift_bundle::layout::familiar(name).escape_debug();
    let mut seen = HashSet::new();
    let mut blobs = Vec::new();
    for entry in graph.below(digest).into_iter().filter(|entry| graph.carries(&entry.descriptor.digest)) {
        for (part, blob) in entry.raw.iter().flat_map(Graph::blobs_of) {
            if !graph.is_external(blob) && seen.insert(blob.digest) {
                let place = if entry.parent.is_none() { String::new() } else { format!("{} ", entry.label) };
                let label = format!("{name} {place}{part}");
                blobs.push(Blob { digest: blob.digest, size: blob.size, label });
            }
        }
    }
    blobs
}

/// Works on all blobs of a tree, some at a time, on all cores; the first failure ends it.
async fn for_each_blob<F>(
    run: &Arc<Run>,
    tree: &Tree,
    moved: &mut Moved,
    work: impl Fn(Arc<Run>, Blob) -> F,
) -> Result<(), ImageError>
where
    F: Future<Output = Result<Arrival, BlobError>> + Send + 'static,
{
    let mut waiting = blobs_below(run.bundle.graph(), &tree.digest, &tree.name).into_iter();
    let mut tasks = JoinSet::new();
    let outcome = loop {
        while tasks.len() < run.jobs
            && let Some(blob) = waiting.next()
        {
            let (label, size) = (blob.label.clone(), blob.size);
            let task = work(Arc::clone(run), blob);
            tasks.spawn(async move { (label, size, task.await) });
        }
        match tasks.join_next().await {
            None => break Ok(()),
            Some(Ok((_, size, Ok(arrival)))) => match arrival {
                Arrival::Uploaded => moved.uploaded += size,
                Arrival::Mounted => moved.mounted += size,
                Arrival::Skipped => moved.skipped += size,
            },
            Some(Ok((label, _, Err(source)))) => break Err(ImageError::Blob { label, source }),
            Some(Err(error)) => {
                break Err(ImageError::Blob { label: tree.name.clone(), source: BlobError::Task(error) });
            }
        }
    };
    tasks.shutdown().await;
    outcome
}
