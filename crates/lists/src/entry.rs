//! Entries: what lists ask for, of whatever kind of file.

use std::collections::BTreeSet;
use std::fmt;

use airlift_oci::{Platform, Referrers, Repository, SourceReference};

use crate::position::Position;
use crate::selector::TagSelector;

/// One entry of a list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The image or images.
    pub wanted: Wanted,
    /// What to carry of them.
    pub choice: Choice,
    /// The groups that name it; none in a plain list.
    pub groups: BTreeSet<String>,
    /// Where it stands.
    pub position: Position,
}

/// What an entry asks for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// An image by its reference, or images of a layout.
    Image(SourceReference),
    /// Tags of a repository that only the registry can list.
    Tags(TagQuery),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Image(reference) => reference.fmt(f),
            Wanted::Tags(query) => write!(f, "{} ({})", query.repository, query.selector.canonical()),
        }
    }
}

/// The tags of one repository that a selector selects.
#[derive(Clone, Debug)]
pub struct TagQuery {
    /// The repository.
    pub repository: Repository,
    /// Which of its tags.
    pub selector: TagSelector,
}

/// What to carry of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The platforms to carry; empty: all.
    pub platforms: Vec<Platform>,
    /// Whether signatures and the like come along; `None`: nothing says so, and they do.
    pub referrers: Option<Referrers>,
}

impl Entry {
    /// Whether one of the groups names it; without any group, all entries are meant.
    pub fn is_in(&self, groups: &[String]) -> bool {
        groups.is_empty() || groups.iter().any(|group| self.groups.contains(group))
    }
}
