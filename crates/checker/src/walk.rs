//! The graph below an image, walked at a registry: which manifests and blobs are there.

use std::collections::{HashMap, HashSet};

use airlift_oci::graph::{ManifestEntry, leaves};
use airlift_oci::{
    Descriptor, Digest, Graph, GraphBuilder, GraphError, ManifestError, RawManifest, Repository, Root,
};
use futures::{StreamExt, stream};

use crate::attached_tags::AttachedTags;
use crate::blobs::{Blobs, FoundBlob};
use crate::checked_image::Part;
use crate::error::CheckError;
use crate::hosts::Hosts;
use crate::manifests::{FoundManifest, Manifests};
use crate::options::CheckOptions;
use crate::scope::Scope;
use crate::wanted::AttachedTag;

/// What all walks share.
pub(crate) struct Walker {
    pub(crate) hosts: Hosts,
    pub(crate) manifests: Manifests,
    pub(crate) blobs: Blobs,
    pub(crate) options: CheckOptions,
    /// Requests of one image side by side.
    pub(crate) requests: usize,
}

/// What was found below an image.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) missing: Vec<Part>,
    pub(crate) damaged: Vec<Part>,
    /// Why a part could not be followed, although its bytes are there.
    pub(crate) refused: Option<CheckError>,
    /// Why something could not be found out.
    pub(crate) unknown: Option<CheckError>,
    pub(crate) platforms: Vec<String>,
    pub(crate) size: u64,
}

/// What is walked.
pub(crate) struct Below<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) image: RawManifest,
    pub(crate) attached: &'a [Digest],
    pub(crate) attached_tags: &'a [AttachedTag],
    pub(crate) scope: &'a Scope,
}

impl Walker {
    /// Looks at all that is below an image whose manifest is there, and at what is attached to it.
    pub(crate) async fn walk(&self, below: Below<'_>) -> Walked {
        let mut walked = Walked::default();
        let mut roots = vec![below.image.clone()];
        let attached = self.attached(&below, &mut walked).await;
        self.tags_of_attached(&below, &attached, &mut walked).await;
        roots.extend(attached);
        match self.graph(&below, roots, &mut walked).await {
            Ok(graph) => self.blobs_of(&below, &graph, &mut walked).await,
            Err(error) => walked.refuse(CheckError::Graph(error)),
        }
        // Answers come in any order.
        walked.missing.sort();
        walked.damaged.sort();
        walked
    }

    /// The manifests of what is attached.
    async fn attached(&self, below: &Below<'_>, walked: &mut Walked) -> Vec<RawManifest> {
        let asked = below.attached.iter().filter(|digest| **digest != below.image.digest());
        let answers: Vec<_> = stream::iter(asked)
            .map(|digest| async {
                (*digest, self.manifests.get(&self.hosts, below.repository, *digest).await)
            })
            .buffered(self.requests)
            .collect()
            .await;
        let found = answers.into_iter().filter_map(|(digest, answer)| {
            walked.take(Part { digest, place: "attached".to_owned() }, answer)
        });
        found.collect()
    }

    /// The tags by which clients find what is attached.
    async fn tags_of_attached(&self, below: &Below<'_>, attached: &[RawManifest], walked: &mut Walked) {
        let (hosts, manifests, repository) = (&self.hosts, &self.manifests, below.repository);
        let tags = AttachedTags { hosts, manifests, repository, attached, requests: self.requests };
        for answer in tags.look_up(below.attached_tags).await {
            match answer {
                Ok(lost) => walked.missing.extend(lost),
                Err(error) => drop(walked.unknown.get_or_insert(error)),
            }
        }
    }

    /// The graph below these roots, without what is not there and what was left out by choice.
    async fn graph(
        &self,
        below: &Below<'_>,
        roots: Vec<RawManifest>,
        walked: &mut Walked,
    ) -> Result<Graph, GraphError> {
        let root = |raw: &RawManifest| Root::new(raw.descriptor(), None);
        let mut builder = GraphBuilder::new(roots.iter().map(root).collect(), self.options.limits)?;
        let known: HashMap<Digest, RawManifest> = roots.into_iter().map(|raw| (raw.digest(), raw)).collect();
        let mut left_out = HashSet::new();
        while !builder.wanted().is_empty() {
            let wanted = self.chosen(&builder, below.scope, &mut left_out);
            let answers: Vec<_> = stream::iter(wanted)
                .map(|asked| async {
                    let descriptor = asked?;
                    let answer = match known.get(&descriptor.digest) {
                        Some(raw) => Ok(FoundManifest::There(raw.clone())),
                        None => self.manifests.get(&self.hosts, below.repository, descriptor.digest).await,
                    };
                    Some(answer.map(|found| as_described(found, &descriptor)))
                })
                .buffered(self.requests)
                .collect()
                .await;
            let answers = answers.into_iter().zip(builder.wanted()).map(|(answer, entry)| {
                let part = Part { digest: entry.descriptor.digest, place: entry.label.clone() };
                answer.and_then(|answer| walked.take(part, answer))
            });
            let answers = answers.collect();
            builder.supply(answers)?;
        }
        builder.finish()
    }

    /// What to ask for of that which the builder wants; `None` for what was left out by choice.
    fn chosen(
        &self,
        builder: &GraphBuilder,
        scope: &Scope,
        left_out: &mut HashSet<Digest>,
    ) -> Vec<Option<Descriptor>> {
        let describe = |entry: &ManifestEntry| (entry.parent.is_none(), builder.descriptor_of(entry));
        let wanted: Vec<(bool, Descriptor)> = builder.wanted().iter().map(describe).collect();
        // Twice, since an attestation may stand before what it describes.
        for _ in 0..2 {
            let others = wanted.iter().filter(|(is_root, child)| !is_root && !scope.takes(child, left_out));
            let others: Vec<Digest> = others.map(|(_, child)| child.digest).collect();
            left_out.extend(others);
        }
        let ask = |(is_root, child): (bool, Descriptor)| {
            (is_root || !left_out.contains(&child.digest)).then_some(child)
        };
        wanted.into_iter().map(ask).collect()
    }

    async fn blobs_of(&self, below: &Below<'_>, graph: &Graph, walked: &mut Walked) {
        walked.platforms = platforms_of(graph);
        self.blobs.announce(below.repository, graph);
        let mut answers = stream::iter(graph.blobs())
            .map(|entry| async move {
                let blob = entry.descriptor.read();
                let answer = self.blobs.get(&self.hosts, below.repository, &blob).await;
                (entry, answer)
            })
            .buffer_unordered(self.requests);
        while let Some((entry, answer)) = answers.next().await {
            walked.size = walked.size.saturating_add(entry.descriptor.size);
            let part = || {
                let path = graph.path_of_blob(&entry);
                Part { digest: entry.descriptor.digest, place: path.get(1..).unwrap_or_default().join(" ") }
            };
            match answer {
                Ok(FoundBlob::There) => {}
                // Its manifest says where else it may be had.
                Ok(FoundBlob::Absent) if entry.descriptor.has_urls() => {}
                Ok(FoundBlob::Absent) => walked.missing.push(part()),
                Ok(FoundBlob::Damaged) => walked.damaged.push(part()),
                Err(error) => drop(walked.unknown.get_or_insert(error)),
            }
        }
    }
}

impl Walked {
    /// The manifest of an answer. What is not there is noted.
    fn take(&mut self, part: Part, answer: Result<FoundManifest, CheckError>) -> Option<RawManifest> {
        match answer {
            Ok(FoundManifest::There(raw)) => return Some(raw),
            Ok(FoundManifest::Absent) => self.missing.push(part),
            Ok(FoundManifest::Other(error)) => {
                self.missing.push(part);
                self.refuse(error);
            }
            Err(error) => drop(self.unknown.get_or_insert(error)),
        }
        None
    }

    fn refuse(&mut self, error: CheckError) {
        self.refused.get_or_insert(error);
    }
}

/// A manifest that has to have the size and type that its index names.
fn as_described(found: FoundManifest, descriptor: &Descriptor) -> FoundManifest {
    let FoundManifest::There(raw) = found else { return found };
    let described = if raw.size() == descriptor.size {
        raw.announced_as(Some(&descriptor.media_type))
    } else {
        let (digest, expected, actual) = (raw.digest(), descriptor.size, raw.size());
        Err(ManifestError::Size { digest, expected, actual })
    };
    match described {
        Ok(raw) => FoundManifest::There(raw),
        Err(error) => FoundManifest::Other(CheckError::Manifest(error)),
    }
}

/// The platforms of the manifests that are there, as far as an index names them.
fn platforms_of(graph: &Graph) -> Vec<String> {
    let mut platforms = Vec::new();
    for leaf in graph.roots.first().map(|root| leaves(graph, root)).unwrap_or_default() {
        let is_there = graph.manifest(&leaf.digest).is_some_and(|entry| entry.raw.is_some());
        let Some(name) = leaf.platform.filter(|_| is_there).map(|platform| platform.shown()) else {
            continue;
        };
        if !platforms.contains(&name) {
            platforms.push(name);
        }
    }
    platforms
}
