//! Trust as a type: a [`VerifiedBundle`] can only be made here, and everything that is read from it is
//! proven.

use std::path::{Path, PathBuf};

use airlift_bundle::write::unfinished_names;
use airlift_bundle::{Finding, OpenError};
use airlift_oci::contents::Platforms;
use airlift_oci::document::platform_of_config;
use airlift_oci::graph::Leaf;
use airlift_oci::{Digest, Graph, Limits, Platform, Root, contents};

use crate::error::ExamineError;
use crate::examined::Examined;
use crate::proven::ProvenContent;
use crate::report::{Report, State};

/// Why a bundle is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// It could not be examined.
    #[error(transparent)]
    Examine(#[from] ExamineError),
    /// It must not be used. The report says why.
    #[error("{} {}: {}", .path.display(), in_words(.report), first_error(.report))]
    Refused {
        /// The bundle.
        path: PathBuf,
        /// Everything that is wrong with it, as far as it was examined.
        report: Box<Report>,
    },
}

fn in_words(report: &Report) -> &'static str {
    match report.state {
        State::Whole | State::Partial => "can't be used",
        State::OtherBundle => "is another bundle",
        State::NotAsLocked => "is not what was locked",
        State::OverLimit => "was not looked at",
        State::NoLayout => "is no image layout",
        State::PackedAgain => "is not the original",
        State::Unfinished => "is no bundle yet",
        State::Damaged => "is damaged",
    }
}

fn first_error(report: &Report) -> String {
    let mut errors = report.findings.iter().filter(|finding| finding.is_error() && !finding.follows);
    let Some(first) = errors.next() else {
        return "it holds no image".to_owned();
    };
    let place = if first.path.is_empty() { String::new() } else { format!("{}: ", first.path.join(" → ")) };
    format!("{place}{}{}", first.message, and_more(errors.count()))
}

/// How many findings are not named.
fn and_more(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " (and 1 more finding)".to_owned(),
        count => format!(" (and {count} more findings)"),
    }
}

/// An open bundle. Every header, padding byte, manifest and root in it was proven, and all blobs are there
/// with the right size. A blob's content is proven while it is read: its last bytes come only after the
/// digest matched.
#[derive(Debug)]
pub struct VerifiedBundle {
    examined: Examined,
    id: Digest,
    graph: Graph,
}

impl VerifiedBundle {
    /// Opens and examines a bundle.
    ///
    /// # Errors
    /// If it can't be examined, if anything in it is an error, or if its name is that of an unfinished build.
    pub fn admit(path: &Path, limits: Limits) -> Result<Self, AdmitError> {
        // What an unfinished build lacks is only seen when its blobs are read, which may be hours and many
        // images later.
        if unfinished_names::is_unfinished(path) && path.is_file() {
            let (path, part) = (path.to_owned(), path.to_owned());
            return Err(AdmitError::Examine(OpenError::Unfinished { path, part }.into()));
        }
        let mut examined = Examined::open(path, limits)?;
        let sound = !examined.findings.has_errors();
        match (sound, examined.id(), examined.graph.take()) {
            (true, Some(id), Some(graph)) => Ok(VerifiedBundle { examined, id, graph }),
            (_, _, graph) => {
                examined.graph = graph;
                Err(AdmitError::Refused { path: path.to_owned(), report: Box::new(examined.report()) })
            }
        }
    }

    /// The digest of `index.json`.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// What the bundle holds. Every manifest in it has its bytes.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The findings on it, all of them warnings.
    pub fn warnings(&self) -> &[Finding] {
        self.examined.findings()
    }

    /// The platforms of an image.
    pub fn platforms(&self, root: &Root) -> Platforms {
        self.examined.platforms(&self.graph, root)
    }

    /// The platform of a manifest below a root, as an index or else the config names it; `None` where neither
    /// does.
    pub fn platform_of(&self, leaf: &Leaf) -> Option<Platform> {
        leaf.platform.clone().or_else(|| {
            let config = contents::config_of(&self.graph, leaf)?;
            platform_of_config(&self.examined.small_blob(&config.digest)?)
        })
    }

    /// A blob, or a manifest that is used as one, which is proven while it is read; `None` for content that
    /// the bundle doesn't hold.
    pub fn content(&self, digest: &Digest) -> Option<ProvenContent> {
        match self.graph.manifest(digest).and_then(|entry| entry.raw.as_ref()) {
            Some(raw) => Some(ProvenContent::of_manifest(raw)),
            None => Some(ProvenContent::of_blob(*digest, self.examined.blob(digest)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_more_finding_is_counted_as_one() {
        let said = [0, 1, 2].map(super::and_more);
        assert_eq!(said, ["", " (and 1 more finding)", " (and 2 more findings)"]);
    }
}
