//! One manifest with all that lies below it: blobs, then children, then itself by digest, its tag last; and
//! everything read back.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airlift_oci::graph::ManifestEntry;
use airlift_oci::{Digest, Graph, RawManifest, Repository, Selector};
use airlift_registry::{Access, Transport};
use futures::{StreamExt, TryStreamExt};
use tokio::task::JoinSet;

use crate::blobs::{Arrival, BlobError};
use crate::failure::ImageError;
use crate::image::Run;
use crate::refused::{is_withheld, not_taken, says_lacking};

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
    /// Whether it goes under a tag.
    pub(crate) fn is_tagged(&self) -> bool {
        matches!(self.selector, Selector::Tag(_))
    }

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

/// What became of a tree's blobs.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Each blob with its size, and how it came to be there.
    arrivals: HashMap<Digest, (Arrival, u64)>,
    /// Bytes that were sent once more.
    again: u64,
}

impl Ledger {
    pub(crate) fn note(&mut self, digest: Digest, arrival: Arrival, size: u64) {
        self.arrivals.insert(digest, (arrival, size));
    }

    /// It was sent (again). What was not sent before was not there, whatever had been said.
    pub(crate) fn note_again(&mut self, digest: Digest, size: u64) {
        let before = self.arrivals.insert(digest, (Arrival::Uploaded, size));
        if matches!(before, Some((Arrival::Uploaded, _))) {
            self.again += size;
        }
    }

    /// Whether a blob was sent, so that the registry has acknowledged it.
    pub(crate) fn was_sent(&self, digest: &Digest) -> bool {
        matches!(self.arrivals.get(digest), Some((Arrival::Uploaded, _)))
    }

    /// Whether a blob counts as there for no other reason than that the registry said so.
    pub(crate) fn is_hearsay(&self, digest: &Digest) -> bool {
        matches!(self.arrivals.get(digest), Some((Arrival::Skipped | Arrival::Mounted, _)))
    }
}

impl Moved {
    fn add(&mut self, ledger: &Ledger) {
        self.uploaded += ledger.again;
        for (arrival, size) in ledger.arrivals.values() {
            match arrival {
                Arrival::Uploaded => self.uploaded += size,
                Arrival::Mounted => self.mounted += size,
                Arrival::Skipped => self.skipped += size,
            }
        }
    }
}

/// A tree while it is sent. Its tag moves by itself, and later: when all that is attached is there, too.
pub(crate) struct Sending {
    pub(crate) run: Arc<Run>,
    pub(crate) tree: Tree,
    pub(crate) ledger: Mutex<Ledger>,
    /// Manifests that were refused because something below them is gone, and for which that was sent once
    /// more.
    pub(crate) restored: Mutex<HashSet<Digest>>,
    /// Manifests that were sent once more because another one that needs them was refused.
    pub(crate) resent: Mutex<HashSet<Digest>>,
    /// Manifests that a policy of the registry keeps back until what is attached to them is there, with their
    /// labels. They are read back then.
    pub(crate) withheld: Mutex<Vec<(Digest, String)>>,
    /// Manifests that the registry has acknowledged.
    pub(crate) acknowledged: Mutex<HashSet<Digest>>,
}

impl Sending {
    pub(crate) fn new(run: &Arc<Run>, tree: Tree) -> Self {
        let (ledger, restored, resent, withheld, acknowledged) = Default::default();
        Sending { run: Arc::clone(run), tree, ledger, restored, resent, withheld, acknowledged }
    }

    /// The tree is at the target; the bundle's own copy of its blobs is proven all the same.
    pub(crate) async fn check(&self) -> Result<(), ImageError> {
        self.for_each_blob(|run, blob| async move {
            run.blobs.check(blob.digest, blob.label).await.map(|()| Arrival::Skipped)
        })
        .await
    }

    /// Brings the tree to the target, all but its tag: blobs, children, and the tree's own manifest by its
    /// digest.
    pub(crate) async fn content(&self) -> Result<(), ImageError> {
        self.for_each_blob(|run, blob| {
            let repository = self.tree.repository.clone();
            async move { run.blobs.bring(blob.digest, blob.label, &repository).await }
        })
        .await?;
        let graph = self.run.source.graph();
        for step in graph.upload_steps(&self.tree.digest) {
            let carried = step.into_iter().filter(|entry| graph.carries(&entry.descriptor.digest));
            let sends: Vec<_> = carried.map(|entry| self.manifest(entry)).collect();
            futures::stream::iter(sends).buffer_unordered(self.run.jobs).try_collect::<Vec<()>>().await?;
        }
        Ok(())
    }

    /// Puts the tree's own manifest under its tag, if it has one, and reads it back; before that, what was
    /// withheld so far.
    pub(crate) async fn tag(&self) -> Result<(), ImageError> {
        self.read_withheld().await?;
        let entry = self.run.source.graph().manifest(&self.tree.digest);
        let Some((entry, raw)) = entry.and_then(|entry| Some((entry, entry.raw.as_ref()?))) else {
            return Ok(());
        };
        let selector = &self.tree.selector;
        if matches!(selector, Selector::Digest(_)) {
            return Ok(());
        }
        let label = self.tree.target();
        let by_digest = locked(&self.acknowledged).contains(&raw.digest());
        self.put(entry, raw, selector, &label).await?;
        if !by_digest {
            self.read_back(raw, Selector::Digest(raw.digest()), &label).await?;
        }
        self.read_back(raw, selector.clone(), &label).await
    }

    /// Adds what went by so far.
    pub(crate) fn count(&self, moved: &mut Moved) {
        moved.add(&locked(&self.ledger));
    }
}

/// Nobody panics while it is held, and if somebody did, what was counted would count.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sending {
    /// Sends one manifest's bytes by digest and reads them back.
    pub(crate) async fn manifest(&self, entry: &ManifestEntry) -> Result<(), ImageError> {
        let Some(raw) = &entry.raw else { return Ok(()) };
        let tree = &self.tree;
        let by_digest = Selector::Digest(raw.digest());
        let is_root = raw.digest() == tree.digest;
        let label = if is_root { tree.target() } else { format!("{} of {}", entry.label, tree.name) };
        match self.put(entry, raw, &by_digest, &label).await {
            // Then its tag has to do, when its turn comes.
            Err(error) if is_root && tree.is_tagged() && error.says_no_digests() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                match self.read_back(raw, by_digest, &label).await {
                    Err(ImageError::Withheld { label, .. }) => {
                        locked(&self.withheld).push((raw.digest(), label));
                    }
                    outcome => outcome?,
                }
                locked(&self.acknowledged).insert(raw.digest());
                Ok(())
            }
        }
    }

    /// Puts a manifest; once more where what it leads to had got lost, and could be sent again.
    async fn put(
        &self,
        entry: &ManifestEntry,
        raw: &RawManifest,
        selector: &Selector,
        label: &str,
    ) -> Result<(), ImageError> {
        let Err(refused) = self.put_patiently(raw, selector, label).await else { return Ok(()) };
        let graph = self.run.source.graph();
        if !self.restore(entry, raw, label, &refused).await? {
            return Err(not_taken(graph, raw, label.to_owned(), refused));
        }
        let Err(source) = self.put_patiently(raw, selector, label).await else { return Ok(()) };
        let label = label.to_owned();
        Err(if source.refusal().is_some_and(says_lacking) {
            ImageError::Lost { label, source }
        } else {
            not_taken(graph, raw, label, source)
        })
    }

    /// Reads back what a policy kept back. What is attached has come by now, signatures among it.
    async fn read_withheld(&self) -> Result<(), ImageError> {
        let withheld = std::mem::take(&mut *locked(&self.withheld));
        for (digest, label) in withheld {
            let entry = self.run.source.graph().manifest(&digest);
            if let Some(raw) = entry.and_then(|entry| entry.raw.as_ref()) {
                self.read_back(raw, Selector::Digest(digest), &label).await?;
            }
        }
        Ok(())
    }

    async fn read_back(&self, raw: &RawManifest, selector: Selector, label: &str) -> Result<(), ImageError> {
        let repository = &self.tree.repository;
        read_back(&self.run.transport, repository, selector, (raw.media_type(), raw.bytes()), label).await
    }
}

/// Asks for a manifest that was sent: the bytes and the media type have to be those that were sent. Clients
/// go by the type that the registry tells, so one that tells another hands out another manifest. What doesn't
/// show yet is waited for.
async fn read_back(
    transport: &Transport,
    repository: &Repository,
    selector: Selector,
    sent: (&str, &[u8]),
    label: &str,
) -> Result<(), ImageError> {
    let mut patience = transport.patience(label);
    loop {
        let Err(error) = read_back_once(transport, repository, &selector, sent, label).await else {
            return Ok(());
        };
        let may_come = matches!(error, ImageError::Vanished { .. } | ImageError::Overtaken { .. });
        if !may_come || !patience.wait("it was taken, and does not show yet").await {
            return Err(error);
        }
    }
}

async fn read_back_once(
    transport: &Transport,
    repository: &Repository,
    selector: &Selector,
    (media_type, bytes): (&str, &[u8]),
    label: &str,
) -> Result<(), ImageError> {
    let (label, selector) = (label.to_owned(), selector.clone());
    match transport.get_manifest(repository, &selector, Access::Push).await {
        // By its digest it is what was sent, so the tag is that of something else, still or again.
        Ok(Some(found)) if found.bytes != bytes => {
            Err(ImageError::Overtaken { label, there: Digest::sha256(&found.bytes) })
        }
        Ok(Some(found)) => match found.content_type {
            Some(told) if told != media_type => {
                Err(ImageError::Retyped { label, selector, sent: media_type.to_owned(), told })
            }
            _ => Ok(()),
        },
        Ok(None) => Err(ImageError::Vanished { label, selector }),
        Err(source) if source.refusal().is_some_and(is_withheld) => {
            Err(ImageError::Withheld { label, source })
        }
        Err(source) => Err(ImageError::ReadBack { label, source }),
    }
}

/// A blob of a tree, with its place in words.
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) label: String,
}

/// All blobs below a manifest that the bundle carries, each once.
pub(crate) fn blobs_below(graph: &Graph, digest: &Digest, name: &str) -> Vec<Blob> {
    let name = airlift_oci::reference::familiar(name).escape_debug();
    let mut seen = HashSet::new();
    let mut blobs = Vec::new();
    for entry in graph.below(digest).into_iter().filter(|entry| graph.carries(&entry.descriptor.digest)) {
        for (part, blob) in entry.raw.iter().flat_map(|raw| graph.carried_blobs(raw)) {
            if seen.insert(blob.digest) {
                let place = if entry.parent.is_none() { String::new() } else { format!("{} ", entry.label) };
                let label = format!("{name} {place}{part}");
                blobs.push(Blob { digest: blob.digest, size: blob.size, label });
            }
        }
    }
    blobs
}

impl Sending {
    /// Works on all blobs of the tree, some at a time, on all cores; the first failure ends it.
    async fn for_each_blob<F>(&self, work: impl Fn(Arc<Run>, Blob) -> F) -> Result<(), ImageError>
    where
        F: Future<Output = Result<Arrival, BlobError>> + Send + 'static,
    {
        let (run, tree) = (&self.run, &self.tree);
        let mut waiting = blobs_below(run.source.graph(), &tree.digest, &tree.name).into_iter();
        let mut tasks = JoinSet::new();
        let outcome = loop {
            while tasks.len() < run.jobs
                && let Some(blob) = waiting.next()
            {
                let (label, digest, size) = (blob.label.clone(), blob.digest, blob.size);
                let task = work(Arc::clone(run), blob);
                tasks.spawn(async move { (label, digest, size, task.await) });
            }
            match tasks.join_next().await {
                None => break Ok(()),
                Some(Ok((_, digest, size, Ok(arrival)))) => {
                    locked(&self.ledger).note(digest, arrival, size);
                }
                Some(Ok((label, _, _, Err(source)))) => break Err(ImageError::Blob { label, source }),
                Some(Err(error)) => {
                    break Err(ImageError::Blob { label: tree.name.clone(), source: BlobError::Task(error) });
                }
            }
        };
        tasks.shutdown().await;
        outcome
    }
}
