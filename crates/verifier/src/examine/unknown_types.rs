//! Content of a type that Airlift doesn't know, where a manifest is expected. Airlift shows it as that, and
//! never as an image.

use std::io::Read;

use airlift_bundle::{Finding, Rule, Section};
use airlift_oci::document::Document;
use airlift_oci::graph::BlobRole;
use airlift_oci::manifest::MAX_MANIFEST;
use airlift_oci::media_type::{Kind, respelled};
use airlift_oci::{Descriptor, Graph, Root};

use super::examiner::{BesideImages, Examiner};
use crate::content;
use crate::found_blobs::FoundBlobs;

impl Examiner {
    /// Takes roots of no known type out of other tools' layouts, where they are allowed. Their content is
    /// hashed, and nothing below them is read. Airlift's own bundles have none.
    pub(super) fn split_off_unknown_types(&mut self, roots: Vec<Root>) -> Vec<Root> {
        if self.is_own {
            return roots;
        }
        let is_unknown = |root: &Root| {
            let media_type = &root.descriptor.media_type;
            root.descriptor.kind() == Kind::Blob && !media_type.is_empty() && respelled(media_type).is_none()
        };
        let (unknown, known): (Vec<Root>, Vec<Root>) = roots.into_iter().partition(is_unknown);
        if self.beside_images == BesideImages::Hash {
            for root in &unknown {
                let finding = self.check_unknown_type(&root.descriptor);
                self.findings.push(finding.of(vec![root.name()]));
            }
        }
        self.unknown = unknown;
        known
    }

    /// The finding on content of an unknown type: it is damaged, or at least not shown as an image.
    fn check_unknown_type(&mut self, descriptor: &Descriptor) -> Finding {
        let section = match content::find(&self.archive, descriptor.digest, descriptor.size) {
            Ok(section) => section,
            Err(finding) => return finding,
        };
        let damage = content::hash(&self.archive, &section, descriptor.digest, |bytes| self.hashed += bytes);
        let finding = damage.unwrap_or_else(|| {
            let reads_as = as_manifest(&section).map(|what| format!(", although it reads as {what}"));
            let message = format!(
                "this is content of an unknown type ('{}'), no image: nothing below it was looked at{}",
                descriptor.media_type.escape_debug(),
                reads_as.unwrap_or_default()
            );
            Finding::new(Rule::ManifestUnknown, message).about(descriptor.digest)
        });
        finding.at(section.offset())
    }

    /// Warns of entries of indexes that are carried as blobs because of their type, but read as manifests.
    pub(super) fn check_entries_of_unknown_type(&mut self, graph: &Graph, blobs: &FoundBlobs) {
        let entries = graph.blobs().filter(|blob| matches!(blob.role, BlobRole::Entry(_)));
        for entry in entries {
            let digest = entry.descriptor.digest;
            let Some(range) = blobs.get(&self.archive, &digest) else { continue };
            let section = self.archive.blob_at(&digest, range);
            let Some(what) = as_manifest(&section) else { continue };
            let media_type = entry.descriptor.media_type();
            let media_type = media_type.escape_debug();
            let message = format!(
                "this is content of an unknown type ('{media_type}'), although it reads as {what}: nothing below it was looked at"
            );
            let finding = Finding::new(Rule::ManifestUnknown, message).about(digest);
            self.findings.push(finding.at(section.offset()).of(graph.path_of_blob(&entry)));
        }
    }
}

/// What content would be by its form, if its type didn't say otherwise. Content that doesn't begin like a
/// JSON object is not read further.
fn as_manifest(section: &Section) -> Option<&'static str> {
    let mut start = Vec::new();
    section.reader().take(64).read_to_end(&mut start).ok()?;
    let is_object = start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let bytes = (is_object && section.size() <= MAX_MANIFEST).then(|| section.read_all().ok())??;
    let document = Document::parse(&bytes).ok()?;
    match document {
        Document { manifests: Some(_), .. } => Some("an image index"),
        Document { config: Some(_), layers: Some(_), .. } => Some("an image manifest"),
        _ => None,
    }
}
