//! How to push.

use airlift_oci::Reference;

use crate::plan::destination::{HostInPath, MapRule};

/// What to do with a tag that stands for something else at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagMoves {
    /// Leave it alone and refuse the push.
    #[default]
    Refuse,
    /// Move it.
    Allow,
}

/// Whether the registry is asked, before the push, for what shows only by writing: if its repositories may be
/// written to, by an upload that is cancelled, and if it takes indexes with absent children, by a made-up
/// one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// Before anything moves, where it matters.
    #[default]
    Ask,
    /// Never: the push shows it.
    Skip,
}

/// What to do where the project of a repository is missing, and the registry has an API for projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingProjects {
    /// Refuse the push, and create nothing.
    #[default]
    Refuse,
    /// Create them, if nothing else is in the way of the push.
    Create,
}

/// What to do with images of which only some platforms are carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partial {
    /// Push the index as it is, or nothing.
    #[default]
    Index,
    /// Push the chosen platforms' manifests, each under a tag of its own, and not the index.
    Children,
}

/// What it takes for an image to count as present at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Its tag stands for it: one HEAD for each image.
    #[default]
    Tag,
    /// All its manifests and blobs are there, too: a HEAD for each of them.
    Content,
}

/// What to do with images that were asked for by digest and have no tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Untagged {
    /// Give them a tag, because registries collect images that have none.
    #[default]
    Tag,
    /// Push them by digest alone.
    DigestOnly,
}

/// How to push.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only images that one of these finds, see [`Pattern`](airlift_oci::Pattern). Empty: all.
    pub only: Vec<String>,
    /// Only images with one of these names. Empty: all.
    pub names: Vec<Reference>,
    /// Whether the source's host becomes part of the path.
    pub keep_host: HostInPath,
    /// Names that go elsewhere.
    pub rules: Vec<MapRule>,
    /// What to do with tags that are taken.
    pub tags: TagMoves,
    /// Whether to find out first if the registry takes what is to come.
    pub probe: Probe,
    /// What to do with projects that are missing.
    pub missing_projects: MissingProjects,
    /// What to do with images of which only some platforms are carried.
    pub partial: Partial,
    /// What it takes for an image to count as present.
    pub presence: Presence,
    /// What to do with images that have no tag.
    pub untagged: Untagged,
    /// Large transfers side by side. With one, requests are made one after the other.
    pub jobs: usize,
}
