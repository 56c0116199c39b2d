//! What somebody means by a name or by the start of a digest.

use std::collections::BTreeSet;
use std::path::Path;

use airlift_bundle::{Digest, Graph, layout};
use airlift_registry::Reference;

use crate::exit::UsageError;

/// Fewer hex digits could be a name's abbreviation, or a slip.
const FEWEST_DIGITS: usize = 6;
/// So many names are listed where nothing was found.
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

/// Finds an image by its full or familiar name, else content by its digest.
pub(crate) fn find(graph: &Graph, wanted: &str, bundle: &Path) -> Result<Wanted, UsageError> {
    let images = images(graph, wanted);
    if !images.is_empty() {
        return Ok(Wanted::Images(images));
    }
    let mut found: Vec<Digest> = digests(graph, wanted).into_iter().collect();
    match (found.pop(), found.is_empty()) {
        (Some(digest), true) if graph.manifest(&digest).is_some() => Ok(Wanted::Manifest(digest)),
        (Some(digest), true) => Ok(Wanted::Blob(digest)),
        (Some(last), false) => {
            found.push(last);
            let digests = found.iter().take(LISTED).map(Digest::to_string).collect();
            Err(UsageError::Ambiguous(wanted.to_owned(), digests))
        }
        (None, _) => Err(nothing(graph, wanted, bundle)),
    }
}

/// By name as it stands, as Docker shows it, or without its host.
fn images(graph: &Graph, wanted: &str) -> Vec<usize> {
    let canonical = wanted.parse::<Reference>().ok().map(|reference| reference.to_string());
    let is_meant = |name: &String| {
        name == wanted
            || layout::familiar(name) == wanted
            || Some(name) == canonical.as_ref()
            || name.split_once('/').is_some_and(|(_, path)| path == wanted)
    };
    let roots = graph.roots.iter().enumerate();
    roots.filter(|(_, root)| root.reference.as_ref().is_some_and(is_meant)).map(|(i, _)| i).collect()
}

/// The digests that are `wanted`, or start like it, with or without their algorithm.
fn digests(graph: &Graph, wanted: &str) -> BTreeSet<Digest> {
    let (algorithm, hex) = match wanted.split_once(':') {
        Some((algorithm, hex)) => (Some(algorithm), hex),
        None => (None, wanted),
    };
    let hex = hex.trim_end_matches('…').to_ascii_lowercase();
    if hex.len() < FEWEST_DIGITS || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return BTreeSet::new();
    }
    let manifests = graph.manifests.iter().map(|entry| entry.descriptor.digest);
    let all = manifests.chain(graph.blobs.iter().map(|blob| blob.descriptor.digest));
    all.filter(|digest| {
        algorithm.is_none_or(|algorithm| digest.algorithm().name() == algorithm)
            && digest.hex().starts_with(&hex)
    })
    .collect()
}

fn nothing(graph: &Graph, wanted: &str, bundle: &Path) -> UsageError {
    let mut names: Vec<String> = graph.roots.iter().take(LISTED).map(|root| root.name()).collect();
    if graph.roots.len() > LISTED {
        names.push(format!("{} more", graph.roots.len() - LISTED));
    }
    if names.is_empty() {
        names.push("no image".to_owned());
    }
    UsageError::NotInBundle { wanted: wanted.to_owned(), bundle: bundle.to_owned(), names }
}
