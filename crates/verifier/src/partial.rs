//! Other tools' layouts that hold a part of an image: `docker save` of today writes the index of all
//! platforms and, of its children, what the store has. Nothing in such a layout says what was left out. So a
//! platform of which nothing is there counts as left out, as long as another one is there; one of which
//! something is missing is damaged.
//!
//! What is found here is said in the terms of our own bundles (a root's selection, and what is absent below
//! it), so that all commands treat both alike.

use std::collections::HashSet;

use airlift_bundle::{Finding, Rule};
use airlift_oci::graph::{GraphBuilder, Leaf, ManifestEntry, leaves};
use airlift_oci::selection::Selection;
use airlift_oci::{Digest, Graph, Limits, Root};

use crate::examine::Examiner;

/// How many platforms a sentence names.
const NAMED: usize = 8;

/// What a layout holds of an image.
#[derive(Default)]
struct Parts {
    /// Manifests of images that are there, at least in part.
    there: Vec<Leaf>,
    /// Those of which nothing is there, but perhaps the manifest.
    not_there: Vec<Leaf>,
    /// Attestations of which nothing is there, but perhaps the manifest.
    attestations: Vec<Leaf>,
}

impl Examiner<'_> {
    /// The graph with what isn't there left out, where that can be told from damage.
    pub(crate) fn settle_partial(&mut self, graph: Graph, limits: Limits) -> Graph {
        let mut findings = self.archive.findings().iter().chain(self.archive.volume_findings());
        if self.ours || findings.any(|finding| finding.is_error()) {
            return graph;
        }
        let mut roots = graph.roots.clone();
        let mut findings = Vec::new();
        for root in roots.iter_mut().filter(|root| root.selection.is_none() && root.absent.is_empty()) {
            findings.extend(self.declare(&graph, root));
        }
        if findings.is_empty() {
            return graph;
        }
        let Some(settled) = again(&graph, roots, limits) else { return graph };
        let absent: HashSet<Digest> = settled.absent().iter().map(|entry| entry.descriptor.digest).collect();
        self.findings.retain(|one| {
            one.rule != Rule::ManifestMissing || one.digest.is_none_or(|it| !absent.contains(&it))
        });
        self.damaged.retain(|digest| !absent.contains(digest));
        self.findings.extend(findings);
        settled
    }

    /// Declares on a root what is not there; says what that is.
    fn declare(&self, graph: &Graph, root: &mut Root) -> Vec<Finding> {
        let parts = self.parts_of(graph, root);
        let is_partial = !parts.not_there.is_empty();
        if is_partial && parts.there.is_empty() {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if is_partial {
            let platforms = parts.there.iter().filter_map(|leaf| leaf.platform.clone());
            let by_config = parts.there.iter().filter(|leaf| leaf.platform_in_config).map(|leaf| leaf.digest);
            root.selection = Some(Selection::new(platforms).with_manifests(by_config));
            let message = format!(
                "this is a part of the image: {} in it; {} not",
                listed(graph, &parts.there),
                listed(graph, &parts.not_there)
            );
            findings.push(Finding::new(Rule::IndexPartial, message).of(vec![root.name()]));
        }
        let left_out: HashSet<Digest> = parts.not_there.iter().map(|leaf| leaf.digest).collect();
        let lost = parts.attestations.iter().filter(|leaf| {
            let entry = graph.manifest(&leaf.digest);
            let subject = entry.and_then(|entry| entry.descriptor.attested());
            subject.is_none_or(|subject| !left_out.contains(&subject))
        });
        let lost: Vec<&Leaf> = lost.collect();
        findings.extend(lost.iter().filter_map(|leaf| self.lost_attestation(graph, leaf)));
        let missing = parts.not_there.iter().chain(&parts.attestations);
        let missing = missing.filter(|leaf| self.archive.blob(&leaf.digest).is_none()).chain(lost);
        root.absent = missing.map(|leaf| leaf.digest).collect();
        root.absent.sort();
        root.absent.dedup();
        findings
    }

    fn lost_attestation(&self, graph: &Graph, leaf: &Leaf) -> Option<Finding> {
        let position = graph.manifests.iter().position(|entry| entry.descriptor.digest == leaf.digest)?;
        let message = "this attestation is not in the layout, and what it speaks of is";
        let finding = Finding::new(Rule::ManifestAbsent, message).about(leaf.digest);
        Some(finding.of(graph.path_of_manifest(position)))
    }

    fn parts_of(&self, graph: &Graph, root: &Root) -> Parts {
        let leaves = leaves(graph, root);
        let is_there = |digest: &Digest| self.archive.blob(digest).is_some();
        let blobs_of = |leaf: &Leaf| -> Vec<Digest> {
            let raw = graph.manifest(&leaf.digest).and_then(|entry| entry.raw.as_ref());
            let blobs = raw.into_iter().flat_map(Graph::blobs_of).map(|(_, blob)| blob);
            blobs.filter(|blob| blob.urls.is_empty()).map(|blob| blob.digest).collect()
        };
        // Platforms share layers, and never configs.
        let has_config = |leaf: &Leaf| blobs_of(leaf).first().is_none_or(is_there);
        let held: HashSet<Digest> =
            leaves.iter().filter(|leaf| has_config(leaf)).flat_map(blobs_of).collect();
        let nothing_of = |leaf: &Leaf| {
            !is_there(&leaf.digest)
                || !has_config(leaf)
                    && blobs_of(leaf).iter().all(|blob| held.contains(blob) || !is_there(blob))
        };
        let mut parts = Parts::default();
        for leaf in leaves {
            let is_attestation =
                graph.manifest(&leaf.digest).is_some_and(|entry| entry.descriptor.is_attestation());
            match (is_attestation, nothing_of(&leaf)) {
                (true, true) => parts.attestations.push(leaf),
                (true, false) => {}
                (false, true) => parts.not_there.push(leaf),
                (false, false) => parts.there.push(leaf),
            }
        }
        parts
    }
}

/// The walk once more, over manifests that were read already; `None` where it would be refused, which it
/// wasn't before.
fn again(graph: &Graph, roots: Vec<Root>, limits: Limits) -> Option<Graph> {
    let mut builder = GraphBuilder::new(roots, limits).ok()?;
    while !builder.wanted().is_empty() {
        let known = |wanted: &ManifestEntry| graph.manifest(&wanted.descriptor.digest)?.raw.clone();
        let answers = builder.wanted().iter().map(known).collect();
        builder.supply(answers).ok()?;
    }
    builder.finish().ok()
}

/// `linux/amd64 is`, `linux/arm64, linux/s390x and 3 more are`.
fn listed(graph: &Graph, of: &[Leaf]) -> String {
    let name = |leaf: &Leaf| match (&leaf.platform, graph.manifest(&leaf.digest)) {
        (Some(platform), _) => platform.shown(),
        (None, Some(entry)) => entry.label.clone(),
        (None, None) => format!("{}…", leaf.digest.short()),
    };
    let names: Vec<String> = of.iter().take(NAMED).map(name).collect();
    let more = match of.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more} {}", names.join(", "), if of.len() == 1 { "is" } else { "are" })
}
