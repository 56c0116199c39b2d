//! Whether a bundle holds exactly what was locked.

use airlift_bundle::{Finding, Rule};
use airlift_lists::lock::{BundledContent, BundledImage, Lock, Mismatch};
use airlift_oci::{Graph, Root, contents};

use crate::examined::Examined;

impl Examined {
    /// Compares the bundle's images with those of a lock: names, digests, and which platforms are carried.
    /// What is attached to images is in no lock.
    pub fn compare_with_lock(&mut self, lock: &Lock) {
        let Some(graph) = &self.graph else { return };
        let roots: Vec<&Root> =
            graph.roots.iter().filter(|root| root.subject.is_none()).chain(&self.unknown).collect();
        let images: Vec<BundledImage> = roots.iter().map(|root| self.bundled(graph, root)).collect();
        let mismatches = lock.mismatches(&images);
        let findings: Vec<Finding> = mismatches.into_iter().map(|found| finding(found, &roots)).collect();
        self.findings.extend(findings);
    }

    fn bundled(&self, graph: &Graph, root: &Root) -> BundledImage {
        let is_known = graph.manifest(&root.descriptor.digest).is_some() && self.is_whole(graph, root);
        BundledImage {
            reference: root.reference.clone(),
            digest: root.descriptor.digest,
            content: is_known.then(|| BundledContent {
                media_type: root.descriptor.media_type.clone(),
                carried: self.platforms(graph, root).carried,
                platforms: contents::platform_contents(graph, root, |config| self.small_blob(&config.digest)),
                size: contents::undisputed_size_of(graph, root),
            }),
        }
    }
}

fn finding(mismatch: Mismatch, roots: &[&Root]) -> Finding {
    let of_image = |rule, image: usize, message: String| {
        let finding = Finding::new(rule, message);
        match roots.get(image) {
            Some(root) => finding.about(root.descriptor.digest).of(vec![root.name()]),
            None => finding,
        }
    };
    match mismatch {
        Mismatch::Missing { reference, digest } => {
            let message = "the lock has this image, and the bundle doesn't";
            Finding::new(Rule::LockMissing, message).about(digest).of(vec![shown(&reference)])
        }
        Mismatch::Extra { image } => {
            of_image(Rule::LockExtra, image, "the lock doesn't have this image".to_owned())
        }
        Mismatch::OtherDigest { image, locked } => {
            of_image(Rule::LockDigest, image, format!("the lock has {locked} for this name"))
        }
        Mismatch::Altered { image, members } => {
            let what = members.join(", ");
            of_image(Rule::LockAltered, image, format!("the lock says something else of this digest: {what}"))
        }
        Mismatch::OtherPlatforms { image, missing, extra } => {
            let message = match (missing.join(", "), extra.join(", ")) {
                (missing, none) if none.is_empty() => format!("{missing} was locked, and is not carried"),
                (none, extra) if none.is_empty() => format!("{extra} is carried, and was not locked"),
                (missing, extra) => {
                    format!("{missing} was locked, and is not carried; {extra} is carried instead")
                }
            };
            of_image(Rule::LockPlatforms, image, message)
        }
    }
}

/// A reference from a lock, for people.
fn shown(reference: &str) -> String {
    airlift_oci::reference::familiar(reference).escape_debug().to_string()
}
