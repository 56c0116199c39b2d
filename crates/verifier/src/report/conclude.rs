//! Draws up the report on what was examined.

use std::path::Path;

use airlift_bundle::{Finding, Rule};
use airlift_oci::{Graph, Root};

use super::consequences;
use super::types::{ImageReport, ReferrerReport, Report, SCHEMA, UnknownReport};
use crate::examined::Examined;

/// How many images a sentence names.
const NAMED: usize = 5;

impl Examined {
    /// The report on what was examined so far.
    pub fn report(&self) -> Report {
        let roots = || self.graph.iter().flat_map(|graph| graph.roots.iter().map(move |root| (graph, root)));
        let images = roots().filter(|(_, root)| root.subject.is_none());
        Report {
            schema: SCHEMA,
            ok: !self.findings.has_errors(),
            state: self.state(),
            id: self.id,
            size: self.archive.size_on_disk(),
            hashed: self.hashed,
            images: images.map(|(graph, root)| self.image(graph, root)).collect(),
            referrers: roots().filter_map(|(graph, root)| self.referrer(graph, root)).collect(),
            unknown: self.unknown.iter().map(unknown).collect(),
            findings: self.concluded_findings(),
        }
    }

    fn image(&self, graph: &Graph, root: &Root) -> ImageReport {
        let platforms = self.platforms(graph, root);
        ImageReport {
            reference: root.reference.clone(),
            digest: root.descriptor.digest,
            ok: self.is_whole(graph, root),
            platforms: platforms.carried,
            omitted_platforms: platforms.omitted,
        }
    }

    /// `None` for an image, which is attached to nothing.
    fn referrer(&self, graph: &Graph, root: &Root) -> Option<ReferrerReport> {
        let raw = graph.manifest(&root.descriptor.digest).and_then(|entry| entry.raw.as_ref());
        Some(ReferrerReport {
            reference: root.reference.clone(),
            digest: root.descriptor.digest,
            subject: root.subject?,
            artifact_type: raw.and_then(|raw| raw.artifact_type()).map(str::to_owned),
            ok: self.is_whole(graph, root),
        })
    }

    /// All findings with their places in volumes. Those that follow from others come last.
    fn concluded_findings(&self) -> Vec<Finding> {
        let mut all = self.findings.to_vec();
        consequences::mark(&mut all, &self.archive);
        for one in &mut all {
            one.volume = one.offset.and_then(|offset| self.archive.storage()?.volume_at(offset));
            if matches!(one.rule, Rule::TarTruncated | Rule::TarEnd) {
                one.message.push_str(&self.what_is_missing());
            }
        }
        if self.is_unfinished() {
            all.iter_mut().for_each(|one| one.follows = true);
            all.insert(0, unfinished(self.archive.path()));
        }
        all.sort_by_key(|one| one.follows);
        all
    }

    /// The end of a sentence on an archive that was cut off: which images are not whole.
    fn what_is_missing(&self) -> String {
        let Some(graph) = self.graph().filter(|_| !self.archive.is_docker_archive()) else {
            return String::new();
        };
        let lacking: Vec<&Root> = graph.roots.iter().filter(|root| !self.is_whole(graph, root)).collect();
        let names: Vec<String> = lacking.iter().take(NAMED).map(|root| root.name()).collect();
        let more = match lacking.len().checked_sub(NAMED) {
            None | Some(0) => String::new(),
            Some(more) => format!(" and {more} more"),
        };
        match names.is_empty() {
            true => String::new(),
            false => format!("; what follows is missing: parts of {}{more}", names.join(", ")),
        }
    }
}

/// What is wrong with a file that has the name of an unfinished build.
fn unfinished(path: &Path) -> Finding {
    let message = "this is an unfinished build, not a bundle: the build has not ended, or was broken off";
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Finding::new(Rule::BundleUnfinished, message).of(vec![name.into_owned()])
}

fn unknown(root: &Root) -> UnknownReport {
    UnknownReport {
        reference: root.reference.clone(),
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
    }
}
