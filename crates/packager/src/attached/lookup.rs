//! Asks registries for attached content, and remembers the warnings that were given.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use airlift_oci::reference::AskedBy;
use airlift_oci::{Digest, Event, ManifestError, Observer, RawManifest, Repository, Root, Selector, Tag};
use airlift_registry::Error;

use crate::attached::error::AttachedError;
use crate::location::Location;
use crate::request::ImageChoice;
use crate::resolved::Resolved;
use crate::source::Source;
use crate::walk::Walker;

/// More attached manifests than this in one build count as an attack.
pub(super) const MAX_ATTACHED: usize = 10_000;

/// Gathers what is attached to images.
pub(crate) struct Gatherer<'a> {
    pub(super) source: &'a Source,
    pub(super) requests: usize,
    observer: &'a dyn Observer,
    /// The warnings so far. Each is given once, for however many manifests.
    warned: Mutex<HashSet<String>>,
    /// What lists name and no repository has any more.
    pub(super) gone: Mutex<Vec<Gone>>,
}

/// What a list names as attached, and its repository doesn't have.
#[derive(Clone, Debug)]
pub(crate) struct Gone {
    /// What it was attached to.
    pub(crate) subject: Subject,
    pub(crate) digest: Digest,
}

/// A manifest to which something may be attached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) repository: Repository,
    pub(crate) digest: Digest,
}

impl<'a> Gatherer<'a> {
    pub(crate) fn new(walker: &Walker<'a>) -> Self {
        let Walker { source, requests, observer, .. } = *walker;
        Gatherer { source, requests, observer, warned: Mutex::default(), gone: Mutex::default() }
    }

    /// The manifest under a tag; `None` where there is none.
    pub(super) async fn tagged(
        &self,
        subject: &Subject,
        tag: &str,
    ) -> Result<Option<RawManifest>, AttachedError> {
        // A digest may be too long for a tag.
        let Ok(tag) = tag.parse::<Tag>() else { return Ok(None) };
        let selector = Selector::Tag(tag);
        let fetched = self.source.root(&subject.repository, &selector).await;
        let asked_by = (&selector).into();
        let Some((fetched, _)) = fetched.map_err(|source| self.registry_error(subject, asked_by, source))?
        else {
            return Ok(None);
        };
        let digest = fetched.digest_header.unwrap_or_else(|| Digest::sha256(&fetched.bytes));
        RawManifest::received(fetched.bytes, digest, fetched.content_type.as_deref())
            .map(Some)
            .map_err(|source| self.manifest_error(subject, asked_by, source))
    }

    pub(super) fn registry_error(
        &self,
        subject: &Subject,
        asked_by: AskedBy,
        source: Error,
    ) -> AttachedError {
        let Subject { repository, digest } = subject.clone();
        let mirror = self.source.registries.last_mirror(&repository, asked_by).map(Box::new);
        AttachedError::Registry { repository, mirror, subject: digest, source }
    }

    pub(super) fn manifest_error(
        &self,
        subject: &Subject,
        asked_by: AskedBy,
        source: ManifestError,
    ) -> AttachedError {
        let Subject { repository, digest } = subject.clone();
        let mirror = self.source.registries.last_mirror(&repository, asked_by).map(Box::new);
        AttachedError::Manifest { repository, mirror, subject: digest, source }
    }

    /// Warns, unless that was said before.
    pub(super) fn warn(&self, message: String) -> bool {
        let is_new = self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(message.clone());
        if is_new {
            self.observer.notice(Event::Warning { message, remedy: None });
        }
        is_new
    }
}

pub(super) fn resolved(subject: &Subject, manifest: RawManifest, reference: String) -> Resolved {
    let mut root = Root::new(manifest.descriptor(), Some(reference));
    root.subject = Some(subject.digest);
    let location = Location::Registry(subject.repository.clone());
    Resolved {
        root,
        fetched_from: location.clone(),
        location,
        manifest,
        choice: ImageChoice::default(),
        locked: None,
        place: None,
        layout_platforms: Vec::new(),
        requests: Vec::new(),
    }
}
