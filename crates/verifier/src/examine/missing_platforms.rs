//! Other tools' layouts that lack platforms of an image. `docker save` of today writes the index of all
//! platforms, but only those of its children that the store has. Nothing in such a layout says what was left
//! out. So a platform counts as left out if nothing of it is there and another platform is there. If only
//! a part of a platform is there, the layout is damaged.
//!
//! The result has the form of Airlift's own bundles: a root's selection, and what is absent below it. So all
//! commands treat both alike.

use std::collections::HashSet;

use airlift_bundle::{Finding, Rule};
use airlift_oci::graph::{GraphBuilder, Leaf, ManifestEntry, leaves};
use airlift_oci::selection::Selection;
use airlift_oci::{Digest, DigestSet, Graph, Limits, Root};

use super::examiner::Examiner;

/// How many platforms a sentence names.
const NAMED: usize = 8;

/// The manifests of an image, by what a layout holds of them.
#[derive(Default)]
struct Parts {
    /// Platforms that are there, at least in part.
    present: Vec<Leaf>,
    /// Platforms of which nothing is there, but perhaps the manifest.
    missing: Vec<Leaf>,
    /// Attestations of which nothing is there, but perhaps the manifest.
    missing_attestations: Vec<Leaf>,
}

impl Examiner {
    /// The graph without the platforms that are not there, where that is no damage.
    pub(super) fn leave_out_missing_platforms(&mut self, graph: Graph, limits: Limits) -> Graph {
        if self.is_own || self.archive.has_errors() {
            return graph;
        }
        let mut roots = graph.roots.clone();
        let mut findings = Vec::new();
        for root in roots.iter_mut().filter(|root| root.selection.is_none() && root.absent.is_empty()) {
            findings.extend(self.leave_out(&graph, root));
        }
        if findings.is_empty() {
            return graph;
        }
        let Some(settled) = walk_again(&graph, roots, limits) else { return graph };
        let absent: HashSet<Digest> = settled.absent().iter().map(|entry| entry.descriptor.digest).collect();
        self.findings.retain(|one| {
            one.rule != Rule::ManifestMissing || one.digest.is_none_or(|it| !absent.contains(&it))
        });
        self.damaged = self.damaged.digests().filter(|digest| !absent.contains(digest)).collect();
        self.findings.extend(findings);
        settled
    }

    /// Notes on a root which of its manifests are not there. Returns the findings on that.
    fn leave_out(&self, graph: &Graph, root: &mut Root) -> Vec<Finding> {
        let parts = self.parts_of(graph, root);
        let is_partial = !parts.missing.is_empty();
        if is_partial && parts.present.is_empty() {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if is_partial {
            findings.push(select_present(graph, root, &parts));
        }
        let left_out: HashSet<Digest> = parts.missing.iter().map(|leaf| leaf.digest).collect();
        let is_lost = |leaf: &&Leaf| {
            let entry = graph.manifest(&leaf.digest);
            let subject = entry.and_then(|entry| graph.descriptor_of(entry).attested());
            subject.is_none_or(|subject| !left_out.contains(&subject))
        };
        let lost: Vec<&Leaf> = parts.missing_attestations.iter().filter(is_lost).collect();
        findings.extend(lost.iter().filter_map(|leaf| lost_attestation(graph, leaf)));
        let missing = parts.missing.iter().chain(&parts.missing_attestations);
        let absent = missing.filter(|leaf| self.archive.blob(&leaf.digest).is_none()).chain(lost);
        root.absent = absent.map(|leaf| leaf.digest).collect();
        root.absent.sort();
        root.absent.dedup();
        findings
    }

    fn parts_of(&self, graph: &Graph, root: &Root) -> Parts {
        let leaves = leaves(graph, root);
        let is_there = |digest: &Digest| self.archive.blob(digest).is_some();
        // Platforms share layers, and never configs.
        let has_config = |leaf: &Leaf| blobs_of(graph, leaf).first().is_none_or(is_there);
        let present: DigestSet =
            leaves.iter().filter(|leaf| has_config(leaf)).flat_map(|leaf| blobs_of(graph, leaf)).collect();
        let is_missing = |leaf: &Leaf| {
            let is_of_others = |blob: &Digest| present.contains(blob) || !is_there(blob);
            !is_there(&leaf.digest) || !has_config(leaf) && blobs_of(graph, leaf).iter().all(is_of_others)
        };
        let mut parts = Parts::default();
        for leaf in leaves {
            let is_attestation =
                graph.manifest(&leaf.digest).is_some_and(|entry| graph.descriptor_of(entry).is_attestation());
            match (is_attestation, is_missing(&leaf)) {
                (true, true) => parts.missing_attestations.push(leaf),
                (true, false) => {}
                (false, true) => parts.missing.push(leaf),
                (false, false) => parts.present.push(leaf),
            }
        }
        parts
    }
}

/// The blobs that a manifest names and that have to be in a layout: those without `urls`.
fn blobs_of(graph: &Graph, leaf: &Leaf) -> Vec<Digest> {
    let raw = graph.manifest(&leaf.digest).and_then(|entry| entry.raw.as_ref());
    let blobs = raw.into_iter().flat_map(Graph::blobs_of).map(|(_, blob)| blob);
    blobs.filter(|blob| !blob.has_urls()).map(|blob| blob.digest).collect()
}

/// Selects on a root the platforms that are there. Returns the finding on that.
fn select_present(graph: &Graph, root: &mut Root, parts: &Parts) -> Finding {
    let platforms = parts.present.iter().filter_map(|leaf| leaf.platform.clone());
    let by_config = parts.present.iter().filter(|leaf| leaf.platform_in_config).map(|leaf| leaf.digest);
    root.selection = Some(Selection::new(platforms).with_manifests(by_config));
    let message = format!(
        "this is a part of the image: {} in it; {} not",
        listed(graph, &parts.present),
        listed(graph, &parts.missing)
    );
    Finding::new(Rule::IndexPartial, message).of(vec![root.name()])
}

/// An attestation that is not there although its image is.
fn lost_attestation(graph: &Graph, leaf: &Leaf) -> Option<Finding> {
    let position = graph.manifests.iter().position(|entry| entry.descriptor.digest == leaf.digest)?;
    let message = "this attestation is not in the layout, and what it speaks of is";
    let finding = Finding::new(Rule::ManifestAbsent, message).about(leaf.digest);
    Some(finding.of(graph.path_of_manifest(position)))
}

/// Walks manifests once more that were read already; `None` if that is refused, which it was not before.
fn walk_again(graph: &Graph, roots: Vec<Root>, limits: Limits) -> Option<Graph> {
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
