//! One image on its way: blobs, then children, then the tag; and everything read back.

use std::collections::HashSet;
use std::sync::Arc;

use airlift_bundle::graph::ManifestEntry;
use airlift_bundle::{Digest, Graph, RawManifest};
use airlift_registry::{Access, Error, Selector, Transport};
use airlift_verifier::VerifiedBundle;
use futures::{StreamExt, TryStreamExt};
use tokio::task::JoinSet;

use crate::blobs::{Arrival, BlobError, Blobs};
use crate::plan::PlannedImage;
use crate::receipt::{Fault, ImageReceipt, Status};
use crate::survey::Standing;

/// Why an image is not at the target.
#[derive(Debug, thiserror::Error)]
enum ImageError {
    /// Its tag could not be looked at.
    #[error("can't look at {target}")]
    Look {
        target: String,
        #[source]
        source: Error,
    },
    /// One of its blobs.
    #[error("{label}")]
    Blob {
        label: String,
        #[source]
        source: BlobError,
    },
    /// One of its manifests.
    #[error("{label} was not taken")]
    Manifest {
        label: String,
        #[source]
        source: Error,
    },
    /// A manifest that could not be read back.
    #[error("{label} was taken, but can't be read back")]
    ReadBack {
        label: String,
        #[source]
        source: Error,
    },
    /// A manifest that the registry took and doesn't have.
    #[error("{label} was taken, but is not there: the registry has no {selector}")]
    Vanished { label: String, selector: Selector },
    /// A manifest that came back other than it was sent.
    #[error(
        "{label} was taken, but the registry gives other bytes for {selector} than were sent: it alters manifests"
    )]
    Altered { label: String, selector: Selector },
}

impl ImageError {
    fn fault(&self) -> Fault {
        match self {
            ImageError::Blob { source: BlobError::Content { source, .. }, .. } => match source.kind() {
                std::io::ErrorKind::InvalidData
                | std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::NotFound => Fault::Bundle,
                _ => Fault::Local,
            },
            _ => Fault::Registry,
        }
    }

    /// The whole chain in one line, for the receipt.
    fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let next = error.to_string();
            if !text.ends_with(&next) {
                text = format!("{text}: {next}");
            }
            cause = error.source();
        }
        text
    }
}

/// What all images of a push share.
pub(crate) struct Run {
    pub(crate) bundle: Arc<VerifiedBundle>,
    pub(crate) transport: Transport,
    pub(crate) blobs: Blobs,
    pub(crate) jobs: usize,
}

/// Bytes of blobs, by how they came.
#[derive(Default)]
struct Moved {
    uploaded: u64,
    mounted: u64,
    skipped: u64,
}

impl Run {
    /// Sees one image through; whatever happens is told in its part of the receipt.
    pub(crate) async fn image(
        self: Arc<Self>,
        image: PlannedImage,
        standing: Result<Standing, Error>,
    ) -> ImageReceipt {
        let mut moved = Moved::default();
        let outcome = match standing {
            Err(source) => Err(ImageError::Look { target: image.target.to_string(), source }),
            Ok(Standing::Present) => self.check(&image, &mut moved).await.map(|()| Status::Present),
            Ok(_) => self.send(&image, &mut moved).await.map(|()| Status::Pushed),
        };
        let below = self.bundle.graph().below(&image.digest);
        let children = below.iter().skip(1).map(|entry| entry.descriptor.digest).collect();
        let (status, failure) = match outcome {
            Ok(status) => (status, None),
            Err(error) => (Status::Failed, Some(error)),
        };
        ImageReceipt {
            source: image.source,
            target: image.target.to_string(),
            digest: image.digest,
            media_type: image.media_type,
            status,
            children,
            referrers: Vec::new(),
            uploaded: moved.uploaded,
            mounted: moved.mounted,
            skipped: moved.skipped,
            fault: failure.as_ref().map(ImageError::fault),
            error: failure.as_ref().map(ImageError::told),
        }
    }

    /// The image is there; the bundle's own copy is proven all the same.
    async fn check(self: &Arc<Self>, image: &PlannedImage, moved: &mut Moved) -> Result<(), ImageError> {
        for_each_blob(self, image, moved, |run, blob| async move {
            run.blobs.check(blob.digest, blob.label).await.map(|()| Arrival::Skipped)
        })
        .await
    }

    async fn send(self: &Arc<Self>, image: &PlannedImage, moved: &mut Moved) -> Result<(), ImageError> {
        let repository = image.target.repository().clone();
        for_each_blob(self, image, moved, move |run, blob| {
            let repository = repository.clone();
            async move { run.blobs.bring(blob.digest, blob.label, &repository).await }
        })
        .await?;
        for step in self.bundle.graph().upload_steps(&image.digest) {
            let sends: Vec<_> = step.into_iter().map(|entry| self.manifest(image, entry)).collect();
            futures::stream::iter(sends).buffer_unordered(self.jobs).try_collect::<Vec<()>>().await?;
        }
        Ok(())
    }

    /// Sends one manifest's bytes and reads them back: by digest, and for the root by tag as well.
    async fn manifest(&self, image: &PlannedImage, entry: &ManifestEntry) -> Result<(), ImageError> {
        let Some(raw) = &entry.raw else { return Ok(()) };
        let is_root = raw.digest() == image.digest;
        let by_digest = Selector::Digest(raw.digest());
        let selector = if is_root { image.target.selector() } else { by_digest.clone() };
        let label =
            if is_root { image.target.to_string() } else { format!("{} of {}", entry.label, image.source) };
        self.transport
            .put_manifest(image.target.repository(), &selector, raw.media_type(), raw.bytes().clone())
            .await
            .map_err(|source| ImageError::Manifest { label: label.clone(), source })?;
        self.read_back(image, raw, by_digest, &label).await?;
        if is_root {
            self.read_back(image, raw, selector, &label).await?;
        }
        Ok(())
    }

    async fn read_back(
        &self,
        image: &PlannedImage,
        raw: &RawManifest,
        selector: Selector,
        label: &str,
    ) -> Result<(), ImageError> {
        let label = || label.to_owned();
        match self.transport.get_manifest(image.target.repository(), &selector, Access::Push).await {
            Ok(Some(found)) if found.bytes == raw.bytes() => Ok(()),
            Ok(Some(_)) => Err(ImageError::Altered { label: label(), selector }),
            Ok(None) => Err(ImageError::Vanished { label: label(), selector }),
            Err(source) => Err(ImageError::ReadBack { label: label(), source }),
        }
    }
}

/// A blob of an image, with its place in words.
struct Blob {
    digest: Digest,
    size: u64,
    label: String,
}

/// All blobs below an image, each once.
fn blobs_of(graph: &Graph, image: &PlannedImage) -> Vec<Blob> {
    let mut seen = HashSet::new();
    let mut blobs = Vec::new();
    for entry in
        graph.below(&image.digest).into_iter().filter(|entry| graph.carries(&entry.descriptor.digest))
    {
        for (part, blob) in entry.raw.iter().flat_map(Graph::blobs_of) {
            if seen.insert(blob.digest) {
                let place = if entry.parent.is_none() { String::new() } else { format!("{} ", entry.label) };
                let name = airlift_bundle::layout::familiar(&image.source);
                let label = format!("{} {place}{part}", name.escape_debug());
                blobs.push(Blob { digest: blob.digest, size: blob.size, label });
            }
        }
    }
    blobs
}

/// Works on all blobs of an image, some at a time, on all cores; the first failure ends it.
async fn for_each_blob<F>(
    run: &Arc<Run>,
    image: &PlannedImage,
    moved: &mut Moved,
    work: impl Fn(Arc<Run>, Blob) -> F,
) -> Result<(), ImageError>
where
    F: Future<Output = Result<Arrival, BlobError>> + Send + 'static,
{
    let mut waiting = blobs_of(run.bundle.graph(), image).into_iter();
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
                break Err(ImageError::Blob { label: image.source.clone(), source: BlobError::Task(error) });
            }
        }
    };
    tasks.shutdown().await;
    outcome
}
