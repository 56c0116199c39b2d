//! Hashes every blob, in place and on all cores.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use airlift_bundle::findings::FindingsByPosition;
use airlift_bundle::{Finding, Findings, HashStep, Rule, Unhashed, UnhashedList, hash_all};
use airlift_lists::lock::Lock;
use airlift_oci::{Digest, Event, Graph, Limits, MultiBuffer, Observer, Phase};

use crate::content;
use crate::error::ExamineError;
use crate::examined::Examined;
use crate::report::Report;

/// How to verify.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Threads that hash; 0 is one a core.
    pub jobs: usize,
    /// The id that the bundle must have, as it is known by a separate channel.
    pub expect: Option<Digest>,
    /// The lock that says which images the bundle must have, and no others.
    pub lock: Option<&'a Lock>,
    /// A bundle beyond these is taken for an attack.
    pub limits: Limits,
}

/// Verifies the bundle at `path`: reads and hashes all of it, and reports everything that is wrong.
///
/// # Errors
/// If it can't be opened as a layout, or reading it fails. What is wrong with it is no error.
pub fn verify(path: &Path, options: &Options<'_>, observer: &dyn Observer) -> Result<Report, ExamineError> {
    let mut examined = Examined::open(path, options.limits)?;
    if let Some(expected) = options.expect {
        examined.expect(expected);
    }
    examined.hash_blobs(options.jobs, observer);
    examined.name_altered_volumes(options.jobs, observer);
    if let Some(lock) = options.lock {
        examined.compare_with_lock(lock);
    }
    Ok(examined.report())
}

impl Examined {
    /// Compares the bundle's id with the one that was expected.
    pub fn expect(&mut self, expected: Digest) {
        if self.id == Some(expected) {
            return;
        }
        let found = self.id.map_or("it has none".to_owned(), |id| format!("its id is {id}"));
        let message = format!("this is not the bundle {expected}: {found}");
        self.findings.push(Finding::new(Rule::ExpectedId, message));
    }

    /// Hashes all blobs that are there.
    pub fn hash_blobs(&mut self, jobs: usize, observer: &dyn Observer) {
        let Some(graph) = &self.graph else { return };
        let there =
            graph.blobs().filter(|blob| self.blobs.get(&self.archive, &blob.descriptor.digest).is_some());
        let bytes = there.map(|blob| blob.descriptor.size).fold(0, u64::saturating_add);
        let _phase = Phase::Verify.start(observer, bytes);
        let (hashed, findings) = (AtomicU64::new(0), Mutex::new(Findings::by_position()));
        let blobs = UnhashedBlobs { examined: self, graph, observer, hashed: &hashed, findings: &findings };
        let damaged = hash_all(&blobs, jobs, MultiBuffer::detect());
        let digests = damaged.iter().filter_map(|position| Some(graph.blob(*position)?.descriptor.digest));
        self.damaged.reserve(damaged.len());
        self.damaged.extend(digests.map(|digest| (digest, ())));
        self.findings.extend_by_position(findings.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.hashed += hashed.into_inner();
    }
}

/// The blobs of a graph, by their positions there.
struct UnhashedBlobs<'a> {
    examined: &'a Examined,
    graph: &'a Graph,
    observer: &'a dyn Observer,
    /// Bytes that were hashed so far.
    hashed: &'a AtomicU64,
    /// What is wrong with blobs.
    findings: &'a Mutex<FindingsByPosition>,
}

impl UnhashedList for UnhashedBlobs<'_> {
    /// The position of a damaged blob.
    type Found = usize;

    fn count(&self) -> usize {
        self.graph.blob_count()
    }

    fn at(&self, position: usize) -> Option<Unhashed> {
        let digest = self.graph.blob(position)?.descriptor.digest;
        Some(Unhashed { section: self.examined.blob(&digest)?, algorithm: digest.algorithm() })
    }

    fn notice(&self, position: usize, step: HashStep) {
        let Some(blob) = self.graph.blob(position) else { return };
        let digest = blob.descriptor.digest;
        self.observer.notice(match step {
            HashStep::Started => {
                let label = self.graph.path_of_blob(&blob).join(" ");
                Event::Started { digest, label, size: blob.descriptor.size }
            }
            HashStep::Hashed(bytes) => {
                self.hashed.fetch_add(bytes, Ordering::Relaxed);
                Event::Advanced { digest, bytes }
            }
            HashStep::Finished => Event::Finished { digest },
        });
    }

    fn keep(&self, position: usize, digest: io::Result<Digest>) -> Option<usize> {
        let archive = &self.examined.archive;
        let blob = self.graph.blob(position)?;
        let expected = blob.descriptor.digest;
        let finding = content::compare(archive, expected, digest)?;
        let offset = archive.storage().and_then(|_| Some(self.examined.blob(&expected)?.offset()));
        let finding = finding.at(offset).of(self.graph.path_of_blob(&blob));
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).insert(position, finding);
        Some(position)
    }
}
