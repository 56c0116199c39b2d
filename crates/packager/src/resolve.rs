//! References are resolved once; everything after speaks in digests.

use std::collections::BTreeMap;

use airlift_bundle::{Digest, Event, ManifestError, Observer, RawManifest, Root, layout};
use airlift_registry::{
    Access, ContentFault, Error, Lookup, Reference, Repository, Selector, Settles, Transport,
};
use futures::{StreamExt, TryStreamExt};

use crate::source::Source;

/// Why references could not be turned into roots.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The registry has no such tag or digest.
    #[error("{0} is not there: the registry knows no such tag or digest")]
    NotFound(Reference),
    /// The registry could not be asked.
    #[error("can't resolve {reference}")]
    Registry {
        /// What was asked for.
        reference: Reference,
        /// What happened.
        #[source]
        source: Error,
    },
    /// What answers is no registry.
    #[error("{reference} can't be had: what answers at {} is no registry", .reference.repository().host())]
    NoRegistry {
        /// What was asked for.
        reference: Reference,
        /// The answer that no registry gives.
        #[source]
        source: Error,
    },
    /// What came is no manifest that can be carried.
    #[error("can't use what the registry sent for {reference}")]
    Manifest {
        /// What was asked for.
        reference: Reference,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// One name was given two digests, of which an archive can hold one.
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

/// A reference with what it stood for when it was asked.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its entry in `index.json`.
    pub root: Root,
    /// Where its content is fetched from.
    pub repository: Repository,
    /// The root manifest's bytes.
    pub manifest: RawManifest,
}

/// Resolves references, up to `jobs` at a time, and puts them into the bundle's one order. Repeats are dropped.
pub async fn resolve(
    source: &Source,
    references: &[Reference],
    jobs: usize,
    observer: &dyn Observer,
) -> Result<Vec<Resolved>, ResolveError> {
    let mut by_name: BTreeMap<String, Resolved> = BTreeMap::new();
    let mut unique: Vec<&Reference> = references.iter().collect();
    unique.sort_by_key(|reference| reference.to_string());
    unique.dedup_by_key(|reference| reference.to_string());
    // A registry says with its first answer how many pulls it allows; by then it is known how many are to come.
    let ahead = |position: usize| {
        let host = unique[position].repository().host();
        (host, unique[position + 1..].iter().filter(|later| later.repository().host() == host).count())
    };
    let found: Vec<Resolved> = futures::stream::iter(unique.iter().enumerate())
        .map(|(position, reference)| async move {
            let resolved = resolve_one(source, reference, observer).await?;
            if source.transport.rate_limit(reference.repository().host()).is_some()
                && source.shelves.is_empty()
            {
                let (host, needed) = ahead(position);
                source.warn_of_limit(host, needed, observer);
            }
            Ok(resolved)
        })
        .buffered(jobs.max(1))
        .try_collect()
        .await?;
    for resolved in found {
        let name = resolved.root.reference.clone().unwrap_or_default();
        let second = resolved.root.descriptor.digest;
        match by_name.insert(name.clone(), resolved).map(|earlier| earlier.root.descriptor.digest) {
            Some(first) if first != second => return Err(ResolveError::Conflict { name, first, second }),
            _ => {}
        }
    }
    // A map by name is in canonical order already: names are unique, and `index.json` is sorted by them.
    if by_name.is_empty() { Err(ResolveError::Nothing) } else { Ok(by_name.into_values().collect()) }
}

async fn resolve_one(
    source: &Source,
    reference: &Reference,
    observer: &dyn Observer,
) -> Result<Resolved, ResolveError> {
    let name = bundle_name(reference);
    observer.notice(Event::Resolving { reference: name.clone() });
    let repository = reference.repository();
    let fetched = match source.root(repository, &reference.selector()).await {
        Ok(Some(fetched)) => fetched,
        other => return Err(without(source, reference, other.err()).await),
    };
    let digest = reference
        .digest()
        .copied()
        .or(fetched.digest_header)
        .unwrap_or_else(|| Digest::sha256(&fetched.bytes));
    let manifest = RawManifest::received(fetched.bytes, digest, fetched.content_type.as_deref())
        .map_err(|source| ResolveError::Manifest { reference: reference.clone(), source })?;
    warn_of_moved_tag(&source.transport, reference, observer).await;
    observer.notice(Event::Resolved { reference: name.clone(), digest });
    let root = Root::new(manifest.descriptor(), Some(name));
    Ok(Resolved { root, repository: repository.clone(), manifest })
}

/// Why there is no manifest: a web server says 404 to everything, or sends its own pages.
async fn without(source: &Source, reference: &Reference, error: Option<Error>) -> ResolveError {
    let is_odd = match &error {
        None => true,
        Some(Error::Content { fault, .. }) => matches!(**fault, ContentFault::Html),
        Some(_) => false,
    };
    let host = reference.repository().host();
    let doubt = if is_odd { source.transport.doubt(host).await } else { None };
    let reference = reference.clone();
    match (doubt, error) {
        (Some(source), _) => ResolveError::NoRegistry { reference, source },
        (None, Some(source)) => ResolveError::Registry { reference, source },
        (None, None) => ResolveError::NotFound(reference),
    }
}

/// What an image is called in the bundle: `name:tag`, or `name@digest` where no tag was given. Of `name:tag@digest` the
/// tag stays: the digest is what the entry says anyway.
fn bundle_name(reference: &Reference) -> String {
    match (reference.tag(), reference.digest()) {
        (Some(tag), _) => format!("{}:{tag}", reference.repository()),
        (None, Some(digest)) => format!("{}@{digest}", reference.repository()),
        (None, None) => reference.to_string(),
    }
}

/// `name:tag@digest` means the digest. If the tag stands for something else by now, somebody will want to know; if that
/// can't be found out, the build doesn't depend on it.
async fn warn_of_moved_tag(transport: &Transport, reference: &Reference, observer: &dyn Observer) {
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
    let name = layout::familiar(&name);
    let settles = Settles::Exactly(*pinned);
    let found = transport.look_up(reference.repository(), &selector, Access::Pull, settles).await;
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
    observer.notice(Event::Warning { message });
}
