//! Which names images get beside their digests.

use airlift_oci::{Reference, Repository};
use airlift_pusher::{Destination, MapRule};

use super::error::NamingError;
use crate::args::mapping::NamingArgs;

/// Which names images get.
pub(crate) enum Renaming {
    /// Those that start with FROM start with TO instead; the longest FROM counts. Others stay.
    Rules(Vec<MapRule>),
    /// Those that a push would give them.
    Destination(Destination, NamingArgs),
}

impl Renaming {
    /// The new repository of an image; `None` if its name stays.
    ///
    /// # Errors
    /// If the new name would be no valid one.
    pub(crate) fn of(&self, image: &Reference) -> Result<Option<Repository>, NamingError> {
        let source = image.repository().to_string();
        let renamed = match self {
            Renaming::Rules(rules) => {
                let fitting = rules.iter().filter_map(|rule| Some((rule.from().len(), rule.apply(&source)?)));
                let longest = fitting.max_by_key(|(length, _)| *length);
                longest.map(|(_, name)| name.parse()).transpose()
            }
            Renaming::Destination(destination, naming) => {
                destination.repository_of(image, naming.host_in_path(), naming.rules()).map(Some)
            }
        };
        renamed.map_err(|why| NamingError::NewName { image: source, why })
    }
}
