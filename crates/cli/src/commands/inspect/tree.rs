//! The tree of a bundle, as a document.

use airlift_bundle::read::Container;
use airlift_oci::graph::{BlobRole, ManifestEntry};
use airlift_oci::manifest::is_image_config;
use airlift_oci::{
    Carried, Digest, DigestSet, Graph, ImageConfig, ListedDescriptor, RawManifest, Root, contents,
};
use airlift_verifier::Examined;

use crate::output::{InspectedBlob, InspectedConfig, InspectedImage, InspectedManifest};

/// Makes documents of a bundle's parts. A manifest's contents come once, at its first place: graphs that
/// share much would be endless as trees.
pub(crate) struct Tree<'a> {
    examined: &'a Examined,
    graph: &'a Graph,
    /// The blobs that several manifests name.
    shared: DigestSet,
    seen: DigestSet,
    configs: Configs,
}

/// Whether the configurations of images are read and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Configs {
    /// For the images or the manifest that were asked for.
    Show,
    /// For all of a bundle, which may have thousands.
    LeaveOut,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(examined: &'a Examined, graph: &'a Graph, configs: Configs) -> Self {
        let (mut named, mut shared) = (DigestSet::default(), DigestSet::default());
        for raw in graph.manifests.iter().filter_map(|entry| entry.raw.as_ref()) {
            let own: DigestSet = Graph::blobs_of(raw).map(|(_, blob)| blob.digest).collect();
            shared
                .extend(own.digests().filter(|digest| !named.insert(*digest, ())).map(|digest| (digest, ())));
        }
        Tree { examined, graph, shared, seen: DigestSet::default(), configs }
    }

    pub(crate) fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// An image with everything below it.
    pub(crate) fn image(&mut self, root: &Root) -> InspectedImage {
        let platforms =
            contents::platforms_of(self.graph, root, |config| self.examined.small_blob(&config.digest));
        let manifest = match self.graph.manifest(&root.descriptor.digest) {
            Some(entry) => InspectedManifest {
                label: root.name(),
                total_size: contents::size_of(self.graph, root),
                ..self.manifest(entry)
            },
            // The graph has every root.
            None => unknown(root),
        };
        InspectedImage {
            reference: root.reference.clone(),
            subject: root.subject,
            platforms: platforms.carried,
            omitted_platforms: platforms.omitted,
            manifest,
        }
    }

    /// A manifest with everything below it. Recurses as deep as indexes nest, which the graph's limits bound.
    pub(crate) fn manifest(&mut self, entry: &ManifestEntry) -> InspectedManifest {
        let descriptor = self.graph.descriptor_of(entry);
        let platform = descriptor.platform.as_ref().filter(|platform| !platform.is_unknown());
        let mut node = InspectedManifest {
            label: entry.label.clone(),
            digest: descriptor.digest,
            media_type: descriptor.media_type.clone(),
            size: descriptor.size,
            total_size: self.total(&descriptor.digest),
            platform: platform.map(airlift_oci::Platform::shown),
            artifact_type: entry.raw.as_ref().and_then(RawManifest::artifact_type).map(str::to_owned),
            attestation: descriptor.is_attestation(),
            unreadable: entry.raw.is_none(),
            repeated: !self.seen.insert(descriptor.digest, ()),
            omitted: !self.graph.carries(&descriptor.digest),
            absent: false,
            config: None,
            manifests: Vec::new(),
            blobs: Vec::new(),
        };
        let Some(raw) = entry.raw.as_ref().filter(|_| !node.repeated) else { return node };
        for child in Graph::children_of(raw) {
            if let Some(child) = self.graph.manifest(&child.digest) {
                node.manifests.push(self.manifest(child));
            } else if let Some(child) = self.graph.find(&child.digest) {
                let absent = InspectedManifest { unreadable: false, absent: true, ..self.manifest(child) };
                node.manifests.push(InspectedManifest { repeated: false, ..absent });
            }
        }
        node.config = self.config(entry, raw);
        node.blobs = Graph::blobs_of(raw).map(|(part, blob)| self.blob_as(part.to_string(), &blob)).collect();
        node
    }

    /// What a manifest's config says, where it is an image's and the bundle holds it.
    fn config(&self, entry: &ManifestEntry, raw: &RawManifest) -> Option<InspectedConfig> {
        if self.configs == Configs::LeaveOut || self.graph.descriptor_of(entry).is_attestation() {
            return None;
        }
        let (_, config) = Graph::blobs_of(raw).find(|(role, _)| *role == BlobRole::Config)?;
        if !is_image_config(&config.media_type()) {
            return None;
        }
        let bytes = self.examined.small_blob(&config.digest)?;
        ImageConfig::from_json(&bytes).map(InspectedConfig::from)
    }

    /// A blob at its first use.
    pub(crate) fn blob(&self, digest: &Digest) -> Option<InspectedBlob> {
        let blob = self.graph.blobs().find(|blob| blob.descriptor.digest == *digest)?;
        Some(self.blob_as(self.graph.path_of_blob(&blob).join(" → "), &blob.descriptor))
    }

    fn blob_as(&self, part: String, blob: &ListedDescriptor<'_>) -> InspectedBlob {
        let in_tar = self.examined.archive().container() == Container::Tar;
        InspectedBlob {
            part,
            digest: blob.digest,
            media_type: blob.media_type(),
            size: blob.size,
            offset: self.examined.blob(&blob.digest).filter(|_| in_tar).map(|section| section.offset()),
            external: self.graph.carried_blob(blob) == Carried::External,
            shared: self.shared.contains(&blob.digest),
        }
    }

    fn total(&self, digest: &Digest) -> u64 {
        let (mut counted, mut sum) = (DigestSet::default(), 0_u64);
        let mut count = |digest, size| {
            if counted.insert(digest, ()) {
                sum = sum.saturating_add(size);
            }
        };
        for entry in self.graph.below(digest) {
            count(entry.descriptor.digest, entry.descriptor.size);
            let raw = entry.raw.as_ref().filter(|_| self.graph.carries(&entry.descriptor.digest));
            let blobs = raw.into_iter().flat_map(|raw| self.graph.carried_blobs(raw));
            blobs.for_each(|(_, blob)| count(blob.digest, blob.size));
        }
        sum
    }
}

fn unknown(root: &Root) -> InspectedManifest {
    InspectedManifest {
        label: root.name(),
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
        size: root.descriptor.size,
        total_size: 0,
        platform: None,
        artifact_type: None,
        attestation: false,
        unreadable: true,
        repeated: false,
        omitted: false,
        absent: false,
        config: None,
        manifests: Vec::new(),
        blobs: Vec::new(),
    }
}
