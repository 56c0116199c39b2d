//! References are resolved once; everything after speaks in digests.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use airlift_oci::{
    Digest, Event, Host, Observer, RawManifest, Reference, Root, Selector, SourceReference, reference,
};
use airlift_registry::{Concurrency, ContentFault, Error, HeadTrust, Lookup};
use futures::StreamExt;

use crate::error_list::Several;
use crate::from_layouts::from_layouts;
use crate::image_clock::TimeUp;
use crate::registries::Registries;
use crate::request::{ImageChoice, ImageRequest, LockedContent};
use crate::resolve_error::{ResolveError, note, note_unasked};
use crate::resolved::{Resolved, united};
use crate::source::Source;

/// What became of requests.
#[derive(Debug, Default)]
pub struct Resolution {
    /// The images, in the bundle's order.
    pub images: Vec<Resolved>,
    /// Why others have no root.
    pub failed: Vec<ResolveError>,
}

/// Resolves references, many at a time unless `jobs` is one, and puts them into the bundle's one order. Of an
/// image that is asked for twice, everything is carried that one of the requests wants.
///
/// # Errors
/// All errors of the references together.
pub async fn resolve(
    source: &Source,
    requests: &[ImageRequest],
    jobs: usize,
    observer: &dyn Observer,
) -> Result<Vec<Resolved>, Several<ResolveError>> {
    let Resolution { images, failed } = resolve_each(source, requests, jobs, observer).await;
    Several::check(failed)?;
    if images.is_empty() { Err(ResolveError::Nothing.into()) } else { Ok(images) }
}

/// As [`resolve`], with all images that can be had, and the errors of the others. A registry that is in
/// trouble is not asked for its other images.
pub async fn resolve_each(
    source: &Source,
    requests: &[ImageRequest],
    jobs: usize,
    observer: &dyn Observer,
) -> Resolution {
    let (mut found, mut failed) = from_layouts(source, requests, observer);
    let unique = unique(requests);
    // A registry says with its first answer how many pulls it allows; by then it is known how many are to
    // come.
    let ahead = |position: usize| {
        let host_of = |request: &Wanted<'_>| source.registries.host(request.reference.repository());
        let host = host_of(&unique[position]);
        let later = unique[position + 1..].iter().filter(|later| host_of(later) == host).count();
        (host, later)
    };
    let troubled: Mutex<HashSet<Host>> = Mutex::default();
    let troubled = || troubled.lock().unwrap_or_else(PoisonError::into_inner);
    let answers = futures::stream::iter(unique.iter().enumerate())
        .map(|(position, wanted)| async move {
            let own_host = wanted.reference.repository().host();
            if troubled().contains(own_host) {
                return Err(Unresolved::NotAsked(wanted.reference.clone().into_owned()));
            }
            let resolved = resolve_one(source, wanted, observer).await.map_err(|error| {
                if !error.is_of_its_reference() {
                    troubled().insert(own_host.clone());
                }
                Unresolved::Error(Box::new(error))
            })?;
            let host = source.registries.host(wanted.reference.repository());
            if source.registries.pull_limit(&host).is_some() && source.blobs.local.is_empty() {
                let (host, needed) = ahead(position);
                source.warn_of_limit(&host, needed, observer);
            }
            Ok(resolved)
        })
        .buffered(Concurrency::new(jobs).tasks);
    let mut answers = pin!(answers);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(resolved) => found.push(resolved),
            Err(Unresolved::Error(error)) => note(&mut failed, *error),
            Err(Unresolved::NotAsked(reference)) => note_unasked(&mut failed, reference),
        }
    }
    let (images, conflicts) = united(found);
    failed.extend(conflicts);
    Resolution { images, failed }
}

/// Why a reference was not resolved.
enum Unresolved {
    Error(Box<ResolveError>),
    /// Its registry failed for an earlier one.
    NotAsked(Reference),
}

/// A reference to ask for, once.
struct Wanted<'a> {
    reference: Cow<'a, Reference>,
    request: &'a ImageRequest,
    /// The positions of all requests for it.
    requests: Vec<usize>,
    choice: ImageChoice,
    /// Whether several requests chose differently.
    is_united: bool,
}

/// The references to ask registries for, each once and sorted, with what all requests want of them.
fn unique(requests: &[ImageRequest]) -> Vec<Wanted<'_>> {
    let mut unique = BTreeMap::<String, Wanted<'_>>::new();
    for (position, request) in requests.iter().enumerate() {
        let SourceReference::Registry(reference) = &request.source else { continue };
        let reference = match &request.locked {
            None => Cow::Borrowed(reference),
            Some(locked) => Cow::Owned(reference.clone().with_digest(locked.digest)),
        };
        let choice = request.choice.clone();
        let wanted = Wanted { reference, request, requests: vec![position], choice, is_united: false };
        match unique.entry(wanted.reference.to_string()) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.is_united |= known.choice != wanted.choice;
                known.choice.unite(&wanted.choice);
                known.requests.push(position);
            }
            Entry::Vacant(place) => drop(place.insert(wanted)),
        }
    }
    unique.into_values().collect()
}

async fn resolve_one(
    source: &Source,
    wanted: &Wanted<'_>,
    observer: &dyn Observer,
) -> Result<Resolved, ResolveError> {
    let reference = &*wanted.reference;
    let name = bundle_name(reference);
    observer.notice(Event::Resolving { reference: name.clone() });
    let repository = reference.repository();
    let selector = reference.selector();
    let answer = source.clock.within(&name, source.root(repository, &selector)).await;
    let mirror = source.registries.last_mirror(repository, (&selector).into());
    let answer = answer.map_err(|TimeUp { limit }| {
        let (reference, mirror) = (reference.clone(), mirror.clone());
        ResolveError::TimeUp { reference, mirror, limit }
    })?;
    let (fetched, fetched_from) = match answer {
        Ok(Some(answer)) => answer,
        other => return Err(without(source, wanted, other.err()).await),
    };
    let digest = reference
        .digest()
        .copied()
        .or(fetched.digest_header)
        .unwrap_or_else(|| Digest::sha256(&fetched.bytes));
    let manifest = RawManifest::received(fetched.bytes, digest, fetched.content_type.as_deref())
        .map_err(|source| ResolveError::Manifest { reference: reference.clone(), mirror, source })?;
    if wanted.request.locked.is_none() {
        warn_of_moved_tag(&source.registries, reference, observer).await;
    }
    observer.notice(Event::Resolved { reference: name.clone(), digest });
    let root = Root::new(manifest.descriptor(), Some(name));
    let ImageRequest { locked, place, .. } = wanted.request.clone();
    let size = |size: Option<u64>| size.filter(|_| !wanted.is_united);
    let locked = locked.map(|locked| LockedContent { size: size(locked.size), ..locked });
    let choice = wanted.choice.clone();
    let (location, fetched_from) = (repository.clone().into(), fetched_from.into());
    let (layout_platforms, requests) = (Vec::new(), wanted.requests.clone());
    Ok(Resolved { root, location, fetched_from, manifest, choice, locked, place, layout_platforms, requests })
}

/// Why there is no manifest: a web server says 404 to everything, or sends its own pages.
async fn without(source: &Source, wanted: &Wanted<'_>, error: Option<Error>) -> ResolveError {
    let reference = &*wanted.reference;
    let is_odd = match &error {
        None => true,
        Some(Error::Content { fault, .. }) => matches!(**fault, ContentFault::Html),
        Some(_) => false,
    };
    let asked_by = (&reference.selector()).into();
    let host = source.registries.last(reference.repository(), asked_by).host().clone();
    let mirror = source.registries.last_mirror(reference.repository(), asked_by);
    let doubt = if is_odd { source.registries.why_no_registry(&host).await } else { None };
    let reference = reference.clone();
    match (doubt, error, mirror) {
        (Some(source), _, mirror) => {
            ResolveError::NoRegistry { reference, mirror, host, also: Vec::new(), source }
        }
        (None, Some(source), mirror) => {
            ResolveError::Registry { reference, mirror, also: Vec::new(), source }
        }
        (None, None, Some(mirror)) => ResolveError::NotAtMirror { reference, mirror },
        (None, None, None) => match &wanted.request.locked {
            Some(LockedContent { from, .. }) => {
                let (from, place) = (from.clone(), wanted.request.place.clone());
                ResolveError::LockedIsGone { reference, from, place }
            }
            None => ResolveError::NotFound(reference),
        },
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
                format!("{name} has moved: it is {now} now; {pinned} is taken, as asked for")
            }
            _ => return,
        },
        Ok(Lookup::Absent) => {
            format!("{name} is gone from the registry; {pinned} is taken, as asked for")
        }
        Ok(Lookup::Hidden(refusal)) => unknown(&refusal),
        Err(error) => unknown(&error),
    };
    observer.notice(Event::Warning { message, remedy: None });
}
