//! Where content lies: by the plan in our own archives, by name in other tools' layouts.

use std::collections::{HashMap, HashSet};
use std::io;

use airlift_bundle::{EntryPath, Finding, Plan, Rule, Section, Storage};
use airlift_oci::{Carried, Descriptor, Digest, Graph};

use crate::examine::Examiner;
use crate::report::unreadable;

impl Examiner<'_> {
    /// Our archive: each blob is where the plan says, unless the file ends before.
    pub(crate) fn locate_planned(&mut self, plan: &Plan, archive: &Storage) -> HashMap<Digest, Section> {
        let mut blobs = HashMap::new();
        for entry in plan.blobs() {
            if entry.data_offset + entry.size <= self.archive.size() {
                blobs.insert(entry.digest, Section::new(archive, entry.data_offset, entry.size));
            } else {
                self.damaged.insert(entry.digest);
                let finding =
                    Finding::new(Rule::BlobMissing, "the archive is cut off before the end of this blob");
                self.findings.push(finding.about(entry.digest).at(entry.data_offset).of(plan.path_of(entry)));
            }
        }
        blobs
    }

    /// Another tool's layout: each blob is where the scan found its name.
    pub(crate) fn locate_scanned(&mut self, graph: &Graph) -> HashMap<Digest, Section> {
        let mut blobs = HashMap::new();
        for blob in &graph.blobs {
            let Descriptor { digest, size, .. } = blob.descriptor;
            let problem = match self.archive.blob(&digest) {
                Some(section) if section.size() == size => {
                    blobs.insert(digest, section);
                    continue;
                }
                Some(section) => {
                    let message = format!("the blob has {} bytes, but should have {size}", section.size());
                    Finding::new(Rule::BlobSize, message).at(section.offset())
                }
                None => Finding::new(Rule::BlobMissing, "the blob is missing"),
            };
            self.damaged.insert(digest);
            self.findings.push(problem.about(digest).of(graph.path_of_blob(blob)));
        }
        blobs
    }

    /// Foreign layers that were left outside by choice: whoever runs the image needs them from elsewhere.
    pub(crate) fn tell_of_external_layers(&mut self, graph: &Graph) {
        for layer in graph.external_layers() {
            let urls: Vec<String> =
                layer.descriptor.urls.iter().map(|url| url.escape_debug().to_string()).collect();
            let message = format!("the layer was left outside; it is said to be at {}", urls.join(", "));
            let finding = Finding::new(Rule::BlobExternal, message);
            self.findings.push(finding.about(layer.descriptor.digest).of(graph.path_of_blob(&layer)));
        }
    }

    /// Manifests that `index.json` says the source didn't have, and that have to be there all the same.
    pub(crate) fn tell_of_lacking_manifests(&mut self, graph: &Graph) {
        for entry in graph.absent().iter().filter(|entry| entry.carried == Carried::Missing) {
            let message = "the manifest is missing: index.json says that the source did not have it, but it belongs to what was chosen";
            let finding = Finding::new(Rule::ManifestMissing, message);
            self.damaged.insert(entry.descriptor.digest);
            self.findings.push(finding.about(entry.descriptor.digest).of(graph.path_of_absent(entry)));
        }
    }

    /// Content that no root reaches: harmless, if it is what it is called.
    pub(crate) fn look_at_unlisted(&mut self, graph: Option<&Graph>) -> io::Result<()> {
        let listed: HashSet<Digest> = graph
            .iter()
            .flat_map(|graph| {
                let manifests = graph.manifests.iter().map(|manifest| manifest.descriptor.digest);
                let absent = graph.absent().iter().map(|entry| entry.descriptor.digest);
                manifests.chain(absent).chain(graph.blobs.iter().map(|blob| blob.descriptor.digest))
            })
            .chain(self.unknown.iter().map(|root| root.descriptor.digest))
            .collect();
        // Below a damaged manifest nobody can say what is listed.
        let known = graph.is_some_and(Graph::is_complete);
        let mut unlisted: Vec<Digest> =
            self.archive.blobs().filter(|digest| !listed.contains(digest)).copied().collect();
        unlisted.sort();
        for digest in unlisted {
            let Some(section) = self.archive.blob(&digest) else {
                continue;
            };
            let outcome = section.digest(digest.algorithm(), |bytes| self.hashed += bytes);
            let path = vec![EntryPath::of_blob(&digest).to_string()];
            let finding = match outcome {
                Err(error) => unreadable(self.archive, &error),
                Ok(found) if found != digest => {
                    Finding::new(Rule::BlobDigest, format!("the content has the digest {found}"))
                }
                Ok(_) if known => {
                    Finding::new(Rule::BlobUnlisted, "no image of the bundle names this content")
                }
                Ok(_) => continue,
            };
            self.findings.push(finding.about(digest).at(section.offset()).of(path));
        }
        Ok(())
    }
}
