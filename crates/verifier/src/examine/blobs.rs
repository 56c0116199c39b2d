//! Where each blob's content lies, and which content is missing, left out or listed by no image.

use airlift_bundle::read::ByteRange;
use airlift_bundle::{EntryPath, Finding, Plan, Rule};
use airlift_oci::{Carried, Digest, DigestSet, Graph};

use super::examiner::{BesideImages, Examiner};
use crate::content;
use crate::found_blobs::FoundBlobs;

impl Examiner {
    /// Airlift's own archive: each blob is where the plan says, unless the file ends before.
    pub(super) fn find_blobs_by_plan(&mut self, plan: &Plan) -> FoundBlobs {
        let mut blobs = FoundBlobs::default();
        for entry in plan.blobs() {
            if entry.data_offset + entry.size <= self.archive.size() {
                let range = ByteRange { offset: entry.data_offset, size: entry.size };
                blobs.insert(&self.archive, entry.digest, range);
            } else {
                self.damaged.insert(entry.digest, ());
                let message = "the archive is cut off before the end of this blob";
                let finding = Finding::new(Rule::BlobMissing, message).about(entry.digest);
                self.findings.push(finding.at(entry.data_offset).of(plan.path_of(&entry)));
            }
        }
        blobs
    }

    /// Another tool's layout: each blob is in the file that its digest names.
    pub(super) fn find_blobs_by_name(&mut self, graph: &Graph) -> FoundBlobs {
        let mut blobs = FoundBlobs::default();
        for blob in graph.blobs() {
            let digest = blob.descriptor.digest;
            match content::find(&self.archive, digest, blob.descriptor.size) {
                Ok(section) => {
                    let range = ByteRange { offset: section.offset(), size: section.size() };
                    blobs.insert(&self.archive, digest, range);
                }
                Err(finding) => {
                    self.damaged.insert(digest, ());
                    self.findings.push(finding.of(graph.path_of_blob(&blob)));
                }
            }
        }
        blobs
    }

    /// Foreign layers that were left out by choice: a machine that runs the image needs them from elsewhere.
    pub(super) fn report_external_layers(&mut self, graph: &Graph) {
        for layer in graph.external_layers() {
            let urls: Vec<String> =
                layer.descriptor.read().urls.iter().map(|url| url.escape_debug().to_string()).collect();
            let message = format!("the layer was left outside; it is said to be at {}", urls.join(", "));
            let finding = Finding::new(Rule::BlobExternal, message).about(layer.descriptor.digest);
            self.findings.push(finding.of(graph.path_of_blob(&layer)));
        }
    }

    /// Manifests that `index.json` says the source didn't have, and that have to be there all the same.
    pub(super) fn report_absent_manifests(&mut self, graph: &Graph) {
        for entry in graph.absent().iter().filter(|entry| entry.carried == Carried::Missing) {
            let message = "the manifest is missing: index.json says that the source did not have it, but it belongs to what was chosen";
            self.damaged.insert(entry.descriptor.digest, ());
            let finding = Finding::new(Rule::ManifestMissing, message).about(entry.descriptor.digest);
            self.findings.push(finding.of(graph.path_of_absent(entry)));
        }
    }

    /// Hashes content that no image names. It is harmless if it has the digest that its name says.
    pub(super) fn hash_unlisted(&mut self, graph: Option<&Graph>) {
        if self.beside_images == BesideImages::PassOver {
            return;
        }
        let unlisted = self.unlisted(graph);
        // What a damaged manifest names is unknown, and so is what no image names.
        let is_all_known = graph.is_some_and(Graph::is_complete);
        for digest in unlisted {
            let Some(section) = self.archive.blob(&digest) else {
                continue;
            };
            let found = content::hash(&self.archive, &section, digest, |bytes| self.hashed += bytes);
            let harmless = || {
                let message = "no image of the bundle names this content";
                is_all_known.then(|| Finding::new(Rule::BlobUnlisted, message).about(digest))
            };
            let path = || vec![EntryPath::of_blob(&digest).to_string()];
            let finding = found.or_else(harmless);
            self.findings.extend(finding.map(|finding| finding.at(section.offset()).of(path())));
        }
    }

    /// The digests of content that is there and that the layout doesn't name, sorted.
    fn unlisted(&self, graph: Option<&Graph>) -> Vec<Digest> {
        let in_graph = graph.iter().flat_map(|graph| {
            let manifests = graph.manifests.iter().map(|manifest| manifest.descriptor.digest);
            let absent = graph.absent().iter().map(|entry| entry.descriptor.digest);
            manifests.chain(absent).chain(graph.blobs().map(|blob| blob.descriptor.digest))
        });
        let listed: DigestSet =
            in_graph.chain(self.unknown.iter().map(|root| root.descriptor.digest)).collect();
        let mut unlisted: Vec<Digest> =
            self.archive.blobs().filter(|digest| !listed.contains(digest)).collect();
        unlisted.sort();
        unlisted
    }
}
