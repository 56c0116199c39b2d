//! Why references have no roots.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airlift_oci::{Digest, Host, ManifestError, Reference, Repository};
use airlift_registry::Error;

use crate::error_list::Plural;
use crate::layouts::LayoutFailure;
use crate::mirrored::from_mirror;
use crate::scope::is_of_one_image;

/// Why references could not be turned into roots.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The registry has no such tag or digest.
    #[error("{0} is not there: the registry knows no such tag or digest")]
    NotFound(Reference),
    /// What was locked is gone.
    #[error("{reference} is {}{}", gone(.from.as_ref()), locked_at(.place))]
    LockedIsGone {
        /// The reference, with the digest.
        reference: Reference,
        /// The repository at a mirror that had it when it was locked.
        from: Option<Repository>,
        /// The place in the lock.
        place: Option<String>,
    },
    /// No mirror of the image has such a tag or digest.
    #[error("{reference} is not there: its mirror {mirror} knows no such tag or digest")]
    NotAtMirror {
        /// The reference.
        reference: Reference,
        /// The mirror that was asked last.
        mirror: Repository,
    },
    /// The registry could not be asked.
    #[error("can't resolve {reference}{}{}", and_more(.also), from_mirror(.mirror.as_ref()))]
    Registry {
        /// The reference.
        reference: Reference,
        /// The mirror that was asked, if it was one.
        mirror: Option<Repository>,
        /// What of the same registry can't be had for the same reason.
        also: Vec<Reference>,
        /// What happened.
        #[source]
        source: Error,
    },
    /// What answers is no registry.
    #[error("{reference}{} can't be had{}: what answers at {host} is no registry", and_more(.also), from_mirror(.mirror.as_ref()))]
    NoRegistry {
        /// The reference.
        reference: Reference,
        /// The mirror that was asked, if it was one.
        mirror: Option<Repository>,
        /// The host that was asked.
        host: Host,
        /// What else was wanted from there.
        also: Vec<Reference>,
        /// The answer that no registry gives.
        #[source]
        source: Error,
    },
    /// The answer is no manifest that can be carried.
    #[error("can't use what {} sent for {reference}", sender(.mirror.as_ref()))]
    Manifest {
        /// The reference.
        reference: Reference,
        /// The mirror that was asked, if it was one.
        mirror: Option<Repository>,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The time of the image was up before its manifest came.
    #[error("{reference} did not come{} within {} s, which is the limit for the manifests of an image", from_mirror(.mirror.as_ref()), .limit.as_secs())]
    TimeUp {
        /// The reference.
        reference: Reference,
        /// The mirror that was asked, if it was one.
        mirror: Option<Repository>,
        /// The limit.
        limit: Duration,
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
    /// A layout doesn't have it, or is damaged.
    #[error(transparent)]
    Layout(LayoutFailure),
    /// Nothing was asked for.
    #[error("no image was asked for")]
    Nothing,
}

impl Plural for ResolveError {
    fn of(count: usize) -> String {
        format!("{count} references can't be resolved")
    }
}

fn sender(mirror: Option<&Repository>) -> String {
    mirror.map_or("the registry".to_owned(), |mirror| format!("the mirror {mirror}"))
}

fn and_more(also: &[Reference]) -> String {
    if also.is_empty() { String::new() } else { format!(" and {} more of that registry", also.len()) }
}

/// A digest, and where it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestAt {
    /// The digest.
    pub digest: Digest,
    /// The place in a file, and the layout that has it; `None`: on the command line, of a registry.
    pub place: Option<String>,
}

impl fmt::Display for DigestAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest.fmt(f)?;
        self.place.iter().try_for_each(|place| write!(f, " ({place})"))
    }
}

fn gone(from: Option<&Repository>) -> String {
    match from {
        None => "gone: the registry has no such digest any more".to_owned(),
        Some(mirror) => {
            format!("not there: the registry has no such digest, and it was locked from the mirror {mirror}")
        }
    }
}

fn locked_at(place: &Option<String>) -> String {
    place.as_ref().map(|place| format!(", and {place} names it")).unwrap_or_default()
}

/// Adds an error. A missing login, and a registry in trouble, are reported once for each registry, and a
/// layout that can't be read is reported once.
pub fn note(errors: &mut Vec<ResolveError>, error: ResolveError) {
    if let ResolveError::Layout(new) = &error {
        let of_same = |known: &mut ResolveError| match known {
            ResolveError::Layout(known) if Arc::ptr_eq(&known.error, &new.error) => {
                known.references.extend_from_slice(&new.references);
                true
            }
            _ => false,
        };
        if !errors.iter_mut().any(of_same) {
            errors.push(error);
        }
        return;
    }
    let known = errors.iter_mut().find(|known| known.has_cause_of(&error));
    match (known.and_then(ResolveError::also), &error) {
        (
            Some(also),
            ResolveError::Registry { reference, .. } | ResolveError::NoRegistry { reference, .. },
        ) => {
            also.push(reference.clone());
        }
        _ => errors.push(error),
    }
}

/// Adds a reference whose registry failed for an earlier one, and was not asked again.
pub(crate) fn note_unasked(errors: &mut [ResolveError], reference: Reference) {
    let host = reference.repository().host();
    let of_registry = |error: &&mut ResolveError| !error.is_of_its_reference() && error.host() == Some(host);
    if let Some(also) = errors.iter_mut().find(of_registry).and_then(ResolveError::also) {
        also.push(reference);
    }
}

impl ResolveError {
    /// Whether another reference may well be resolved all the same.
    pub(crate) fn is_of_its_reference(&self) -> bool {
        match self {
            ResolveError::Registry { source, .. } => is_of_one_image(source),
            ResolveError::NoRegistry { .. } => false,
            _ => true,
        }
    }

    /// The references that can't be had, as they were asked for.
    pub fn references(&self) -> Vec<String> {
        match self {
            ResolveError::Registry { reference, also, .. }
            | ResolveError::NoRegistry { reference, also, .. } => {
                std::iter::once(reference).chain(also).map(ToString::to_string).collect()
            }
            ResolveError::NotFound(reference)
            | ResolveError::NotAtMirror { reference, .. }
            | ResolveError::LockedIsGone { reference, .. }
            | ResolveError::TimeUp { reference, .. }
            | ResolveError::Manifest { reference, .. } => vec![reference.to_string()],
            ResolveError::Conflict { name, .. } => vec![name.clone()],
            ResolveError::Layout(failure) => failure.references.iter().map(ToString::to_string).collect(),
            ResolveError::Nothing => Vec::new(),
        }
    }

    /// The registry of an error that may be about others of its images, too.
    fn host(&self) -> Option<&Host> {
        match self {
            ResolveError::Registry { reference, .. } | ResolveError::NoRegistry { reference, .. } => {
                Some(reference.repository().host())
            }
            _ => None,
        }
    }

    fn also(&mut self) -> Option<&mut Vec<Reference>> {
        match self {
            ResolveError::Registry { also, .. } | ResolveError::NoRegistry { also, .. } => Some(also),
            _ => None,
        }
    }

    /// Whether this error of an earlier reference explains another one.
    fn has_cause_of(&self, other: &ResolveError) -> bool {
        let needs_login = |error: &ResolveError| {
            matches!(error, ResolveError::Registry { source: Error::Unauthorised(_), .. })
        };
        let is_alike = (needs_login(self) && needs_login(other))
            || !(self.is_of_its_reference() || other.is_of_its_reference());
        is_alike && self.host().is_some() && self.host() == other.host()
    }
}
