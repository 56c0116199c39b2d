//! Hashes every blob, in place and on all cores.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use airlift_bundle::{Finding, Rule, parallel};
use airlift_lists::lock::Lock;
use airlift_oci::graph::BlobEntry;
use airlift_oci::{Digest, Event, Graph, Limits, Observer, Phase};

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
        let there = graph.blobs().filter(|blob| self.blobs.contains(&blob.descriptor.digest));
        let bytes = there.map(|blob| blob.descriptor.size).fold(0, u64::saturating_add);
        let positions: Vec<usize> = (0..graph.blob_count()).collect();
        let _phase = Phase::Verify.start(observer, bytes);
        let hashed = AtomicU64::new(0);
        let findings = parallel::filter_map(&positions, jobs, |position| {
            self.hash_blob(graph, &graph.blob(*position)?, observer, &hashed)
        });
        for finding in findings {
            self.damaged.extend(finding.digest.map(|digest| (digest, ())));
            self.findings.push(finding);
        }
        self.hashed += hashed.into_inner();
    }

    fn hash_blob(
        &self,
        graph: &Graph,
        blob: &BlobEntry<'_>,
        observer: &dyn Observer,
        hashed: &AtomicU64,
    ) -> Option<Finding> {
        let digest = blob.descriptor.digest;
        let section = self.blob(&digest)?;
        let label = graph.path_of_blob(blob).join(" ");
        observer.notice(Event::Started { digest, label, size: section.size() });
        let finding = content::hash(&self.archive, &section, digest, |bytes| {
            hashed.fetch_add(bytes, Ordering::Relaxed);
            observer.notice(Event::Advanced { digest, bytes });
        });
        observer.notice(Event::Finished { digest });
        let offset = self.archive.storage().map(|_| section.offset());
        finding.map(|finding| finding.at(offset).of(graph.path_of_blob(blob)))
    }
}
