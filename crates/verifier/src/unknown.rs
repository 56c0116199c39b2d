//! Content of a type that Airlift doesn't know where manifests are expected: it is shown as that, and never
//! as an image.

use std::collections::HashMap;
use std::io::{self, Read};

use airlift_bundle::{Finding, Rule, Section};
use airlift_oci::document::Document;
use airlift_oci::graph::BlobRole;
use airlift_oci::manifest::MAX_MANIFEST;
use airlift_oci::media_type::{Kind, respelled};
use airlift_oci::{Digest, Graph, Root};

use crate::examine::Examiner;
use crate::report::unreadable;

impl Examiner<'_> {
    /// Takes roots of no known type out of other tools' layouts, in which they are legal: what they are
    /// called is held against their content, and that is all. Our own bundles have none.
    pub(crate) fn set_apart_unknown(&mut self, roots: Vec<Root>) -> io::Result<Vec<Root>> {
        if self.ours {
            return Ok(roots);
        }
        let is_unknown = |root: &Root| {
            let media_type = &root.descriptor.media_type;
            root.descriptor.kind() == Kind::Blob && !media_type.is_empty() && respelled(media_type).is_none()
        };
        let (unknown, known) = roots.into_iter().partition(is_unknown);
        self.unknown = unknown;
        for root in self.unknown.clone() {
            let finding = self.look_at_unknown(&root)?;
            self.findings.push(finding.about(root.descriptor.digest).of(vec![root.name()]));
        }
        Ok(known)
    }

    fn look_at_unknown(&mut self, root: &Root) -> io::Result<Finding> {
        let descriptor = &root.descriptor;
        let Some(section) = self.archive.blob(&descriptor.digest) else {
            return Ok(Finding::new(Rule::BlobMissing, "the content is missing"));
        };
        if section.size() != descriptor.size {
            let (is, should) = (section.size(), descriptor.size);
            let message = format!("the content has {is} bytes, but should have {should}");
            return Ok(Finding::new(Rule::BlobSize, message).at(section.offset()));
        }
        let outcome = section.digest(descriptor.digest.algorithm(), |bytes| self.hashed += bytes);
        let media_type = descriptor.media_type.escape_debug();
        Ok(match outcome {
            Err(error) => unreadable(self.archive, &error),
            Ok(found) if found != descriptor.digest => {
                Finding::new(Rule::BlobDigest, format!("the content was altered: its digest is {found}"))
            }
            Ok(_) => {
                let what = as_manifest(&section).map(|what| format!(", although it reads as {what}"));
                let message = format!(
                    "this is content of an unknown type ('{media_type}'), no image: nothing below it was looked at{}",
                    what.unwrap_or_default()
                );
                Finding::new(Rule::ManifestUnknown, message)
            }
        }
        .at(section.offset()))
    }

    /// Entries of indexes that are carried as blobs, and that read as manifests all the same.
    pub(crate) fn look_into_entries(&mut self, graph: &Graph, blobs: &HashMap<Digest, Section>) {
        let entries = graph.blobs.iter().filter(|blob| matches!(blob.role, BlobRole::Entry(_)));
        for entry in entries {
            let descriptor = &entry.descriptor;
            let Some(section) = blobs.get(&descriptor.digest) else { continue };
            let Some(what) = as_manifest(section) else { continue };
            let media_type = descriptor.media_type.escape_debug();
            let message = format!(
                "this is content of an unknown type ('{media_type}'), although it reads as {what}: nothing below it was looked at"
            );
            let finding = Finding::new(Rule::ManifestUnknown, message).about(descriptor.digest);
            self.findings.push(finding.at(section.offset()).of(graph.path_of_blob(entry)));
        }
    }
}

/// What content would be if its type said so. Of what doesn't begin like a JSON object, no more than that is
/// read.
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
