//! Hashes every blob, in place and on all cores, and draws up the report.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use airlift_bundle::{Finding, Rule, parallel};
use airlift_oci::contents::Platforms;
use airlift_oci::graph::BlobEntry;
use airlift_oci::{Digest, Event, Graph, Limits, Observer, Phase, Root, contents};

use crate::examine::{ExamineError, Examined};
use crate::report::{self, ImageReport, ReferrerReport, Report, UnknownReport, unreadable};

/// How to verify.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Threads that hash; 0 is one a core.
    pub jobs: usize,
    /// The bundle's id, as it was told on another way.
    pub expect: Option<Digest>,
    /// What is taken for an attack.
    pub limits: Limits,
}

/// Verifies the bundle at `path`: re-reads and hashes all of it, and tells everything that is wrong.
pub fn verify(path: &Path, options: &Options, observer: &dyn Observer) -> Result<Report, ExamineError> {
    let mut examined = Examined::open(path, options.limits)?;
    if let Some(expected) = options.expect {
        examined.expect(expected);
    }
    examined.hash_blobs(options.jobs, observer);
    examined.name_altered_volumes(options.jobs, observer);
    Ok(examined.report())
}

impl Examined {
    /// Holds the bundle's id against the one that was expected.
    pub fn expect(&mut self, expected: Digest) {
        if self.id == Some(expected) {
            return;
        }
        let found = self.id.map_or("it has none".to_owned(), |id| format!("its id is {id}"));
        self.findings
            .push(Finding::new(Rule::ExpectedId, format!("this is not the bundle {expected}: {found}")));
    }

    /// Hashes all blobs that are there.
    pub fn hash_blobs(&mut self, jobs: usize, observer: &dyn Observer) {
        let Some(graph) = &self.graph else { return };
        let blobs: Vec<&BlobEntry> =
            graph.blobs.iter().filter(|blob| self.blobs.contains_key(&blob.descriptor.digest)).collect();
        let bytes = blobs.iter().map(|blob| blob.descriptor.size).fold(0, u64::saturating_add);
        let _phase = Phase::Verify.start(observer, bytes);
        let hashed = AtomicU64::new(0);
        let findings = parallel::map(&blobs, jobs, |blob| self.hash_blob(graph, blob, observer, &hashed));
        for finding in findings.into_iter().flatten() {
            self.damaged.extend(finding.digest);
            self.findings.push(finding);
        }
        self.hashed += hashed.into_inner();
    }

    fn hash_blob(
        &self,
        graph: &Graph,
        blob: &BlobEntry,
        observer: &dyn Observer,
        hashed: &AtomicU64,
    ) -> Option<Finding> {
        let digest = blob.descriptor.digest;
        let section = self.blobs.get(&digest)?;
        let label = graph.path_of_blob(blob).join(" ");
        observer.notice(Event::Started { digest, label, size: section.size() });
        let outcome = section.digest(digest.algorithm(), |bytes| {
            hashed.fetch_add(bytes, Ordering::Relaxed);
            observer.notice(Event::Advanced { digest, bytes });
        });
        observer.notice(Event::Finished { digest });
        let finding = match outcome {
            Ok(found) if found == digest => return None,
            Ok(found) => Finding::new(
                Rule::BlobDigest,
                format!("the content was altered: its digest is {found}, not {digest}"),
            ),
            Err(error) => unreadable(&self.archive, &error),
        };
        let offset = self.archive.storage().map(|_| section.offset());
        Some(finding.about(digest).at(offset).of(graph.path_of_blob(blob)))
    }

    /// The report of what was examined so far.
    pub fn report(&self) -> Report {
        let roots = || self.graph.iter().flat_map(|graph| graph.roots.iter().map(move |root| (graph, root)));
        let images = roots().filter(|(_, root)| root.subject.is_none()).map(|(graph, root)| {
            let platforms = self.platforms(graph, root);
            ImageReport {
                reference: root.reference.clone(),
                digest: root.descriptor.digest,
                ok: self.is_whole(graph, root),
                platforms: platforms.carried,
                omitted_platforms: platforms.omitted,
            }
        });
        let referrers = roots().filter_map(|(graph, root)| {
            let raw = graph.manifest(&root.descriptor.digest).and_then(|entry| entry.raw.as_ref());
            Some(ReferrerReport {
                reference: root.reference.clone(),
                digest: root.descriptor.digest,
                subject: root.subject?,
                artifact_type: raw.and_then(|raw| raw.artifact_type()).map(str::to_owned),
                ok: self.is_whole(graph, root),
            })
        });
        Report {
            schema: report::SCHEMA,
            ok: !self.findings.forbid(),
            state: self.state(),
            id: self.id,
            size: self.archive.size_on_disk(),
            hashed: self.hashed,
            images: images.collect(),
            referrers: referrers.collect(),
            unknown: self.unknown.iter().map(unknown).collect(),
            findings: self.concluded(),
        }
    }

    /// The platforms of an image, as its indexes or configs name them.
    pub fn platforms(&self, graph: &Graph, root: &Root) -> Platforms {
        contents::platforms_of(graph, root, |config| self.small_blob(config))
    }

    pub(crate) fn is_whole(&self, graph: &Graph, root: &Root) -> bool {
        let manifests = graph.below(&root.descriptor.digest);
        let sound = |digest| !self.damaged.contains(digest);
        manifests.iter().all(|entry| entry.raw.is_some() && sound(&entry.descriptor.digest))
            && contents::blobs_of_root(graph, root).iter().all(|(_, _, blob)| sound(&blob.digest))
    }
}

fn unknown(root: &Root) -> UnknownReport {
    UnknownReport {
        reference: root.reference.clone(),
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
    }
}
