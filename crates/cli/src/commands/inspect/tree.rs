//! The tree of a bundle, as a document.

use std::cell::RefCell;
use std::rc::Rc;

use airlift_bundle::read::Container;
use airlift_oci::graph::{BlobRole, ManifestEntry};
use airlift_oci::manifest::is_image_config;
use airlift_oci::{
    Carried, Digest, DigestSet, Graph, ImageConfig, ListedDescriptor, RawManifest, Root, contents,
};
use airlift_verifier::Examined;

use crate::output::{InspectedBlob, InspectedConfig, InspectedImage, InspectedManifest, StreamedList};

/// Makes documents of a bundle's parts.
pub(crate) struct Tree<'a> {
    examined: &'a Examined,
    graph: &'a Graph,
    /// The blobs that several manifests name.
    shared: DigestSet,
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
        named.reserve(graph.blob_count());
        for raw in graph.manifests.iter().filter_map(|entry| entry.raw.as_ref()) {
            let own: DigestSet = Graph::blobs_of(raw).map(|(_, blob)| blob.digest).collect();
            shared
                .extend(own.digests().filter(|digest| !named.insert(*digest, ())).map(|digest| (digest, ())));
        }
        Tree { examined, graph, shared, configs }
    }

    pub(crate) fn graph(&self) -> &'a Graph {
        self.graph
    }

    pub(crate) fn examined(&self) -> &'a Examined {
        self.examined
    }

    pub(crate) fn configs(&self) -> Configs {
        self.configs
    }

    /// A walk through the tree, for one document.
    pub(crate) fn walk<'t>(&'t self) -> Walk<'t> {
        Walk { tree: self, seen: Rc::default() }
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

    /// The blobs that a manifest names.
    fn blobs(&'a self, raw: &'a RawManifest) -> StreamedList<'a, InspectedBlob> {
        let blob = |(part, blob): (BlobRole, ListedDescriptor<'_>)| self.blob_as(part.to_string(), &blob);
        StreamedList::new(Graph::blobs_of(raw).count(), move || Graph::blobs_of(raw).map(blob))
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

/// A walk through a tree. A manifest's contents come once, at its first place: graphs that share much would
/// be endless as trees. So what a walk makes is to be read once, in order.
#[derive(Clone)]
pub(crate) struct Walk<'a> {
    tree: &'a Tree<'a>,
    seen: Rc<RefCell<DigestSet>>,
}

impl<'a> Walk<'a> {
    /// The images at these positions among the roots.
    pub(crate) fn images(self, roots: &'a [usize]) -> StreamedList<'a, InspectedImage<'a>> {
        StreamedList::new(roots.len(), move || {
            let walk = self.clone();
            roots.iter().map(move |root| walk.image(&walk.tree.graph.roots[*root]))
        })
    }

    /// An image with everything below it.
    fn image(&self, root: &Root) -> InspectedImage<'a> {
        let Tree { graph, examined, .. } = self.tree;
        let platforms = examined.platforms(graph, root);
        let manifest = match graph.manifest(&root.descriptor.digest) {
            Some(entry) => InspectedManifest {
                label: root.name(),
                total_size: contents::size_of(graph, root),
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

    /// A manifest with everything below it. It is read as deep as indexes nest, which the graph's limits
    /// bound.
    pub(crate) fn manifest(&self, entry: &'a ManifestEntry) -> InspectedManifest<'a> {
        let tree = self.tree;
        let descriptor = tree.graph.descriptor_of(entry);
        let platform = descriptor.platform.as_ref().filter(|platform| !platform.is_unknown());
        let repeated = !self.seen.borrow_mut().insert(descriptor.digest, ());
        let raw = entry.raw.as_ref().filter(|_| !repeated);
        InspectedManifest {
            label: entry.label.clone(),
            digest: descriptor.digest,
            media_type: descriptor.media_type.clone(),
            size: descriptor.size,
            total_size: tree.total(&descriptor.digest),
            platform: platform.map(airlift_oci::Platform::shown),
            artifact_type: entry.raw.as_ref().and_then(RawManifest::artifact_type).map(str::to_owned),
            attestation: descriptor.is_attestation(),
            unreadable: entry.raw.is_none(),
            repeated,
            omitted: !tree.graph.carries(&descriptor.digest),
            absent: false,
            config: raw.and_then(|raw| tree.config(entry, raw)),
            manifests: raw.map_or_else(StreamedList::empty, |raw| self.manifests(raw)),
            blobs: raw.map_or_else(StreamedList::empty, |raw| tree.blobs(raw)),
        }
    }

    /// The manifests that a manifest lists.
    fn manifests(&self, raw: &'a RawManifest) -> StreamedList<'a, InspectedManifest<'a>> {
        let graph = self.tree.graph;
        let children = move || Graph::children_of(raw).filter_map(|child| graph.find(&child.digest));
        let walk = self.clone();
        StreamedList::new(children().count(), move || {
            let walk = walk.clone();
            children().map(move |child| walk.child(child))
        })
    }

    /// A manifest that is listed in another one. All that is known of one that is absent is its descriptor.
    fn child(&self, entry: &'a ManifestEntry) -> InspectedManifest<'a> {
        let child = self.manifest(entry);
        match self.tree.graph.manifest(&child.digest) {
            Some(_) => child,
            None => InspectedManifest { unreadable: false, absent: true, repeated: false, ..child },
        }
    }
}

fn unknown<'a>(root: &Root) -> InspectedManifest<'a> {
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
        manifests: StreamedList::empty(),
        blobs: StreamedList::empty(),
    }
}
