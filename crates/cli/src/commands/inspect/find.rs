//! Finds a part of a bundle by a name or by the start of a digest.

use std::collections::BTreeSet;
use std::path::Path;

use airlift_oci::{Digest, Graph, Pattern, Unmatched};

use crate::usage_error::UsageError;

/// If several digests start alike, at most this many are listed.
const LISTED: usize = 10;

/// A part of a bundle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Everything,
    /// The roots at these positions.
    Images(Vec<usize>),
    /// A manifest or index.
    Manifest(Digest),
    /// A config or layer.
    Blob(Digest),
}

/// Finds images as `push --only` does, else content by its digest.
pub(crate) fn find(graph: &Graph, wanted: &str, bundle: &Path) -> Result<Wanted, UsageError> {
    let pattern = Pattern::new(wanted);
    let images = pattern.find_by_name(graph.roots.iter().enumerate());
    if !images.is_empty() {
        return Ok(Wanted::Images(images));
    }
    let mut found: Vec<Digest> = digests(graph, &pattern).into_iter().collect();
    match (found.pop(), found.is_empty()) {
        (Some(digest), true) if graph.manifest(&digest).is_some() => Ok(Wanted::Manifest(digest)),
        (Some(digest), true) => Ok(Wanted::Blob(digest)),
        (Some(last), false) => {
            found.push(last);
            let digests = found.iter().take(LISTED).map(Digest::to_string).collect();
            Err(UsageError::Ambiguous(wanted.to_owned(), digests))
        }
        (None, _) => {
            let unmatched = Unmatched::new(&pattern, &graph.roots);
            Err(UsageError::NotInBundle { bundle: bundle.to_owned(), unmatched })
        }
    }
}

/// The digests that the pattern is the start of.
fn digests(graph: &Graph, pattern: &Pattern) -> BTreeSet<Digest> {
    let manifests = graph.manifests.iter().map(|entry| entry.descriptor.digest);
    let all = manifests.chain(graph.blobs().map(|blob| blob.descriptor.digest));
    all.filter(|digest| pattern.is_start_of(digest)).collect()
}
