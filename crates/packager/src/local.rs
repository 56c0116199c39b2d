//! Local content: an unfinished bundle of an earlier run, files that were set aside, the bundle at the
//! output, and bundles that the caller named. All of it is hashed before it counts.

use std::path::{Path, PathBuf};

use airlift_bundle::volumes::manifest_path;
use airlift_bundle::write::unfinished_names::{part_path, set_aside_paths};
use airlift_bundle::{LocalContent, Section};
use airlift_oci::Digest;
use bytes::Bytes;

use crate::error::ReuseError;

/// Content that need not be fetched, in the order in which it is searched.
#[derive(Debug, Default)]
pub struct LocalContents(Vec<LocalContent>);

impl LocalContents {
    /// The content that was found at the output, then the bundles and layouts that the caller named.
    ///
    /// # Errors
    /// If a named path can't be opened, or has no content.
    pub fn open(at_output: Vec<LocalContent>, named: &[PathBuf]) -> Result<Self, ReuseError> {
        let mut contents = at_output;
        for path in named {
            let content =
                LocalContent::open(path).map_err(|source| ReuseError::Open { path: path.clone(), source })?;
            if let Some(why) = content.why_empty() {
                return Err(ReuseError::Nothing { path: path.clone(), why });
            }
            contents.push(content);
        }
        Ok(LocalContents(contents))
    }

    /// The same for a plan that is only looked at. Nothing is locked, so another process may write to the
    /// output meanwhile.
    ///
    /// # Errors
    /// If a named path can't be opened, or has no content.
    pub fn look(output: Option<&Path>, named: &[PathBuf]) -> Result<Self, ReuseError> {
        let there = output.map(|output| {
            let beside = [part_path(output), output.to_owned(), manifest_path(output)];
            let there = beside.into_iter().chain(set_aside_paths(output));
            there.filter_map(|path| LocalContent::open(&path).ok()).collect()
        });
        Self::open(there.unwrap_or_default(), named)
    }

    /// Whether there is nothing to look at.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A manifest, proven by its digest.
    pub(crate) fn manifest(&self, digest: &Digest) -> Option<Bytes> {
        self.0.iter().find_map(|content| content.manifest(digest))
    }

    /// The unproven places of a blob.
    pub(crate) fn places(&self, digest: Digest, size: u64) -> impl Iterator<Item = (&Path, Section)> {
        self.0.iter().filter_map(move |content| Some((content.path(), content.blob(&digest, size)?)))
    }
}
