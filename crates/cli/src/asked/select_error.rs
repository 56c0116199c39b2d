//! Why tag selectors select nothing.

use airlift_lists::selector::SelectionError;
use airlift_oci::Repository;
use airlift_packager::{Plural, from_mirror};
use airlift_registry::Error as RegistryError;

/// Why a selector selects nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SelectError {
    /// The registry doesn't list the tags.
    #[error("can't list the tags of {repository} for '{selector}'{}{}", from_mirror(.mirror.as_deref()), at(.place))]
    Tags {
        repository: Repository,
        /// The mirror that was asked, if it was one.
        mirror: Option<Box<Repository>>,
        selector: String,
        place: Option<String>,
        #[source]
        source: RegistryError,
    },
    /// None of the tags is selected, or too many are.
    #[error("{repository}{}{}: {reason}{}", from_mirror(.mirror.as_deref()), at(.place), .some)]
    Selection {
        repository: Repository,
        /// The mirror that was asked, if it was one.
        mirror: Option<Box<Repository>>,
        place: Option<String>,
        reason: SelectionError,
        some: String,
    },
}

impl Plural for SelectError {
    fn of(count: usize) -> String {
        format!("{count} tag selectors select nothing")
    }
}

impl SelectError {
    /// The entry, as a comment of a list: no list of references can have it.
    pub(crate) fn comment(&self) -> String {
        match self {
            SelectError::Tags { repository, selector, .. } => format!("# {repository} ({selector})"),
            SelectError::Selection { repository, reason, .. } => format!("# {repository}: {reason}"),
        }
    }
}

fn at(place: &Option<String>) -> String {
    place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default()
}
