//! Why references have no roots.

use std::fmt;

use airlift_oci::{Digest, Host, LayoutReference, ManifestError, Reference, Repository};
use airlift_registry::Error;

use crate::error_list::Plural;

/// Why references could not be turned into roots.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The registry has no such tag or digest.
    #[error("{0} is not there: the registry knows no such tag or digest")]
    NotFound(Reference),
    /// No mirror of the image has such a tag or digest.
    #[error("{reference} is not there: its mirror {mirror} knows no such tag or digest")]
    NotAtMirror {
        /// The reference.
        reference: Reference,
        /// The mirror that was asked last.
        mirror: Repository,
    },
    /// The registry could not be asked.
    #[error("can't resolve {reference}{}", and_more(.also))]
    Registry {
        /// The reference.
        reference: Reference,
        /// What of the same registry was refused for want of the same login.
        also: Vec<Reference>,
        /// What happened.
        #[source]
        source: Error,
    },
    /// What answers is no registry.
    #[error("{reference} can't be had: what answers at {host} is no registry")]
    NoRegistry {
        /// The reference.
        reference: Reference,
        /// The host that was asked.
        host: Host,
        /// The answer that no registry gives.
        #[source]
        source: Error,
    },
    /// The answer is no manifest that can be carried.
    #[error("can't use what the registry sent for {reference}")]
    Manifest {
        /// The reference.
        reference: Reference,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// Two digests were given for one name; an archive can hold only one of them.
    #[error("{name} was asked for twice with different digests, {} and {}: choose one", .first, .second)]
    Conflict {
        /// The name in the bundle.
        name: String,
        /// One digest.
        first: DigestAt,
        /// The other.
        second: DigestAt,
    },
    /// Images of layouts can't be carried.
    #[error("bundles are not made from layouts such as {0} yet")]
    Layout(LayoutReference),
    /// Nothing was asked for.
    #[error("no image was asked for")]
    Nothing,
}

impl Plural for ResolveError {
    fn of(count: usize) -> String {
        format!("{count} references can't be resolved")
    }
}

fn and_more(also: &[Reference]) -> String {
    if also.is_empty() { String::new() } else { format!(" and {} more of that registry", also.len()) }
}

/// A digest, and where it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestAt {
    /// The digest.
    pub digest: Digest,
    /// The place in a file; `None`: on the command line.
    pub place: Option<String>,
}

impl fmt::Display for DigestAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest.fmt(f)?;
        self.place.iter().try_for_each(|place| write!(f, " ({place})"))
    }
}

/// Adds an error. A missing login is reported once for each registry.
pub(crate) fn note(errors: &mut Vec<ResolveError>, error: ResolveError) {
    if let ResolveError::Registry { reference, source: Error::Unauthorised(_), .. } = &error {
        let host = reference.repository().host();
        for known in errors.iter_mut() {
            match known {
                ResolveError::Registry { reference: first, also, source: Error::Unauthorised(_) }
                    if first.repository().host() == host =>
                {
                    return also.push(reference.clone());
                }
                _ => {}
            }
        }
    }
    errors.push(error);
}

impl ResolveError {
    /// Whether another reference may well be resolved all the same.
    pub(crate) fn is_of_its_reference(&self) -> bool {
        match self {
            ResolveError::Registry { source, .. } => {
                matches!(
                    source,
                    Error::Unauthorised(_)
                        | Error::Denied(_)
                        | Error::NotFound(_)
                        | Error::Refused(_)
                        | Error::Mirror(_)
                )
            }
            ResolveError::NoRegistry { .. } => false,
            _ => true,
        }
    }
}
