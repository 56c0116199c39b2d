//! References are resolved once; everything after speaks in digests.

use std::collections::BTreeMap;
use std::pin::pin;

use airlift_oci::{
    Digest, Event, Host, ManifestError, Observer, RawManifest, Reference, Repository, Root, Selector,
    reference,
};
use airlift_registry::{Concurrency, ContentFault, Error, HeadTrust, Lookup};
use futures::{Stream, StreamExt};

use crate::error_list::{Plural, Several};
use crate::registries::Registries;
use crate::source::Source;

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
    #[error("{name} was asked for twice with different digests, {first} and {second}: choose one")]
    Conflict {
        /// The name in the bundle.
        name: String,
        /// One digest.
        first: Digest,
        /// The other.
        second: Digest,
    },
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

/// A reference with what it stood for when it was asked.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its entry in `index.json`.
    pub root: Root,
    /// Its own repository, by whose name it is fetched.
    pub repository: Repository,
    /// The repository that gave its manifest: a mirror, or its own.
    pub fetched_from: Repository,
    /// The root manifest's bytes.
    pub manifest: RawManifest,
}

/// Resolves references, many at a time unless `jobs` is one, and puts them into the bundle's one order.
/// Repeats are dropped.
///
/// # Errors
/// All errors of the references together. An error of a registry as a whole ends it at once.
pub async fn resolve(
    source: &Source,
    references: &[Reference],
    jobs: usize,
    observer: &dyn Observer,
) -> Result<Vec<Resolved>, Several<ResolveError>> {
    let mut by_name: BTreeMap<String, Resolved> = BTreeMap::new();
    let mut unique: Vec<&Reference> = references.iter().collect();
    unique.sort_by_key(|reference| reference.to_string());
    unique.dedup_by_key(|reference| reference.to_string());
    // A registry says with its first answer how many pulls it allows; by then it is known how many are to
    // come.
    let ahead = |position: usize| {
        let host_of = |reference: &Reference| source.registries.host(reference.repository());
        let host = host_of(unique[position]);
        let later = unique[position + 1..].iter().filter(|later| host_of(later) == host).count();
        (host, later)
    };
    let answers = futures::stream::iter(unique.iter().enumerate())
        .map(|(position, reference)| async move {
            let resolved = resolve_one(source, reference, observer).await?;
            let host = source.registries.host(reference.repository());
            if source.registries.pull_limit(&host).is_some() && source.blobs.local.is_empty() {
                let (host, needed) = ahead(position);
                source.warn_of_limit(&host, needed, observer);
            }
            Ok(resolved)
        })
        .buffered(Concurrency::new(jobs).tasks);
    let mut conflicts = Vec::new();
    for resolved in all_of(answers).await? {
        let name = resolved.root.reference.clone().unwrap_or_default();
        let second = resolved.root.descriptor.digest;
        match by_name.insert(name.clone(), resolved).map(|earlier| earlier.root.descriptor.digest) {
            Some(first) if first != second => {
                conflicts.push(ResolveError::Conflict { name, first, second });
            }
            _ => {}
        }
    }
    // A map by name is in canonical order already: names are unique, and `index.json` is sorted by them.
    Several::check(conflicts)?;
    if by_name.is_empty() { Err(ResolveError::Nothing.into()) } else { Ok(by_name.into_values().collect()) }
}

/// All answers, or all errors that are about one reference. A registry that is in trouble is not asked for
/// the others, too.
async fn all_of(
    answers: impl Stream<Item = Result<Resolved, ResolveError>>,
) -> Result<Vec<Resolved>, Several<ResolveError>> {
    let mut answers = pin!(answers);
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(resolved) => found.push(resolved),
            Err(error) => {
                let goes_on = error.is_of_its_reference();
                note(&mut errors, error);
                if !goes_on {
                    break;
                }
            }
        }
    }
    Several::check(errors).map(|()| found)
}

/// Adds an error. A missing login is reported once for each registry.
fn note(errors: &mut Vec<ResolveError>, error: ResolveError) {
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
    fn is_of_its_reference(&self) -> bool {
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

async fn resolve_one(
    source: &Source,
    reference: &Reference,
    observer: &dyn Observer,
) -> Result<Resolved, ResolveError> {
    let name = bundle_name(reference);
    observer.notice(Event::Resolving { reference: name.clone() });
    let repository = reference.repository();
    let (fetched, fetched_from) = match source.root(repository, &reference.selector()).await {
        Ok(Some(answer)) => answer,
        other => return Err(without(source, reference, other.err()).await),
    };
    let digest = reference
        .digest()
        .copied()
        .or(fetched.digest_header)
        .unwrap_or_else(|| Digest::sha256(&fetched.bytes));
    let manifest = RawManifest::received(fetched.bytes, digest, fetched.content_type.as_deref())
        .map_err(|source| ResolveError::Manifest { reference: reference.clone(), source })?;
    warn_of_moved_tag(&source.registries, reference, observer).await;
    observer.notice(Event::Resolved { reference: name.clone(), digest });
    let root = Root::new(manifest.descriptor(), Some(name));
    Ok(Resolved { root, repository: repository.clone(), fetched_from, manifest })
}

/// Why there is no manifest: a web server says 404 to everything, or sends its own pages.
async fn without(source: &Source, reference: &Reference, error: Option<Error>) -> ResolveError {
    let is_odd = match &error {
        None => true,
        Some(Error::Content { fault, .. }) => matches!(**fault, ContentFault::Html),
        Some(_) => false,
    };
    let asked = source.registries.last(reference.repository(), &reference.selector());
    let host = asked.host().clone();
    let doubt = if is_odd { source.registries.why_no_registry(&host).await } else { None };
    let reference = reference.clone();
    match (doubt, error) {
        (Some(source), _) => ResolveError::NoRegistry { reference, host, source },
        (None, Some(source)) => ResolveError::Registry { reference, also: Vec::new(), source },
        (None, None) if asked != *reference.repository() => {
            ResolveError::NotAtMirror { reference, mirror: asked }
        }
        (None, None) => ResolveError::NotFound(reference),
    }
}

/// What an image is called in the bundle: `name:tag`, or `name@digest` where no tag was given. Of
/// `name:tag@digest` the tag stays: the digest is what the entry says anyway.
fn bundle_name(reference: &Reference) -> String {
    match (reference.tag(), reference.digest()) {
        (Some(tag), _) => format!("{}:{tag}", reference.repository()),
        (None, Some(digest)) => format!("{}@{digest}", reference.repository()),
        (None, None) => reference.to_string(),
    }
}

/// `name:tag@digest` means the digest. Warns if the tag stands for something else by now. If the check fails,
/// the build goes on.
async fn warn_of_moved_tag(registries: &Registries, reference: &Reference, observer: &dyn Observer) {
    let (Some(_), Some(pinned)) = (reference.tag(), reference.digest()) else {
        return;
    };
    let Ok(tag) = bundle_name(reference).parse::<Reference>() else {
        return;
    };
    let selector = tag.selector();
    if matches!(selector, Selector::Digest(_)) {
        return;
    }
    let name = bundle_name(reference);
    let name = reference::familiar(&name);
    let settles = HeadTrust::IfDigestIs(*pinned);
    let found = registries.look_up(reference.repository(), &selector, settles).await;
    let found = found.map(|(found, _)| found);
    let unknown =
        |error: &dyn std::fmt::Display| format!("whether {name} has moved could not be found out: {error}");
    let message = match found {
        Ok(Lookup::There(found)) => match found.digest {
            Some(now) if now != *pinned => {
                format!("{name} has moved: it is {now} now; the bundle gets {pinned}, as asked for")
            }
            _ => return,
        },
        Ok(Lookup::Absent) => {
            format!("{name} is gone from the registry; the bundle gets {pinned}, as asked for")
        }
        Ok(Lookup::Hidden(refusal)) => unknown(&refusal),
        Err(error) => unknown(&error),
    };
    observer.notice(Event::Warning { message, remedy: None });
}
