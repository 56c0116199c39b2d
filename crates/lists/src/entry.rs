//! Entries: what lists ask for, of whatever kind of file.

use std::collections::BTreeSet;
use std::fmt;

use airlift_oci::{Repository, SourceReference};

use crate::choice::Choice;
use crate::lock::LockedImage;
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
    /// An image as another lock has it.
    Locked(Box<LockedImage>),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Image(reference) => reference.fmt(f),
            Wanted::Tags(query) => write!(f, "{} ({})", query.repository, query.selector.canonical()),
            Wanted::Locked(image) => image.reference.fmt(f),
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

impl Entry {
    /// Whether one of the groups names it; without any group, all entries are meant.
    pub fn is_in(&self, groups: &[String]) -> bool {
        groups.is_empty() || groups.iter().any(|group| self.groups.contains(group))
    }
}
